import assert from "node:assert/strict";
import { proportionsP } from "../../lib/bench/proportions.ts";

Deno.test("proportionsP() is small for shares that differ, and 1 where nothing does", () => {
  const of = (count: number, total = 1000) => ({ count, total });
  assert.equal(proportionsP(of(0), of(0)), 1);
  assert.equal(proportionsP(of(7), of(7)), 1);
  assert.equal(proportionsP(of(1000), of(1000)), 1);
  assert.equal(proportionsP(of(0, 0), of(9)), 1);
  assert.equal(proportionsP(of(3), of(90)), proportionsP(of(90), of(3)));
  assert.ok(proportionsP(of(0), of(1000)) < 1e-9);
  // By hand: z = (0.2 - 0.02) / sqrt(0.4 * 0.6 * 0.04) = 1.837.
  assert.ok(Math.abs(proportionsP(of(15, 50), of(25, 50)) - 0.06619) < 1e-4);
});

Deno.test("proportionsP() does not take a handful for a change", () => {
  for (let count = 1; count <= 6; count++) {
    const p = proportionsP({ count: 0, total: 1e6 }, { count, total: 1e6 });
    assert.ok(p > 0.01, `${count}: ${p}`);
  }
});
