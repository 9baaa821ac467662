import assert from "node:assert/strict";
import fc from "fast-check";
import { OperationError } from "../../lib/errors.ts";
import { Predictor } from "../../lib/serving/predictor.ts";
import {
  allocateSharedMemory,
  cacheCounters,
  openSharedState,
} from "../../lib/serving/shared_state.ts";
import { mayStartWorkers, StartedWorker } from "../lock/started_worker.ts";
import type { CallRecord, PredictorTask } from "./fixtures/predictor_worker.ts";

const LIMITS = { threads: 1, cacheEntries: 10, cacheBytes: 1_048_576, coefsMax: 1_000 };

function openPredictor() {
  const state = openSharedState(allocateSharedMemory(LIMITS), 2);
  return { predictor: new Predictor(state), state };
}

const floats = (...values: number[]) => Float32Array.from(values);

Deno.test("Predictor.predict() follows the specified sequence", () => {
  const { predictor } = openPredictor();
  predictor.setCoefs(floats(1, 2, 3));
  const sequence: [number[], number, boolean][] = [
    [[1, 2, 3], 14, false],
    [[1, 2, 3], 14, true],
    [[1.00004, 2.00001, 2.99996], 14, true],
    [[2, 3, 4], 20, false],
    [[-0, 0, 0], 0, false],
    [[0, -0, -0.00001], 0, true],
  ];
  for (const [inputs, output, cacheHit] of sequence) {
    assert.deepEqual(predictor.predict(floats(...inputs)), { output, cacheHit }, `${inputs}`);
  }
});

Deno.test("Predictor.setCoefs() clears the cache, also for the same coefficients", () => {
  const { predictor, state } = openPredictor();
  for (let i = 0; i < 3; i++) {
    predictor.setCoefs(floats(1, 1));
    assert.equal(predictor.predict(floats(1, 2)).cacheHit, false);
    assert.equal(predictor.predict(floats(1, 2)).cacheHit, true);
  }
  assert.equal(cacheCounters(state).clears, 3);
});

Deno.test("Predictor.predict() refuses bad input, caches no error, counts no miss", async (t) => {
  const cases: [string, number[] | undefined, number[], RegExp][] = [
    ["no coefficients", undefined, [1], /no coefficients were set/],
    ["too few inputs", [1, 2, 3], [1], /1 inputs, 3 coefficients/],
    ["too many inputs", [1], [1, 2, 3], /3 inputs, 1 coefficients/],
    ["no inputs", [1], [], /0 inputs, 1 coefficients/],
    ["NaN", [1, 2], [1, NaN], /input 1 is NaN/],
    ["infinity", [1], [Infinity], /input 0 is Infinity/],
    ["negative infinity", [1], [-Infinity], /input 0 is -Infinity/],
  ];
  for (const [name, coefs, inputs, message] of cases) {
    await t.step(name, () => {
      const { predictor, state } = openPredictor();
      if (coefs !== undefined) predictor.setCoefs(floats(...coefs));
      for (let again = 0; again < 2; again++) {
        assert.throws(
          () => predictor.predict(floats(...inputs)),
          (error) => error instanceof OperationError && message.test(error.message),
        );
      }
      const { entries, hits, misses } = cacheCounters(state);
      assert.deepEqual({ entries, hits, misses }, { entries: 0, hits: 0, misses: 0 });
    });
  }
});

Deno.test("Predictor.setCoefs() that is refused changes nothing", () => {
  const { predictor } = openPredictor();
  predictor.setCoefs(floats(2));
  predictor.predict(floats(3));
  assert.throws(() => predictor.setCoefs(floats(NaN)), OperationError);
  assert.throws(() => predictor.setCoefs(new Float32Array(1_001)), OperationError);
  assert.deepEqual(predictor.predict(floats(3)), { output: 6, cacheHit: true });
});

Deno.test("Predictor: an empty list of coefficients is one", () => {
  const { predictor } = openPredictor();
  predictor.setCoefs(floats());
  assert.deepEqual(predictor.predict(floats()), { output: 0, cacheHit: false });
  assert.deepEqual(predictor.predict(floats()), { output: 0, cacheHit: true });
});

Deno.test("Predictor.predict() answers near-equal inputs alike, whichever came first", () => {
  fc.assert(fc.property(
    fc.array(fc.integer({ min: -1e6, max: 1e6 }), { minLength: 1, maxLength: 20 }),
    fc.array(fc.double({ min: -0.4, max: 0.4, noNaN: true }), { minLength: 20, maxLength: 20 }),
    (units, shifts) => {
      const { predictor } = openPredictor();
      const coefs = Float32Array.from(units, (_, i) => i + 1);
      predictor.setCoefs(coefs);
      // Small enough that a float32 holds the shifted values to well within half a unit.
      const exact = Float32Array.from(units, (unit) => unit % 10_000 / 1e4);
      const near = Float32Array.from(units, (unit, i) => (unit % 10_000 + shifts[i]) / 1e4);
      const first = predictor.predict(near);
      const second = predictor.predict(exact);
      assert.equal(second.output, first.output);
      assert.equal(second.cacheHit, true);
    },
  ));
});

Deno.test({
  name: "Predictor: threads never see a value of older coefficients",
  ignore: !mayStartWorkers,
}, async () => {
  const memory = allocateSharedMemory({ ...LIMITS, threads: 4 });
  const clock = new SharedArrayBuffer(4);
  const versions = new SharedArrayBuffer(4);
  using stack = new DisposableStack();
  const workers = [2, 3, 4, 5].map((owner) => {
    const task: PredictorTask = { memory, owner, calls: 100_000, clock, versions };
    const file = new URL("./fixtures/predictor_worker.ts", import.meta.url);
    return stack.use(new StartedWorker(file, task));
  });
  const results = await Promise.all(workers.map((worker) => worker.next()));
  checkRegister((results as CallRecord[][]).flat());
});

/**
 * Checks the calls against an atomic register whose writes all differ: a read may return a version
 * if its write began before the read ended, and no other write lies wholly between the two.
 */
function checkRegister(records: readonly CallRecord[]): void {
  const sets = records.filter(({ kind }) => kind === "set").sort((a, b) => a.end - b.end);
  const bySetVersion = new Map(sets.map((set) => [set.version, set]));
  // newestBegin[i]: the latest begin among the i + 1 writes that ended first.
  const newestBegin = sets.map(({ begin }) => begin);
  for (let i = 1; i < sets.length; i++) {
    newestBegin[i] = Math.max(newestBegin[i], newestBegin[i - 1]);
  }
  let hits = 0;
  for (const read of records) {
    if (read.kind === "set") continue;
    if (read.kind === "hit") hits++;
    const write = bySetVersion.get(read.version);
    assert.ok(write !== undefined, `version ${read.version} was never set`);
    assert.ok(write.begin < read.end, `version ${read.version} was read before it was set`);
    const endedBefore = countEndedBefore(sets, read.begin);
    const newest = endedBefore === 0 ? -1 : newestBegin[endedBefore - 1];
    assert.ok(newest <= write.end, `a ${read.kind} of version ${read.version} came too late`);
  }
  assert.ok(hits > 0 && sets.length > 100, `${hits} hits, ${sets.length} sets prove nothing`);
}

function countEndedBefore(sets: readonly CallRecord[], time: number): number {
  let low = 0;
  let high = sets.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sets[middle].end < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
