import assert from "node:assert/strict";
import type { ProcessorUse } from "../../lib/bench/processor_meter.ts";
import type { ThreadResult } from "../../lib/bench/thread_load.ts";
import { type RunConditions, warningsOf } from "../../lib/bench/warnings.ts";

const QUIET: ThreadResult = {
  elapsedMs: 10_000,
  bytesSent: 0,
  bytesReceived: 0,
  schedule: { due: 1_000, sentLate: 5, held: 5 },
  callsMax: Infinity,
  lag: { ticks: 1_000, lateTicks: 3, maxMs: 7 },
};
const USE: ProcessorUse = { elapsedMs: 10_000, processMs: 19_000, machineBusyShare: 0.94 };
const FINE: RunConditions = {
  inflight: null,
  threads: [QUIET, QUIET],
  // A server that cancels calls has not been cut off.
  errors: [{ code: "UNAVAILABLE", count: 9 }, { code: "CANCELLED", count: 9 }],
  use: USE,
  processors: 2,
};

Deno.test("warningsOf() says nothing of a client that kept up", () => {
  assert.deepEqual(warningsOf(FINE), []);
  const closed = { ...QUIET, schedule: null };
  const use = { ...USE, processMs: 17_000 };
  const quiet = { ...FINE, inflight: 100, use, threads: [closed, closed] };
  assert.deepEqual(warningsOf(quiet), []);
  assert.deepEqual(warningsOf({ ...quiet, use: undefined }), []);
  const none = { elapsedMs: 0, processMs: 0, machineBusyShare: undefined };
  assert.deepEqual(warningsOf({ ...quiet, use: none }), []);
  const exact = { ...closed, callsMax: 100 };
  assert.deepEqual(warningsOf({ ...quiet, threads: [exact, exact] }), []);
  // An open loop has no more in flight than the server takes.
  assert.deepEqual(warningsOf({ ...FINE, threads: [{ ...QUIET, callsMax: 1 }] }), []);
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
      { ...FINE, inflight: 1, threads: [closed, closed] },
      /used 95 % of the 2 processors/,
    ],
    [
      "one busy thread of two processors",
      { ...FINE, inflight: 1, use: { ...USE, processMs: 9_900 }, threads: [closed] },
      /used 99 % of the 1 processor that/,
    ],
    [
      "a machine that is full, of a client that is not",
      { ...FINE, inflight: 1, use: { ...USE, processMs: 9_000, machineBusyShare: 0.99 } },
      /client's machine were busy for 99 % of the time/,
    ],
    [
      "a machine that is full, in an open loop",
      { ...FINE, use: { ...USE, machineBusyShare: 0.99 } },
      /client's machine were busy for 99 % of the time/,
    ],
    [
      "a server that takes fewer calls at once than are made",
      {
        ...FINE,
        inflight: 11,
        use: undefined,
        threads: [closed, { ...closed, callsMax: 10 }],
      },
      /takes 10 calls at once on a connection, and 11 were made/,
    ],
    [
      "times that are too short",
      {
        ...FINE,
        errors: ["NOT_SENT", "DEADLINE_EXCEEDED", "CUT_OFF"].map((code, i) => ({
          code,
          count: 3 - i,
        })),
      },
      /2 ran out of their deadline, 1 were cut off .*, 3 were due and not sent.*lower bounds/,
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
