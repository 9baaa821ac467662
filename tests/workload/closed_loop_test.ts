import assert from "node:assert/strict";
import { runClosedLoop, type WorkloadCaller } from "../../lib/workload/closed_loop.ts";
import type { WorkloadRequest } from "../../lib/workload/request.ts";

const SET: WorkloadRequest = { type: "SetCoefs", value: { coefs: [1, 2] } };
const PREDICT: WorkloadRequest = { type: "Predict", value: { inputs: [3, 4] } };
const SET_A: WorkloadRequest = { type: "SetNum", value: { key: "A", value: 3n } };
const FACT_A: WorkloadRequest = { type: "Fact", value: { key: "A" } };
const FACT_B: WorkloadRequest = { type: "Fact", value: { key: "B" } };

/** Answers at once as the test says, and remembers what it was asked. */
class FakeCaller implements WorkloadCaller {
  readonly calls: string[] = [];
  setError = "";
  predictAnswer = { output: 11, cacheHit: false, error: "" };
  factAnswer = { value: 6n, hit: false, error: "" };
  onCall: (call: number) => void | Promise<void> = () => {};

  async setCoefs(coefs: readonly number[]) {
    await this.#record(`SetCoefs ${coefs}`);
    return { success: this.setError === "", error: this.setError };
  }

  async predict(inputs: readonly number[]) {
    await this.#record(`Predict ${inputs}`);
    return this.predictAnswer;
  }

  async setNum(key: string, value: bigint) {
    await this.#record(`SetNum ${key} ${value}`);
    return { total: value };
  }

  async fact(key: string) {
    await this.#record(`Fact ${key}`);
    return this.factAnswer;
  }

  async #record(call: string): Promise<void> {
    this.calls.push(call);
    await this.onCall(this.calls.length);
  }
}

Deno.test("runClosedLoop() makes the calls in order, one at a time", async () => {
  const caller = new FakeCaller();
  let inFlight = 0;
  caller.onCall = async () => {
    assert.equal(++inFlight, 1);
    await Promise.resolve();
    inFlight--;
  };
  await runClosedLoop(caller, [SET, PREDICT, PREDICT]);
  assert.deepEqual(caller.calls, ["SetCoefs 1,2", "Predict 3,4", "Predict 3,4"]);
});

Deno.test("runClosedLoop() counts Predict calls and hits", async () => {
  const caller = new FakeCaller();
  caller.onCall = (call) => {
    caller.predictAnswer = { output: 11, cacheHit: call >= 3, error: "" };
  };
  const result = await runClosedLoop(caller, [SET, PREDICT, PREDICT, PREDICT]);
  const { latenciesMs, ...counts } = result;
  assert.deepEqual(counts, { lookUps: 3, hits: 2, errors: 0 });
  assert.equal(latenciesMs.length, 4);
});

Deno.test("runClosedLoop() counts an answer with an error text as a call without a hit", async () => {
  const caller = new FakeCaller();
  caller.setError = "Cannot set: no coefficients";
  caller.predictAnswer = { output: 0, cacheHit: false, error: "Cannot predict: no coefficients" };
  const { latenciesMs, ...counts } = await runClosedLoop(caller, [PREDICT, SET]);
  assert.deepEqual(counts, { lookUps: 1, hits: 0, errors: 1 });
  assert.equal(latenciesMs.length, 2);
});

Deno.test("runClosedLoop() counts errors of Predict from the first accepted SetCoefs on", async () => {
  const caller = new FakeCaller();
  caller.predictAnswer = { output: 0, cacheHit: false, error: "Cannot predict" };
  const { errors } = await runClosedLoop(caller, [PREDICT, PREDICT, SET, PREDICT]);
  assert.equal(errors, 1);
});

Deno.test("runClosedLoop() counts Fact calls of keys that are there as look-ups", async () => {
  const caller = new FakeCaller();
  caller.onCall = (call) => {
    caller.factAnswer = { value: 6n, hit: call === 3, error: call === 4 ? "no such key" : "" };
  };
  const { latenciesMs, ...counts } = await runClosedLoop(caller, [SET_A, FACT_A, FACT_A, FACT_B]);
  assert.deepEqual(caller.calls, ["SetNum A 3", "Fact A", "Fact A", "Fact B"]);
  assert.deepEqual(counts, { lookUps: 2, hits: 1, errors: 0 });
  assert.equal(latenciesMs.length, 4);
});

Deno.test("runClosedLoop() counts an error of Fact from the loop's first SetNum of the key on", async () => {
  const caller = new FakeCaller();
  caller.factAnswer = { value: 0n, hit: false, error: "no such key" };
  const requests = [FACT_A, SET_A, FACT_B, FACT_A];
  const { latenciesMs: _, ...counts } = await runClosedLoop(caller, requests);
  assert.deepEqual(counts, { lookUps: 0, hits: 0, errors: 1 });
});

Deno.test("runClosedLoop() measures how long each call takes", async () => {
  const caller = new FakeCaller();
  let timeMs = 1000;
  caller.onCall = (call) => {
    timeMs += call * 0.25;
  };
  const nowMs = () => timeMs;
  const { latenciesMs } = await runClosedLoop(caller, [SET, PREDICT, SET], { nowMs });
  assert.deepEqual(latenciesMs, Float64Array.of(0.25, 0.5, 0.75));
});

Deno.test("runClosedLoop() measures in real time by default", async () => {
  const { latenciesMs } = await runClosedLoop(new FakeCaller(), [PREDICT]);
  assert.ok(latenciesMs[0] >= 0 && latenciesMs[0] < 60_000);
});

Deno.test("runClosedLoop() keeps more latencies than it has room for at first", async () => {
  const { latenciesMs, lookUps } = await runClosedLoop(
    new FakeCaller(),
    Array(2500).fill(PREDICT),
  );
  assert.equal(lookUps, 2500);
  assert.equal(latenciesMs.length, 2500);
  assert.equal(latenciesMs.buffer.byteLength, 2500 * 8);
});

Deno.test("runClosedLoop() tells the number of calls at the end", async () => {
  const told: number[] = [];
  await runClosedLoop(new FakeCaller(), [SET, PREDICT], { onProgress: (done) => told.push(done) });
  assert.equal(told.at(-1), 2);
});

Deno.test("runClosedLoop() tells of progress ten times a second", async () => {
  const caller = new FakeCaller();
  let timeMs = 0;
  caller.onCall = () => {
    timeMs += 40;
  };
  const told: number[] = [];
  await runClosedLoop(caller, Array(7).fill(PREDICT), {
    onProgress: (done) => told.push(done),
    nowMs: () => timeMs,
  });
  assert.deepEqual(told, [3, 6, 7]);
});

Deno.test("runClosedLoop() makes no requests out of none", async () => {
  const { latenciesMs, ...counts } = await runClosedLoop(new FakeCaller(), []);
  assert.deepEqual(counts, { lookUps: 0, hits: 0, errors: 0 });
  assert.equal(latenciesMs.length, 0);
});

Deno.test("runClosedLoop() fails with the first call that has no answer", async () => {
  const caller = new FakeCaller();
  const failure = new Error("connection lost");
  caller.onCall = (call) => {
    if (call === 2) throw failure;
  };
  await assert.rejects(runClosedLoop(caller, Array(5).fill(PREDICT)), failure);
  assert.equal(caller.calls.length, 2);
});
