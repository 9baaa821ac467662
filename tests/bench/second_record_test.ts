import assert from "node:assert/strict";
import { RunTally, type SecondSeen } from "../../lib/bench/run_tally.ts";
import { type SecondRecord, SecondRecorder } from "../../lib/bench/second_record.ts";
import { BENCH_SECONDS_KEPT } from "../../lib/limits.ts";

const SECOND = 1_000;
const LATE = { workload: 0, code: "CUT_OFF", late: true } as const;
const OK = { workload: 0, kind: "ok", server: undefined } as const;
const QUICK = { workload: 0, code: "UNAVAILABLE", late: false } as const;

function record(workloads = 1): { recorder: SecondRecorder; records: SecondRecord[] } {
  const records: SecondRecord[] = [];
  const onSecond = (told: SecondRecord) => records.push(told);
  return {
    recorder: new SecondRecorder({
      window: { startMs: 0, endMs: Infinity },
      closed: false,
      workloads,
      onSecond,
    }),
    records,
  };
}

Deno.test("SecondRecorder tells of calls that are given up by the second in which they were due", () => {
  const { recorder, records } = record();
  recorder.fail(100, 100, 2_500, LATE);
  recorder.fail(200, undefined, 2_500, LATE);
  recorder.fail(1_100, 1_100, 2_500, LATE);
  recorder.fail(2_100, 2_100, 2_500, LATE);
  // A quick refusal is the trouble of the second in which it came.
  recorder.fail(1_200, 1_200, 2_500, QUICK);
  recorder.flush();
  assert.deepEqual(records.map(({ second, errors }) => [second, errors]), [
    [0, {}],
    [1, {}],
    [2, { CUT_OFF: 1, UNAVAILABLE: 1 }],
  ]);
  assert.deepEqual(records[2].late.map(({ second, errors }) => [second, errors]), [
    [0, { CUT_OFF: 2 }],
    [1, { CUT_OFF: 1 }],
  ]);
});

Deno.test("SecondRecorder counts what was due long ago in the earliest second that is kept", () => {
  const { recorder, records } = record();
  const endMs = (BENCH_SECONDS_KEPT + 5) * SECOND;
  for (const dueMs of [0, SECOND, 5 * SECOND, 6 * SECOND]) {
    recorder.fail(dueMs, undefined, endMs, { workload: 0, code: "NOT_SENT", late: true });
  }
  recorder.flush();
  assert.deepEqual(records.at(-1)?.late.map(({ second, errors }) => [second, errors]), [
    [5, { NOT_SENT: 3 }],
    [6, { NOT_SENT: 1 }],
  ]);
});

Deno.test("RunTally shows calls as they are given up, and counts them where they were due", () => {
  const seen: SecondSeen[] = [];
  const tally = new RunTally(2, (second) => seen.push(second));
  const threads = [1, 2].map(() => record());
  for (const { recorder } of threads) recorder.answer(500, 500, 501, OK);
  threads[0].recorder.fail(600, 600, 1_500, LATE);
  for (const { recorder } of threads) recorder.advance(2_000);
  // One thread is ahead: the other has not told of the second of its late call.
  for (const { records } of threads) records.forEach((told) => tally.add(told));
  assert.deepEqual(seen.map(({ calls, errors }) => [calls, errors]), [[2, 0], [1, 1]]);
  const { series, calls, errors, latency } = tally.totals();
  assert.deepEqual(series.map(({ second, calls, errors }) => [second, calls, errors]), [[0, 3, 1]]);
  assert.deepEqual([calls, latency.count, errors], [3, 3, [{ code: "CUT_OFF", count: 1 }]]);
  assert.ok(series[0].p50Ms < 1.1 && series[0].p99Ms > 899, `${series[0].p99Ms}`);
});

