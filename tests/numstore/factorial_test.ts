import assert from "node:assert/strict";
import { factorial, FACTORIAL_MAX, hasFactorial } from "../../lib/numstore/factorial.ts";

Deno.test("factorial() is exact up to 20!", () => {
  assert.equal(factorial(0n), 1n);
  assert.equal(factorial(5n), 120n);
  assert.equal(factorial(20n), 2432902008176640000n);
  for (let number = 1n; number <= FACTORIAL_MAX; number++) {
    assert.equal(factorial(number), number * factorial(number - 1n));
  }
});

Deno.test("factorial() refuses what has none in int64", () => {
  const product = factorial(FACTORIAL_MAX) * (FACTORIAL_MAX + 1n);
  assert.notEqual(BigInt.asIntN(64, product), product);
  for (const number of [-1n, 21n, -(2n ** 63n), 2n ** 63n - 1n]) {
    assert.ok(!hasFactorial(number));
    assert.throws(() => factorial(number), RangeError);
  }
});
