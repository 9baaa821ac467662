import assert from "node:assert/strict";
import { planAt, type PlanDraft, planOf } from "../../lib/bench/plan_draft.ts";

const DRAFT: PlanDraft = {
  workload: { kind: "random" },
  loop: { kind: "open", ratePerSecond: 1_000, arrivals: "constant" },
  length: { kind: "duration", durationMs: 1_000 },
  connections: 8,
  threads: "auto",
  warmupMs: 0,
  deadlineMs: 1_000,
  seed: 1,
};

Deno.test("planAt() chooses the threads by the load of each run", () => {
  assert.equal(planOf(DRAFT, 16).threads, 1);
  const fast = planAt(DRAFT, 150_000, 16);
  assert.deepEqual([fast.loop.kind === "open" && fast.loop.ratePerSecond, fast.threads], [
    150_000,
    3,
  ]);
  const closed: PlanDraft = { ...DRAFT, loop: { kind: "closed", inflight: 3 } };
  assert.deepEqual(
    [1, 2, 16, 64].map((load) => planAt(closed, load, 16)).map(({ connections, threads }) => [
      connections,
      threads,
    ]),
    [[1, 1], [2, 1], [16, 8], [64, 8]],
  );
});

Deno.test("planAt() leaves a given number of threads as it is", () => {
  assert.equal(planAt({ ...DRAFT, threads: 2 }, 1_000_000, 16).threads, 2);
  assert.equal(planOf({ ...DRAFT, threads: 2 }, 16).threads, 2);
});
