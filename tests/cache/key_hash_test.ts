import assert from "node:assert/strict";
import fc from "fast-check";
import { keyHash } from "../../lib/cache/key_hash.ts";

/** Source: Linux `lib/tests/siphash_kunit.c`, hsiphash for 32 bits: entry n hashes the bytes 0 to n−1. */
const VECTORS: readonly [bytes: number, hash: number][] = [
  [0, 0x5814c896],
  [1, 0xe7e864ca],
  [2, 0xbc4b0e30],
  [3, 0x01539939],
  [4, 0x7e059ea6],
  [7, 0x9d38d9d6],
  [8, 0x577999b1],
  [63, 0x87178304],
];

function wordsOf(bytes: Uint8Array): Int32Array {
  const padded = new Uint8Array(4 * Math.ceil(bytes.length / 4));
  padded.set(bytes);
  return new Int32Array(padded.buffer);
}

Deno.test("keyHash() is HalfSipHash-1-3", async (t) => {
  for (const [length, hash] of VECTORS) {
    await t.step(`of ${length} bytes`, () => {
      const bytes = Uint8Array.from({ length }, (_, index) => index);
      assert.equal(keyHash(wordsOf(bytes), length, 0x03020100, 0x07060504) >>> 0, hash);
    });
  }
});

Deno.test("keyHash() depends on every bit of the key and of the secret", () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(key, fc.nat(), fc.nat(), fc.nat(7), (bytes, at, secret, bit) => {
      const hash = keyHash(wordsOf(bytes), bytes.length, secret, 1);
      assert.notEqual(keyHash(wordsOf(bytes), bytes.length, secret ^ (1 << bit), 1), hash);
      bytes[at % bytes.length] ^= 1 << bit;
      assert.notEqual(keyHash(wordsOf(bytes), bytes.length, secret, 1), hash);
    }),
    { seed: 1 },
  );
});