Deno.test("RunTally adds up what each of several workloads did on all threads", () => {
  const tally = new RunTally(2, () => {});
  for (const thread of [1, 2]) {
    const { recorder, records } = record(2);
    for (let i = 0; i < thread; i++) recorder.answer(0, 0, 4, OK);
    recorder.answer(0, 0, 2, { ...OK, workload: 1 });
    recorder.fail(1, 1, 2, { ...QUICK, workload: 1 });
    recorder.fail(1, 1, 3_001, { ...LATE, workload: 1 });
    recorder.flush();
    for (const told of records) tally.add(told);
  }
  const { workloads, calls, latency } = tally.totals();
  assert.deepEqual(
    workloads.map(({ calls, errors, latency: { count } }) => [calls, errors, count]),
    [
      [3, [], 3],
      [6, [{ code: "UNAVAILABLE", count: 2 }, { code: "CUT_OFF", count: 2 }], 4],
    ],
  );
  assert.deepEqual([calls, latency.count], [9, 7]);
  assert.ok(Math.abs(workloads[0].latency.p50Ms - 4) < 0.01);
  assert.ok(Math.abs(workloads[1].latency.maxMs - 3_000) < 3);
});

Deno.test("RunTally merges the threads' histograms of what the server told", () => {
  const tally = new RunTally(2, () => {});
  const times = [[1, 2, 3], [100, 200, 300, 400]];
  for (const thread of times) {
    const { recorder, records } = record();
    for (const [index, computeMs] of thread.entries()) {
      const queueMs = index === 0 ? 0 : undefined;
      const server = { cache: undefined, queueMs, computeMs, cacheMs: undefined };
      // Over seconds of which some have none.
      recorder.answer(index * 2_000, index * 2_000, index * 2_000 + 500, { ...OK, server });
    }
    recorder.flush();
    for (const told of records) tally.add(told);
  }
  const { server } = tally.totals();
  // The median of all seven; those of the threads are 2 and 200, or 300.
  assert.ok(Math.abs((server?.compute?.p50Ms ?? 0) - 100) < 0.1, `${server?.compute?.p50Ms}`);
  assert.equal(server?.compute?.count, 7);
  assert.deepEqual([server?.queue?.count, server?.cache], [2, null]);
  assert.ok((server?.queue?.maxMs ?? 1) < 1e-5);
});

Deno.test("RunTally has no figures of a server that tells nothing", () => {
  const tally = new RunTally(1, () => {});
  const { recorder, records } = record();
  recorder.answer(0, 0, 1, OK);
  recorder.flush();
  for (const told of records) tally.add(told);
  const { server, coalesced, hits, misses, workloads } = tally.totals();
  assert.deepEqual({ server, coalesced, hits, misses, workloads }, {
    ...{ server: null, coalesced: null, hits: null, misses: null, workloads: [] },
  });
});

Deno.test("RunTally tells of seconds that the threads which have not ended tell of", () => {
  const seen: number[] = [];
  const tally = new RunTally(3, ({ second, calls }) => seen.push(second, calls));
  const [early, other, last] = [1, 2, 3].map(() => record());
  const tellAll = () => {
    for (const { records } of [last, early, other]) {
      for (const told of records.splice(0)) tally.add(told);
    }
  };
  for (const { recorder } of [early, other, last]) recorder.answer(0, 0, 1, OK);
  last.recorder.answer(1_000, 1_000, 1_001, OK);
  early.recorder.end();
  last.recorder.advance(3_000);
  tellAll();
  // The other thread has told of none.
  assert.deepEqual(seen, []);
  other.recorder.end();
  tellAll();
  assert.deepEqual(seen, [0, 3, 1, 1, 2, 0]);
  last.recorder.answer(3_000, 3_000, 3_001, OK);
  last.recorder.end();
  tellAll();
  assert.deepEqual(seen.slice(6), [3, 1]);
  assert.deepEqual(tally.totals().series.map(({ second }) => second), [0, 1, 2, 3]);
});
