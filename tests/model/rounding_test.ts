import assert from "node:assert/strict";
import fc from "fast-check";
import { roundTo4 } from "../../lib/model/rounding.ts";
import { NP_ROUND_CASES } from "./np_round_cases.ts";

function rounded(x: number): number {
  const into = new Float64Array(1);
  assert.equal(roundTo4(Float32Array.of(x), 1, into), undefined);
  return into[0];
}

/** x rounded with whole numbers only: x = n/2^149 exactly, for every float32. */
function exactlyRounded(x: number): number {
  const unit = 2n ** 149n;
  const numerator = 10_000n * BigInt(Math.abs(x) * 2 ** 149);
  let quotient = numerator / unit;
  const twiceRest = 2n * (numerator % unit);
  if (twiceRest > unit || (twiceRest === unit && quotient % 2n === 1n)) quotient++;
  return Math.sign(x) * Number(quotient) / 1e4 + 0;
}

Deno.test("roundTo4() rounds as numpy does, but for the sign of zero", () => {
  for (const [x, want] of NP_ROUND_CASES) {
    assert.equal(x, Math.fround(x));
    assert.ok(Object.is(rounded(x), want + 0), `${x}: ${rounded(x)}, numpy ${want}`);
  }
});

Deno.test("roundTo4() rounds every float32 half to even", () => {
  const tie = fc.integer({ min: -(2 ** 22), max: 2 ** 22 }).map((odd) => (2 * odd + 1) / 32);
  const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(fc.oneof(float32, tie), (number) => {
      const x = Math.fround(number);
      assert.ok(Object.is(rounded(x), exactlyRounded(x)), `${x}: ${rounded(x)}`);
    }),
    { numRuns: 5000 },
  );
});

Deno.test("roundTo4() names the first input that is NaN or infinite", async (t) => {
  const cases: [number[], number, number | undefined][] = [
    [[1, 2, NaN, Infinity], 4, 2],
    [[Infinity, NaN], 2, 0],
    [[1, -Infinity], 2, 1],
    [[1, NaN], 1, undefined],
    [[], 0, undefined],
  ];
  for (const [inputs, length, want] of cases) {
    await t.step(`of [${inputs}], length ${length}`, () => {
      const into = new Float64Array(inputs.length);
      assert.equal(roundTo4(Float32Array.from(inputs), length, into), want);
    });
  }
});

Deno.test("roundTo4() makes one key of 0 and -0", () => {
  const into = new Float64Array(4).fill(9);
  roundTo4(Float32Array.of(0, -0, -0.00001, 9), 3, into);
  assert.deepEqual([...into], [0, 0, 0, 9]);
});
