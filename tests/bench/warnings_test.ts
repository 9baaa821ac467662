import assert from "node:assert/strict";
import type { ThreadResult } from "../../lib/bench/thread_load.ts";
import { type RunConditions, warningsOf } from "../../lib/bench/warnings.ts";

const QUIET: ThreadResult = {
  elapsedMs: 10_000,
  bytesSent: 0,
  bytesReceived: 0,
  schedule: { due: 1_000, sentLate: 5, held: 5 },
  lag: { ticks: 1_000, lateTicks: 3, maxMs: 7 },
};
const FINE: RunConditions = {
  closed: false,
  threads: [QUIET, QUIET],
  errors: [{ code: "UNAVAILABLE", count: 9 }],
  processorMs: 19_000,
  elapsedMs: 10_000,
  processors: 2,
};

Deno.test("warningsOf() says nothing of a client that kept up", () => {
  assert.deepEqual(warningsOf(FINE), []);
  const closed = { ...QUIET, schedule: null };
  const quiet = { ...FINE, closed: true, processorMs: 17_000, threads: [closed, closed] };
  assert.deepEqual(warningsOf(quiet), []);
  assert.deepEqual(warningsOf({ ...quiet, elapsedMs: 0, processorMs: 0 }), []);
});

Deno.test("warningsOf() tells when the client was the limit", async (t) => {
  const schedule = { due: 1_000, sentLate: 0, held: 0 };
  const late = { ...QUIET, schedule: { ...schedule, sentLate: 100 } };
  const held = { ...QUIET, schedule: { ...schedule, held: 100 } };
  const lagging = { ...QUIET, lag: { ticks: 100, lateTicks: 50, maxMs: 40 } };
  const closed = { ...QUIET, schedule: null };
  const cases: [string, RunConditions, RegExp][] = [
    [
      "late calls",
      { ...FINE, threads: [QUIET, late] },
      /sent 5.3 % of the calls more than 1 ms after/,
    ],
    ["held calls", { ...FINE, threads: [held, QUIET] }, /5.3 % of the calls were due while/],
    [
      "an event loop behind",
      { ...FINE, threads: [lagging] },
      /behind for 50 % of its timers, 40 ms at/,
    ],
    [
      "busy processors",
      { ...FINE, closed: true, threads: [closed, closed] },
      /used 95 % of the 2 processors/,
    ],
    [
      "one busy thread of two processors",
      { ...FINE, closed: true, processorMs: 9_900, threads: [closed] },
      /used 99 % of the 1 processor that/,
    ],
    [
      "times that are too short",
      {
        ...FINE,
        errors: [{ code: "NOT_SENT", count: 3 }, { code: "DEADLINE_EXCEEDED", count: 2 }],
      },
      /2 ran out of their deadline, 3 were due and not sent.*lower bounds/,
    ],
  ];
  for (const [what, conditions, message] of cases) {
    await t.step(what, () => {
      const warnings = warningsOf(conditions);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0], message);
    });
  }
});
