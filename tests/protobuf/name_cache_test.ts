import assert from "node:assert/strict";
import fc from "fast-check";
import { NameCache } from "../../lib/protobuf/name_cache.ts";
import { readText, textBytes, writeText } from "../../lib/protobuf/text.ts";
import { WireReader } from "../../lib/protobuf/wire.ts";

function readerOf(bytes: Uint8Array): WireReader {
  const reader = new WireReader();
  reader.reset(bytes, 0, bytes.length);
  return reader;
}

function encode(text: string): Uint8Array {
  const bytes = new Uint8Array(textBytes(text) + 1);
  assert.equal(writeText(text, bytes, 0), bytes.length - 1);
  return bytes;
}

Deno.test("NameCache reads what readText() reads, of more names than it keeps", () => {
  const cache = new NameCache();
  const name = fc.oneof(
    fc.constantFrom("", "x", "y", "input__0", "FP32", "x".repeat(64), "x".repeat(65)),
    fc.nat(2_000).map((index) => `name ${index}`),
    fc.string({ unit: "binary", maxLength: 90 }),
  );
  fc.assert(
    fc.property(name, (text) => {
      const bytes = encode(text);
      const reader = readerOf(bytes);
      assert.equal(cache.read(reader), readText(readerOf(bytes)));
      assert.equal(reader.at, bytes.length - 1);
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("NameCache refuses what readText() refuses, however often", () => {
  const cache = new NameCache();
  for (let turn = 0; turn < 3; turn++) {
    assert.throws(() => cache.read(readerOf(Uint8Array.of(2, 0xc3, 0x28))), TypeError);
    assert.throws(() => cache.read(readerOf(Uint8Array.of(5, 0x41))), RangeError);
    assert.equal(cache.read(readerOf(Uint8Array.of(2, 0xc3, 0xa4))), "ä");
  }
});
