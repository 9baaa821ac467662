import assert from "node:assert/strict";
import fc from "fast-check";
import type { Codec } from "../../lib/grpc/codec.ts";
import { ProtoFile } from "../../lib/grpc/proto_service.ts";
import { FlatCodec } from "../../lib/protobuf/flat_codec.ts";

interface Mixed {
  readonly text: string;
  readonly number: bigint;
  readonly flag: boolean;
}

/** What proto-loader makes of it: 64-bit integers are decimal strings. */
type Loaded = Omit<Mixed, "number"> & { readonly number: string };

const codec = new FlatCodec<Mixed>({ text: "string", number: "int64", flag: "bool" });

const reference: Codec<Loaded> = new ProtoFile(`
  syntax = "proto3";
  message Mixed { string text = 1; int64 number = 2; bool flag = 3; }
  service S { rpc M(Mixed) returns (Mixed); }
`).method<"unary", Loaded, Loaded>("S", "M", "unary").request;

function encode<Message>(codec: Codec<Message>, message: Message): Uint8Array {
  const bytes = new Uint8Array(codec.encodedBytesMax(message) + 1);
  const end = codec.encode(message, bytes, 1);
  assert.ok(end <= bytes.length, "encodedBytesMax() announced too little");
  return bytes.slice(1, end);
}

const decode = (bytes: Uint8Array): Mixed => codec.decode(bytes, 0, bytes.length);

const load = (bytes: Uint8Array): Mixed => {
  const { text, number, flag } = reference.decode(bytes, 0, bytes.length);
  return { text, number: BigInt(number), flag };
};

const messages: fc.Arbitrary<Mixed> = fc.record({
  text: fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: "binary", maxLength: 200 })),
  number: fc.oneof(fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), fc.bigInt(-200n, 200n)),
  flag: fc.boolean(),
}, { noNullPrototype: true });

Deno.test("FlatCodec writes a message as proto-loader does without its defaults", () => {
  fc.assert(fc.property(messages, (message) => {
    const { text, number, flag } = message;
    const rest = {
      ...(text === "" ? {} : { text }),
      ...(number === 0n ? {} : { number: `${number}` }),
      ...(flag ? { flag } : {}),
    } as Loaded;
    assert.deepEqual(encode(codec, message), encode(reference, rest));
  }));
});

Deno.test("FlatCodec and proto-loader read what either has written", () => {
  fc.assert(fc.property(messages, (message) => {
    const loaded = { ...message, number: `${message.number}` };
    for (const bytes of [encode(codec, message), encode(reference, loaded)]) {
      assert.deepEqual(decode(bytes), message);
      assert.deepEqual(load(bytes), message);
    }
  }));
});

Deno.test("FlatCodec reads and writes texts of every length around its short cut", () => {
  for (const last of ["a", "é", "€", "😀", "\0"]) {
    for (let length = 0; length <= 130; length++) {
      const message = { text: "a".repeat(length) + last, number: 0n, flag: false };
      assert.deepEqual(decode(encode(codec, message)), message);
    }
  }
});

Deno.test("FlatCodec takes the last of several occurrences, and skips what it does not know", () => {
  const bytes = Uint8Array.of(
    ...[0x0a, 1, 0x61],
    ...[0x10, 5],
    ...[0x18, 1],
    // Unknown fields; 1 and 2 with wire types that are not theirs.
    ...[0x22, 2, 1, 2],
    ...[0x08, 7],
    ...[0x11, 1, 2, 3, 4, 5, 6, 7, 8],
    ...[0x2b, 0x08, 1, 0x2c],
    ...[0x0a, 2, 0x62, 0x63],
    ...[0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
    ...[0x18, 0],
  );
  assert.deepEqual(decode(bytes), { text: "bc", number: -1n, flag: false });
});

Deno.test("FlatCodec refuses text that is not UTF-8: two texts never become one", () => {
  for (const text of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    assert.throws(() => decode(Uint8Array.of(0x0a, text.length, ...text)), TypeError);
  }
  assert.equal(decode(Uint8Array.of(0x0a, 3, 0xef, 0xbb, 0xbf)).text, "\ufeff");
});

Deno.test("FlatCodec makes a message or an error of its own of any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        const message = decode(bytes);
        assert.deepEqual(decode(encode(codec, message)), message);
      } catch (error) {
        assert.ok(error instanceof RangeError || error instanceof TypeError, `${error}`);
      }
    }),
    { numRuns: 2_000 },
  );
});
