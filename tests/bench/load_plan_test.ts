import assert from "node:assert/strict";
import { defaultThreads, shareOf } from "../../lib/bench/load_plan.ts";

Deno.test("shareOf() deals out all, as evenly as can be", () => {
  for (const [total, threads] of [[10, 3], [1, 4], [0, 2], [8, 8], [1_001, 7]]) {
    const shares = Array.from({ length: threads }, (_, thread) => shareOf(total, thread, threads));
    assert.equal(shares.reduce((sum, share) => sum + share, 0), total);
    assert.ok(Math.max(...shares) - Math.min(...shares) <= 1);
  }
});

Deno.test("defaultThreads() takes one for two connections, no more than the rate needs or leaves a server processors", () => {
  const closed = { kind: "closed", inflight: 1 } as const;
  const open = (ratePerSecond: number) =>
    ({ kind: "open", ratePerSecond, arrivals: "constant" }) as const;
  assert.equal(defaultThreads(closed, 1, 16), 1);
  assert.equal(defaultThreads(closed, 8, 16), 4);
  assert.equal(defaultThreads(closed, 8, 2), 1);
  assert.equal(defaultThreads(closed, 8, 1), 1);
  assert.equal(defaultThreads(closed, 100, 16), 8);
  assert.equal(defaultThreads(closed, 10_000, 1_024), 256);
  assert.equal(defaultThreads(open(50_000), 100, 16), 1);
  assert.equal(defaultThreads(open(50_001), 100, 16), 2);
  assert.equal(defaultThreads(open(50_001), 2, 16), 1);
});
