import assert from "node:assert/strict";
import fc from "fast-check";
import { ProtoFile } from "../../lib/grpc/proto_service.ts";
import { FloatListCodec } from "../../lib/protobuf/float_list.ts";

/** What proto-loader makes of the same message, to compare with. */
const reference = new ProtoFile(`
  syntax = "proto3";
  message Floats { repeated float values = 1; }
  service S { rpc M(Floats) returns (Floats); }
`).method<"unary", { values: number[] }, unknown>("S", "M", "unary").request;

const codec = new FloatListCodec();

function encode(values: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(codec.encodedBytes(values.length) + 2);
  const end = codec.encode(values, bytes, 1);
  assert.equal(end - 1, codec.encodedBytes(values.length));
  return bytes.slice(1, end);
}

function encodeReference(values: readonly number[]): Uint8Array {
  const message = { values: [...values] };
  const bytes = new Uint8Array(reference.encodedBytesMax(message));
  reference.encode(message, bytes, 0);
  return bytes;
}

function decode(bytes: Uint8Array): number[] {
  return [...codec.decode(bytes, 0, bytes.length)];
}

/** Decodes as `decoder` does, `undefined` when it refuses. */
function outcome(decoder: (bytes: Uint8Array) => number[], bytes: Uint8Array) {
  try {
    return decoder(bytes);
  } catch {
    return undefined;
  }
}

const decodeReference = (bytes: Uint8Array) => reference.decode(bytes, 0, bytes.length).values;

/** Lengths on either side of the buffers' first size and of the loop that copies. */
const floats = fc.oneof(
  fc.array(fc.float({ noNaN: false }), { maxLength: 40 }),
  fc.array(fc.float(), { minLength: 200, maxLength: 300 }),
);

Deno.test("FloatListCodec writes what proto-loader writes, byte for byte", () => {
  fc.assert(fc.property(floats, (values) => {
    const bytes = encode(values);
    // Which NaN it is, neither promises.
    if (!values.some(Number.isNaN)) assert.deepEqual(bytes, encodeReference(values));
    assert.deepEqual(decodeReference(bytes), values);
    assert.deepEqual(encode(Float32Array.from(values)), bytes);
  }));
});

Deno.test("FloatListCodec rounds to float32 as it writes", () => {
  assert.deepEqual(decode(encode([0.1, 1e39, -0, 1e-50])), [Math.fround(0.1), Infinity, -0, 0]);
});

/** Fields of a message: values packed or not, and fields that nobody knows. */
const fixed32 = fc.uint8Array({ minLength: 4, maxLength: 4 });
const packed = fc.array(fixed32, { maxLength: 40 }).map((values) => [
  0x0a,
  ...(values.length < 32 ? [values.length * 4] : [(values.length * 4) | 0x80, 1]),
  ...values.flatMap((bytes) => [...bytes]),
]);
const unpacked = fixed32.map((bytes) => [0x0d, ...bytes]);
const unknown = fc.oneof(
  fc.constant([0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
  fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => [0x11, ...bytes]),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => [0x1a, bytes.length, ...bytes]),
  fixed32.map((bytes) => [0x25, ...bytes]),
  fixed32.map((bytes) => [0x2b, 0x0d, ...bytes, 0x13, 0x14, 0x2c]),
  // The largest field number there is.
  fc.constant([0xf8, 0xff, 0xff, 0xff, 0x0f, 1]),
);
const fields = fc.array(fc.oneof(packed, unpacked, unknown), { maxLength: 8 });

Deno.test("FloatListCodec reads packed, unpacked and unknown fields in any mix as proto-loader", () => {
  fc.assert(fc.property(fields, (fields) => {
    const bytes = Uint8Array.from(fields.flat());
    assert.deepEqual(decode(bytes), decodeReference(bytes));
  }));
});

Deno.test("FloatListCodec refuses a message that was cut where proto-loader does", () => {
  fc.assert(fc.property(fields, fc.nat(), (fields, cut) => {
    const bytes = Uint8Array.from(fields.flat());
    const part = bytes.slice(0, cut % (bytes.length + 1));
    assert.deepEqual(outcome(decode, part), outcome(decodeReference, part));
  }));
});

Deno.test("FloatListCodec makes floats or a RangeError of any bytes, and floats proto-loader's", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      let values: number[];
      try {
        values = decode(bytes);
      } catch (error) {
        assert.ok(error instanceof RangeError, `${error}`);
        return;
      }
      const expected = outcome(decodeReference, bytes);
      if (!isReadOtherwise(bytes)) assert.deepEqual(values, expected);
    }),
    { numRuns: 2_000 },
  );
});

/**
 * Whether proto-loader may read the bytes otherwise: field 1 of any wire type as a float, where we
 * skip it as unknown, and ten bytes for each varint of more than five.
 */
function isReadOtherwise(bytes: Uint8Array): boolean {
  const hasOtherType = bytes.some((byte) =>
    (byte & 0x78) === 0x08 && (byte & 7) !== 2 && (byte & 7) !== 5
  );
  return hasOtherType || /[\x80-\xff]{5}/.test(String.fromCharCode(...bytes));
}

Deno.test("FloatListCodec refuses packed floats whose length is no multiple of four", () => {
  for (const length of [1, 2, 3, 5]) {
    const bytes = new Uint8Array(2 + length);
    bytes.set([0x0a, length]);
    assert.throws(() => decode(bytes), /need a multiple of 4/);
  }
});

Deno.test("FloatListCodec reads where it is told to, at any offset", () => {
  const message = encode([1, 2, 3]);
  for (let offset = 0; offset < 5; offset++) {
    const bytes = new Uint8Array(offset + message.length + 3).fill(0x0d);
    bytes.set(message, offset);
    assert.deepEqual([...codec.decode(bytes, offset, offset + message.length)], [1, 2, 3]);
  }
});

Deno.test("FloatListCodec keeps its values apart from one message to the next", () => {
  const codec = new FloatListCodec();
  const long = encode(Array.from({ length: 1_000 }, (_, i) => i));
  const short = encode([7]);
  assert.equal(codec.decode(short, 0, short.length).length, 1);
  assert.equal(codec.decode(long, 0, long.length)[999], 999);
  assert.deepEqual([...codec.decode(short, 0, short.length)], [7]);
  assert.equal(codec.decode(short, 0, 0).length, 0);
});
