import assert from "node:assert/strict";
import { FACTORIALS, type LoadPlan } from "../../lib/bench/load_plan.ts";
import type { Channel } from "../../lib/grpc/channel.ts";
import { hasFactorial } from "../../lib/numstore/factorial.ts";
import { prepareBench } from "../../lib/services/bench_callers.ts";

Deno.test("prepareBench() gives every key of fact a number of its own, so that as many are cached", async () => {
  const set = new Map<string, bigint>();
  const channel = {
    unary: (_: unknown, { key, value }: { readonly key: string; readonly value: bigint }) => {
      set.set(key, value);
      return Promise.resolve({ total: 0n });
    },
  };
  const choice = { inputs: undefined, distinct: FACTORIALS, zipf: 0 };
  const plan: LoadPlan = {
    workload: { kind: "method", method: "fact", choice },
    loop: { kind: "closed", inflight: 1 },
    length: { kind: "requests", requests: 1 },
    connections: 1,
    threads: 1,
    warmupMs: 0,
    deadlineMs: 1_000,
    seed: 1,
  };
  // Of a channel, it makes unary calls alone.
  await prepareBench(channel as unknown as Channel, plan);
  assert.equal(set.size, FACTORIALS);
  assert.equal(new Set(set.values()).size, FACTORIALS);
  assert.ok([...set.values()].every(hasFactorial));
  assert.ok(!hasFactorial(BigInt(FACTORIALS)));
});
