import assert from "node:assert/strict";
import fc from "fast-check";
import { keyHash128 } from "../../lib/cache/key_hash_128.ts";

const SECRET = Int32Array.of(0x833d3433, 0x009f389f, 0x2398e64f, 0x417acf39);

/**
 * Of the vectors of the authors' reference implementation, Chaskey with 8 rounds: entry n hashes the
 * bytes 0 to n−1.
 */
const VECTORS: readonly [bytes: number, hash: readonly number[]][] = [
  [0, [0x792e8fe5, 0x75ce87aa, 0x2d1450b5, 0x1191970b]],
  [1, [0x13a9307b, 0x50e62c89, 0x4577bd88, 0xc0bbdc18]],
  [3, [0x1bdbb264, 0xa07680d8, 0x8e5b2ab8, 0x20660413]],
  [4, [0x30b2d171, 0xe38532fb, 0x16707c16, 0x73ed45f0]],
  [15, [0x51b94da4, 0xefcc4de8, 0x192412ea, 0xbbc170dd]],
  [16, [0x79271ca9, 0xd66a1c71, 0x81ca474e, 0x49831cad]],
  [17, [0x048da968, 0x4e25d096, 0x2d6cf897, 0xbc3959ca]],
  [32, [0x60b3f7af, 0x37eee7c8, 0x836cfd98, 0x782ca060]],
  [47, [0xb3f0a2c3, 0x775539a7, 0x6caa3bc1, 0xd5a6fc7e]],
  [63, [0x9047fad7, 0x88136d8c, 0xa488286b, 0x7fe9352c]],
];

function hashOf(bytes: Uint8Array, secret = SECRET): Int32Array {
  // What stands behind the last word is not the key's.
  const words = new Int32Array(Math.ceil(bytes.length / 4) + 5).fill(-1);
  words[bytes.length >>> 2] = 0;
  new Uint8Array(words.buffer).set(bytes);
  if (bytes.length % 4 === 0) words[bytes.length >>> 2] = -1;
  const hash = new Int32Array(4).fill(-1);
  keyHash128(words, bytes.length, secret, hash);
  return hash;
}

Deno.test("keyHash128() is Chaskey", async (t) => {
  for (const [length, hash] of VECTORS) {
    await t.step(`of ${length} bytes`, () => {
      const bytes = Uint8Array.from({ length }, (_, index) => index);
      assert.deepEqual(hashOf(bytes), Int32Array.from(hash));
    });
  }
});

Deno.test("keyHash128() depends on every bit of the key and of the secret", () => {
  const key = fc.uint8Array({ minLength: 1, maxLength: 100 });
  fc.assert(
    fc.property(key, fc.nat(), fc.nat(127), fc.nat(7), (bytes, at, secretBit, bit) => {
      const hash = hashOf(bytes);
      const secret = SECRET.slice();
      secret[secretBit >>> 5] ^= 1 << (secretBit & 31);
      assertUnrelated(hashOf(bytes, secret), hash);
      bytes[at % bytes.length] ^= 1 << bit;
      assertUnrelated(hashOf(bytes), hash);
    }),
    { seed: 1 },
  );
});

Deno.test("keyHash128() tells zeros of different lengths apart", () => {
  const hashes = Array.from({ length: 70 }, (_, length) => hashOf(new Uint8Array(length)).join());
  assert.equal(new Set(hashes).size, 70);
});

/** No word is the same: by chance, one in a thousand million pairs would have one. */
function assertUnrelated(left: Int32Array, right: Int32Array): void {
  for (const word of left.keys()) assert.notEqual(left[word], right[word]);
}
