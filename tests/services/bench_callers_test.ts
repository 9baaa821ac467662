import assert from "node:assert/strict";
import { FACTORIALS, type LoadPlan } from "../../lib/bench/load_plan.ts";
import type { Channel } from "../../lib/grpc/channel.ts";
import { hasFactorial } from "../../lib/numstore/factorial.ts";
import type { RunInput } from "../../lib/invocation/run.ts";
import { benchCallers, prepareBench } from "../../lib/services/bench_callers.ts";

const PLAN: Omit<LoadPlan, "workload"> = {
  loop: { kind: "closed", inflight: 1 },
  length: { kind: "requests", requests: 1 },
  connections: 1,
  threads: 1,
  warmupMs: 0,
  deadlineMs: 1_000,
  seed: 1,
};

Deno.test("prepareBench() gives every key of fact a number of its own, so that as many are cached", async () => {
  const set = new Map<string, bigint>();
  const channel = {
    unary: (_: unknown, { key, value }: { readonly key: string; readonly value: bigint }) => {
      set.set(key, value);
      return Promise.resolve({ total: 0n });
    },
  };
  const choice = { inputs: undefined, distinct: FACTORIALS, zipf: 0 };
  const plan: LoadPlan = { ...PLAN, workload: { kind: "method", method: "fact", choice } };
  // Of a channel, it makes unary calls alone.
  await prepareBench(channel as unknown as Channel, plan);
  assert.equal(set.size, FACTORIALS);
  assert.equal(new Set(set.values()).size, FACTORIALS);
  assert.ok([...set.values()].every(hasFactorial));
  assert.ok(!hasFactorial(BigInt(FACTORIALS)));
});

Deno.test("benchCallers() invokes each id with a content of its own, and tells what is no OK", async () => {
  const asked: RunInput[] = [];
  const channel = {
    unary: (_: unknown, { model_input }: { readonly model_input: RunInput }) => {
      asked.push(model_input);
      return Promise.resolve({ status: asked.length === 3 ? "ERROR" : "OK", message: "" });
    },
  };
  const choice = { inputs: 3, distinct: 2, zipf: 0 };
  const plan: LoadPlan = { ...PLAN, workload: { kind: "method", method: "invoke", choice } };
  const channels = [channel as unknown as Channel];
  const [caller] = benchCallers({ plan, thread: 0, channels });
  const options = { timeoutMs: 1_000, onTrailerFields: () => {} };
  const outcomes = [];
  for (let call = 0; call < 4; call++) {
    outcomes.push(caller.outcomeOf(await caller.call(0, options)));
  }
  assert.deepEqual(outcomes, ["ok", "ok", "error", "ok"]);
  for (const { id, content, metadata } of asked) {
    assert.match(content, new RegExp(`^${id}(,0\\.\\d+(e-\\d+)?){2}$`));
    assert.deepEqual(metadata, []);
  }
});
