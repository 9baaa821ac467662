import assert from "node:assert/strict";
import fc from "fast-check";
import protobuf from "protobufjs";
import {
  INT64_BYTES_MAX,
  int64Bytes,
  uint53Bytes,
  varintBytes,
  WireReader,
  WireType,
  writeInt64,
  writeUint53,
  writeVarint,
} from "../../lib/protobuf/wire.ts";

function readerOf(...bytes: number[]): WireReader {
  const reader = new WireReader();
  reader.reset(Uint8Array.from(bytes), 0, bytes.length);
  return reader;
}

/** Bytes of a varint that takes `count` of them and has no bit set but continuations. */
function zeroVarint(count: number): number[] {
  return [...new Array(count - 1).fill(0x80), 0];
}

Deno.test("A varint comes back for every unsigned 32-bit integer", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (value) => {
    const bytes = new Uint8Array(7);
    const end = writeVarint(value, bytes, 1);
    assert.equal(end - 1, varintBytes(value));
    const reader = new WireReader();
    reader.reset(bytes, 1, end);
    assert.equal(reader.readVarint32(), value);
    assert.ok(!reader.more);
  }));
  const edges = [0x7f, 0x80, 0x3fff, 0x4000, 0x1f_ffff, 0x20_0000, 0xfff_ffff, 0x1000_0000];
  assert.deepEqual(edges.map(varintBytes), [1, 2, 2, 3, 3, 4, 4, 5]);
});

Deno.test("WireReader.readVarint32() keeps the low bits of up to 10 bytes", async (t) => {
  const cases: [name: string, bytes: number[], value: number][] = [
    ["-1 of 64 bits", [...new Array(9).fill(0xff), 0x01], 0xffff_ffff],
    ["2^32", [0x80, 0x80, 0x80, 0x80, 0x10], 0],
    ["2^32 + 1", [0x81, 0x80, 0x80, 0x80, 0x10], 1],
    ["0 in ten bytes", zeroVarint(10), 0],
    ["2^31", [0x80, 0x80, 0x80, 0x80, 0x08], 0x8000_0000],
  ];
  for (const [name, bytes, value] of cases) {
    await t.step(name, () => assert.equal(readerOf(...bytes).readVarint32(), value));
  }
});

Deno.test("WireReader refuses what is cut off or breaks the format", async (t) => {
  const tag = (number: number, type: number) => (number << 3) | type;
  const cases: [name: string, bytes: number[]][] = [
    ["a varint of 11 bytes", zeroVarint(11)],
    ["a tag that is cut off", [0x80]],
    ["field number 0", [tag(0, WireType.VARINT), 1]],
    ["wire type 6", [tag(1, 6)]],
    ["wire type 7", [tag(1, 7)]],
    ["a value that is missing", [tag(1, WireType.VARINT)]],
    ["a fixed64 of 7 bytes", [tag(1, WireType.FIXED64), 1, 2, 3, 4, 5, 6, 7]],
    ["a fixed32 of 3 bytes", [tag(1, WireType.FIXED32), 1, 2, 3]],
    ["a length past the end", [tag(1, WireType.LENGTH), 2, 0]],
    ["a length of 4 GiB", [tag(1, WireType.LENGTH), 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ["a group's end alone", [tag(1, WireType.GROUP_END)]],
    ["a group without an end", [tag(1, WireType.GROUP_START), tag(2, WireType.VARINT), 1]],
    ["a group that ends as another", [tag(1, WireType.GROUP_START), tag(2, WireType.GROUP_END)]],
    [
      "groups that end crosswise",
      [
        tag(1, WireType.GROUP_START),
        tag(2, WireType.GROUP_START),
        tag(1, WireType.GROUP_END),
        tag(2, WireType.GROUP_END),
      ],
    ],
    ["101 groups nested", new Array(101).fill(tag(1, WireType.GROUP_START))],
    ["a million groups nested", new Array(1_000_000).fill(tag(1, WireType.GROUP_START))],
  ];
  for (const [name, bytes] of cases) {
    await t.step(name, () => {
      const reader = readerOf();
      reader.reset(Uint8Array.from(bytes), 0, bytes.length);
      const skip = () => {
        while (reader.more) reader.skipField(reader.readTag());
        throw new Error("accepted");
      };
      assert.throws(skip, RangeError);
    });
  }
});

Deno.test("WireReader.skipField() moves over fields of every type", () => {
  const bytes = [
    [0x08, ...zeroVarint(10)],
    [0x11, 1, 2, 3, 4, 5, 6, 7, 8],
    [0x1a, 3, 1, 2, 3],
    [0x25, 1, 2, 3, 4],
    [0x2b, 0x08, 1, 0x33, 0x12, 1, 0, 0x34, 0x2c],
    // 100 groups nested, the most there may be.
    [...new Array(100).fill(0x0b), ...new Array(100).fill(0x0c)],
  ];
  const reader = readerOf(...bytes.flat(), 0x08, 7);
  for (const field of bytes) {
    const start = reader.at;
    reader.skipField(reader.readTag());
    assert.equal(reader.at - start, field.length);
  }
  assert.equal(reader.readTag(), 0x08);
  assert.equal(reader.readVarint32(), 7);
});

Deno.test("WireReader never reads past the end that it was given", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), fc.nat(40), (bytes, cut) => {
    const end = Math.min(cut, bytes.length);
    const reader = new WireReader();
    reader.reset(bytes, 0, end);
    try {
      while (reader.more) reader.skipField(reader.readTag());
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
    assert.ok(reader.at <= end);
  }));
});

