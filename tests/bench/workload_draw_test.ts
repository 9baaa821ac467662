import assert from "node:assert/strict";
import fc from "fast-check";
import type { LoadPlan, LoadWorkload } from "../../lib/bench/load_plan.ts";
import { workloadDraw } from "../../lib/bench/workload_draw.ts";

const DRAWS = 100_000;

function planOf(workload: LoadWorkload, seed: number): LoadPlan {
  return {
    workload,
    loop: { kind: "closed", inflight: 1 },
    length: { kind: "requests", requests: 1 },
    ...{ connections: 1, threads: 1, warmupMs: 0, deadlineMs: 1_000, seed },
  };
}

function mixOf(weights: readonly number[]): LoadWorkload {
  return {
    kind: "mix",
    parts: weights.map((weight) => ({ weight, workload: { kind: "random" } })),
  };
}

function sequence(workload: LoadWorkload, seed: number, thread: number, length = 500): number[] {
  const draw = workloadDraw(planOf(workload, seed), thread);
  return Array.from({ length }, () => draw());
}

Deno.test("workloadDraw() gives each workload the share of its weight", async (t) => {
  for (
    const weights of [[3, 1, 2], [1, 1], [0.001, 1], [1_000_000, 0.5, 7], [0.1, 0.2, 0.7, 0.9]]
  ) {
    await t.step(weights.join(), () => {
      const counts = weights.map(() => 0);
      for (const drawn of sequence(mixOf(weights), 1, 0, DRAWS)) counts[drawn]++;
      const sum = weights.reduce((total, weight) => total + weight, 0);
      for (const [index, weight] of weights.entries()) {
        const share = weight / sum;
        const spread = Math.sqrt(DRAWS * share * (1 - share));
        const off = Math.abs(counts[index] - DRAWS * share);
        assert.ok(off <= 6 * spread + 1, `${index}: ${counts[index]} for ${DRAWS * share}`);
      }
    });
  }
});

Deno.test("workloadDraw() is the same for the same seed and thread, and for no other", () => {
  const mix = mixOf([1, 1]);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.nat({ max: 7 }), (seed, thread) => {
      const drawn = sequence(mix, seed, thread);
      assert.deepEqual(drawn, sequence(mix, seed, thread));
      assert.notDeepEqual(drawn, sequence(mix, seed, thread + 1));
      assert.notDeepEqual(drawn, sequence(mix, seed === 0 ? 1 : seed - 1, thread));
    }),
    { numRuns: 30 },
  );
});

Deno.test("workloadDraw() has no beat: one of four connections in turn gets its share of each", () => {
  const drawn = sequence(mixOf([3, 1]), 5, 0, DRAWS);
  for (let connection = 0; connection < 4; connection++) {
    const calls = drawn.filter((_, index) => index % 4 === connection);
    const share = calls.filter((workload) => workload === 1).length / calls.length;
    assert.ok(Math.abs(share - 0.25) < 0.02, `${share}`);
  }
});

Deno.test("workloadDraw() of one workload draws it", () => {
  assert.deepEqual(new Set(sequence({ kind: "numstore" }, 1, 0)), new Set([0]));
});
