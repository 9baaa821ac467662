import assert from "node:assert/strict";
import { RunTally, type SecondSeen } from "../../lib/bench/run_tally.ts";
import { type SecondRecord, SecondRecorder } from "../../lib/bench/second_record.ts";
import { BENCH_SECONDS_KEPT } from "../../lib/limits.ts";

const SECOND = 1_000;
const LATE = { code: "CANCELLED", late: true } as const;
const QUICK = { code: "UNAVAILABLE", late: false } as const;

function record(): { recorder: SecondRecorder; records: SecondRecord[] } {
  const records: SecondRecord[] = [];
  const onSecond = (told: SecondRecord) => records.push(told);
  return {
    recorder: new SecondRecorder({
      window: { startMs: 0, endMs: Infinity },
      closed: false,
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
    [2, { CANCELLED: 1, UNAVAILABLE: 1 }],
  ]);
  assert.deepEqual(records[2].late.map(({ second, errors }) => [second, errors]), [
    [0, { CANCELLED: 2 }],
    [1, { CANCELLED: 1 }],
  ]);
});

Deno.test("SecondRecorder counts what was due long ago in the earliest second that is kept", () => {
  const { recorder, records } = record();
  const endMs = (BENCH_SECONDS_KEPT + 5) * SECOND;
  for (const dueMs of [0, SECOND, 5 * SECOND, 6 * SECOND]) {
    recorder.fail(dueMs, undefined, endMs, { code: "NOT_SENT", late: true });
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
  for (const { recorder } of threads) recorder.answer(500, 500, 501, "ok");
  threads[0].recorder.fail(600, 600, 1_500, LATE);
  for (const { recorder } of threads) recorder.advance(2_000);
  // One thread is ahead: the other has not told of the second of its late call.
  for (const { records } of threads) records.forEach((told) => tally.add(told));
  assert.deepEqual(seen.map(({ calls, errors }) => [calls, errors]), [[2, 0], [1, 1]]);
  const { series, calls, errors, latency } = tally.totals();
  assert.deepEqual(series.map(({ second, calls, errors }) => [second, calls, errors]), [[0, 3, 1]]);
  assert.deepEqual([calls, latency.count, errors], [3, 3, [{ code: "CANCELLED", count: 1 }]]);
  assert.ok(series[0].p50Ms < 1.1 && series[0].p99Ms > 899, `${series[0].p99Ms}`);
});