Deno.test("An int64 comes back as the varint that protobuf's own library writes", () => {
  const int64 = fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n);
  const edges = [
    0n,
    127n,
    128n,
    2n ** 28n,
    2n ** 31n,
    2n ** 32n,
    2n ** 63n - 1n,
    -1n,
    -(2n ** 63n),
  ];
  fc.assert(
    fc.property(fc.oneof(int64, fc.bigInt(-300n, 300n), fc.constantFrom(...edges)), (value) => {
      const bytes = new Uint8Array(INT64_BYTES_MAX + 1);
      const end = writeInt64(value, bytes, 1);
      const written = bytes.slice(1, end);
      const expected = protobuf.Writer.create().int64(longOf(value)).finish();
      assert.deepEqual([...written], [...expected]);
      const reader = readerOf(...written);
      assert.equal(reader.readInt64(), value);
      assert.ok(!reader.more);
    }),
  );
});

Deno.test("WireReader.readInt64() keeps 64 bits of up to 10 bytes, and refuses more and less", () => {
  assert.equal(readerOf(...zeroVarint(10)).readInt64(), 0n);
  assert.equal(readerOf(...new Array(9).fill(0xff), 0x7f).readInt64(), -1n);
  assert.equal(readerOf(0x81, 0x80, 0x80, 0x80, 0x00).readInt64(), 1n);
  assert.throws(() => readerOf(...zeroVarint(11)).readInt64(), /more than 10 bytes/);
  assert.throws(() => readerOf(0xff, 0xff, 0xff, 0xff, 0xff).readInt64(), /cut off/);
});

/** As protobufjs takes an int64 when there is no Long: its low and its high half. */
function longOf(value: bigint) {
  const low = Number(BigInt.asIntN(32, value));
  const high = Number(BigInt.asIntN(32, value >> 32n));
  return { low, high, unsigned: false } as unknown as number;
}

Deno.test("WireReader.readInt64Number() reads what numbers hold exactly, and more nearly", () => {
  fc.assert(fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
    const bytes = new Uint8Array(INT64_BYTES_MAX);
    const end = writeInt64(value, bytes, 0);
    assert.equal(end, int64Bytes(value));
    assert.equal(readerOf(...bytes.subarray(0, end)).readInt64Number(), Number(value));
  }));
  assert.equal(int64Bytes(2n ** 64n - 1n), 10);
  assert.throws(() => readerOf().readInt64Number(), /cut off/);
  assert.throws(() => readerOf(0x80).readInt64Number(), /cut off/);
});

Deno.test("writeUint53() writes what writeInt64() writes", () => {
  const edges = fc.nat(53).chain((bits) =>
    fc.integer({ min: -1, max: 1 }).map((d) => 2 ** bits + d)
  );
  const values = fc.oneof(fc.maxSafeNat(), edges).filter((value) => Number.isSafeInteger(value));
  fc.assert(fc.property(values, (value) => {
    const bytes = new Uint8Array(INT64_BYTES_MAX);
    const expected = new Uint8Array(INT64_BYTES_MAX);
    assert.equal(writeUint53(value, bytes, 0), writeInt64(BigInt(value), expected, 0));
    assert.deepEqual(bytes, expected);
    assert.equal(uint53Bytes(value), int64Bytes(BigInt(value)));
  }));
});

Deno.test("WireReader.readBool() is true unless all bits are 0", () => {
  for (let count = 1; count <= 10; count++) {
    assert.equal(readerOf(...zeroVarint(count)).readBool(), false);
    assert.equal(readerOf(...new Array(count - 1).fill(0x80), 1).readBool(), true);
  }
});

Deno.test("WireReader.enter() ends where the nested message ends, leave() where it did before", () => {
  const reader = readerOf(2, 5, 6, 7);
  const outerEnd = reader.enter();
  assert.deepEqual([reader.at, reader.end], [1, 3]);
  assert.throws(() => reader.skipBytes(3), /cut off/);
  reader.skipBytes(2);
  assert.equal(reader.more, false);
  reader.leave(outerEnd);
  assert.equal(reader.readVarint32(), 7);
  assert.throws(() => readerOf(2, 5).enter(), /field of 2 bytes, 1 are left/);
});
