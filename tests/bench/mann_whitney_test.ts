import assert from "node:assert/strict";
import { mannWhitney, normalTail } from "../../lib/bench/mann_whitney.ts";

const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

/** What scipy 1.17's `mannwhitneyu(a, b, method="asymptotic").pvalue` gives. */
const CASES: readonly (readonly [
  name: string,
  a: readonly number[],
  b: readonly number[],
  p: number,
])[] = [
  ["apart, three", [1, 2, 3], [4, 5, 6], 0.08085559837005224],
  ["apart, six", range(1, 6), range(7, 6), 0.005074868097940253],
  ["apart, sixty", range(0, 60), range(100, 60), 3.5565709749847226e-21],
  ["ties", [1, 1, 2, 2, 3], [2, 2, 3, 3, 3, 4], 0.08404320025728729],
  ["nearly all equal", [5, 5, 5], [5, 5, 6], 0.5049850750938458],
  ["interleaved", [1, 5, 9], [2, 6, 8], 1],
  ["of different lengths", [19, 22, 16, 29, 24], [20, 11, 17, 12], 0.11134688653314041],
  [
    "normal, with ties",
    [100, 106, 95, 105, 99, 99, 109, 101, 100, 104, 106, 100, 103, 95, 98, 98, 93, 92, 92, 99],
    // deno-fmt-ignore
    [103, 102, 104, 97, 104, 105, 108, 100, 102, 94, 101, 93, 97, 110, 93, 108, 106, 102, 106, 107, 109, 103, 101, 101, 99],
    0.07056863512588615,
  ],
];

Deno.test("mannWhitney() gives scipy's p-values, whichever sample is first", async (t) => {
  for (const [name, a, b, p] of CASES) {
    await t.step(name, () => {
      for (const found of [mannWhitney(a, b).p, mannWhitney(b, a).p]) {
        assert.ok(Math.abs(found / p - 1) < 1e-6, `found ${found}, expected ${p}`);
      }
    });
  }
});

Deno.test("mannWhitney() tells nothing apart where there is nothing to tell", () => {
  assert.deepEqual(mannWhitney([], [1, 2, 3]), { p: 1, shareLarger: 0.5 });
  assert.deepEqual(mannWhitney([1, 2, 3], []), { p: 1, shareLarger: 0.5 });
  assert.deepEqual(mannWhitney([4, 4, 4], [4, 4]), { p: 1, shareLarger: 0.5 });
  assert.ok(mannWhitney(range(0, 30), range(0, 30)).p > 0.999);
});

Deno.test("mannWhitney() tells which sample is the larger", () => {
  assert.equal(mannWhitney([1, 2], [3, 4]).shareLarger, 1);
  assert.equal(mannWhitney([3, 4], [1, 2]).shareLarger, 0);
  assert.equal(mannWhitney([1, 3], [2, 3]).shareLarger, 0.625);
});

Deno.test("mannWhitney() does not look at how far apart values are", () => {
  const a = [1, 2, 3, 4, 5];
  assert.deepEqual(mannWhitney(a, [6, 7, 8, 9, 10]), mannWhitney(a, [6, 700, 8e6, 9e9, 1e12]));
});

Deno.test("normalTail() gives the quantiles of statistics tables", () => {
  for (const [z, tail] of [[0, 0.5], [1.281552, 0.1], [1.959964, 0.025], [2.575829, 0.005]]) {
    assert.ok(Math.abs(normalTail(z) / tail - 1) < 1e-5, `${z}: ${normalTail(z)}`);
  }
});
