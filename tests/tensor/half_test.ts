import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeBf16,
  decodeFp16,
  encodeBf16,
  encodeFp16,
  widenBf16,
  widenFp16,
} from "../../lib/tensor/half.ts";
import { SEED } from "./seed.ts";

const ALL_BITS = 0x1_0000;

Deno.test("decodeFp16() gives what Float16Array has, for all bits", () => {
  const bits = new Uint16Array(1);
  const half = new Float16Array(bits.buffer);
  for (bits[0] = 0;; bits[0]++) {
    if (!Object.is(decodeFp16(bits[0]), half[0])) assert.equal(decodeFp16(bits[0]), half[0]);
    if (bits[0] === ALL_BITS - 1) return;
  }
});

Deno.test("encodeFp16() and encodeBf16() give back the bits of every number", () => {
  for (let bits = 0; bits < ALL_BITS; bits++) {
    const half = decodeFp16(bits);
    if (!Number.isNaN(half)) assert.equal(encodeFp16(half), bits);
    const brain = decodeBf16(bits);
    if (!Number.isNaN(brain)) assert.equal(encodeBf16(brain), bits);
  }
  assert.ok(Number.isNaN(decodeFp16(encodeFp16(NaN))));
  assert.ok(Number.isNaN(decodeBf16(encodeBf16(NaN))));
});

/** Any float64, and those near the steps of a format: a tie, and what is just past or before one. */
function numbers(decode: (bits: number) => number): fc.Arbitrary<number> {
  const beside = fc.tuple(
    fc.integer({ min: 0, max: ALL_BITS - 2 }),
    fc.constantFrom(0, 0.25, 0.5, 0.75, 1),
    fc.constantFrom(-(2 ** -40), 0, 2 ** -40),
  ).map(([bits, part, nudge]) =>
    (decode(bits) * (1 - part) + decode(bits + 1) * part) * (1 + nudge)
  );
  return fc.oneof(fc.double(), fc.float(), beside);
}

Deno.test("encodeFp16() rounds as Float16Array does", () => {
  fc.assert(
    fc.property(numbers(decodeFp16), (value) => {
      if (Number.isNaN(value)) return;
      const half = new Float16Array([value]);
      assert.equal(encodeFp16(value), new Uint16Array(half.buffer)[0]);
    }),
    { seed: SEED, numRuns: 20_000 },
  );
});

Deno.test("encodeBf16() takes the nearest of the two numbers beside, the even one of a tie", () => {
  fc.assert(
    fc.property(numbers(decodeBf16), (value) => {
      if (Number.isNaN(value)) return;
      const bits = encodeBf16(value);
      const found = decodeBf16(bits);
      assert.equal(Object.is(value, -0) || value < 0, (bits & 0x8000) !== 0);
      // A step past the largest stands where the next number would be.
      const of = (number: number) =>
        Number.isFinite(number) ? number : Math.sign(number) * 2 ** 128;
      const distance = (to: number) =>
        Math.abs(of(to) - Math.max(-(2 ** 128), Math.min(2 ** 128, value)));
      for (const other of [bits - 1, bits + 1]) {
        const neighbour = decodeBf16(other & 0xffff);
        const isNumber = (other & 0x8000) === (bits & 0x8000) && !Number.isNaN(neighbour);
        if (!isNumber) continue;
        assert.ok(distance(found) <= distance(neighbour), `${value} became ${found}`);
        if (distance(found) === distance(neighbour)) assert.equal(bits & 1, 0, `tie ${value}`);
      }
    }),
    { seed: SEED, numRuns: 20_000 },
  );
});

Deno.test("encodeFp16() and encodeBf16() at their ends", () => {
  const table: readonly (readonly [number, number, number])[] = [
    [0, 0x0000, 0x0000],
    [-0, 0x8000, 0x8000],
    [1, 0x3c00, 0x3f80],
    [-2, 0xc000, 0xc000],
    [65_504, 0x7bff, 0x4780],
    [65_519.999, 0x7bff, 0x4780],
    [65_520, 0x7c00, 0x4780],
    [2 ** -24, 0x0001, 0x3380],
    [2 ** -25, 0x0000, 0x3300],
    [2 ** -25 * 1.0001, 0x0001, 0x3300],
    [2 ** -133, 0x0000, 0x0001],
    [2 ** -134, 0x0000, 0x0000],
    [3.4e38, 0x7c00, 0x7f80],
    [3.3895e38, 0x7c00, 0x7f7f],
    [Infinity, 0x7c00, 0x7f80],
    [-Infinity, 0xfc00, 0xff80],
    [NaN, 0x7e00, 0x7fc0],
    [5e-324, 0x0000, 0x0000],
  ];
  for (const [value, half, brain] of table) {
    assert.equal(encodeFp16(value).toString(16), half.toString(16), `FP16 of ${value}`);
    assert.equal(encodeBf16(value).toString(16), brain.toString(16), `BF16 of ${value}`);
  }
});

Deno.test("widenFp16() and widenBf16() write each element, and nothing behind", () => {
  const into = Float32Array.of(9, 9, 9);
  widenFp16(Uint16Array.of(0x3c00, 0xc000), into);
  assert.deepEqual([...into], [1, -2, 9]);
  widenBf16(Uint16Array.of(0x4040), into);
  assert.deepEqual([...into], [3, -2, 9]);
});
