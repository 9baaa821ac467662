import assert from "node:assert/strict";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { type BatchRules, planBatch } from "../../lib/runtime/batch_plan.ts";
import { allocateJobQueue } from "../../lib/runtime/job_queue_memory.ts";
import { HEAD, SLOT, STATE } from "../../lib/runtime/job_queue_layout.ts";
import { JobTable, type NewJob } from "../../lib/runtime/job_table.ts";
import { bytesPayload } from "../../lib/runtime/payload.ts";
import { LIMITS } from "./queue_setup.ts";

/** What stands in line: rows, and what is not as usual; jobs come at 0 ms, of group 0 and level 2. */
type Line = readonly (Partial<NewJob> & { readonly rows: number })[];

/** Plans at `nowMs`; slots are numbered from 1 in the order of the line. */
function plan(line: Line, rules: Partial<BatchRules>, nowMs: number, closing = false) {
  const memory = allocateJobQueue(LIMITS);
  const table = new JobTable(memory, new SharedMutex(memory.lock, 1));
  table.mutex.acquire();
  for (const job of line) {
    const slot = table.add({
      request: bytesPayload(new Uint8Array(8)),
      group: 0,
      priority: 2,
      hash: undefined,
      thread: 0,
      arrivalMs: 0,
      deadlineMs: Infinity,
      ...job,
    });
    assert.equal(typeof slot, "number");
  }
  if (closing) table.views.header[HEAD.closing] = 1;
  const all = { maxBatchRows: 8, maxDelayMs: 10, preferredRows: [], ...rules };
  const made = planBatch(table, all, nowMs);
  const failed = line.map((_, index) => index + 1).filter((slot) =>
    table.get(slot, SLOT.state) === STATE.failed
  );
  return { ...made, ...(failed.length > 0 ? { failed } : {}) };
}

const ONE = { rows: 1 };
const WAIT = (rows: number, untilMs = 10) => ({ kind: "wait", untilMs, rows });
const RUN = (...slots: number[]) => ({ kind: "run", slots });

const CASES: [string, Line, Partial<BatchRules>, number, unknown][] = [
  ["no batch of nothing", [], {}, 100, { kind: "empty" }],
  ["a batch waits for more", [ONE, ONE], {}, 9.9, WAIT(6)],
  ["… as long as its oldest job may", [ONE, { rows: 1, arrivalMs: 9 }], {}, 10, RUN(1, 2)],
  ["… counted from that job's arrival", [{ rows: 1, arrivalMs: 5 }], {}, 10, WAIT(7, 15)],
  ["no delay: what is there", [ONE, ONE], { maxDelayMs: 0 }, 0, RUN(1, 2)],
  ["a full batch waits no longer", [{ rows: 5 }, { rows: 3 }, ONE], {}, 0, RUN(1, 2)],
  ["what does not fit closes it", [{ rows: 5 }, { rows: 4 }, ONE], {}, 0, RUN(1)],
  ["a job with more rows than a batch runs alone", [{ rows: 9 }, ONE], {}, 0, RUN(1)],
  ["… and does not hold up one that waits", [ONE, { rows: 9 }], {}, 0, RUN(2)],
  ["one row at most: each alone", [ONE, ONE], { maxBatchRows: 1 }, 0, RUN(1)],
  ["a preferred number ends the wait", [ONE, { rows: 3 }], { preferredRows: [4] }, 0, RUN(1, 2)],
  [
    "… the largest that there is",
    [{ rows: 2 }, { rows: 2 }, ONE],
    { preferredRows: [2, 4] },
    0,
    RUN(1, 2),
  ],
  ["… exactly", [ONE, { rows: 4 }], { preferredRows: [4, 6] }, 0, WAIT(1)],
  ["… and when it is late all go", [ONE, ONE, ONE], { preferredRows: [2] }, 10, RUN(1, 2, 3)],
  ["the next preferred number is waited for", [ONE], { preferredRows: [4, 8] }, 0, WAIT(3)],
  ["another group's may come sooner", [{ rows: 4 }], { preferredRows: [1, 8] }, 0, WAIT(1)],
  ["groups are never mixed", [ONE, { rows: 1, group: 5 }, ONE], {}, 10, RUN(1, 3)],
  [
    "a group that is there does not wait for one that is not",
    [ONE, { rows: 8, group: 5 }],
    {},
    0,
    RUN(2),
  ],
  [
    "the oldest job decides, whatever its group",
    [{ rows: 1, arrivalMs: 5 }, { rows: 1, arrivalMs: 1, group: 5 }],
    {},
    5,
    WAIT(7, 11),
  ],
  [
    "group -1 runs alone, at once",
    [ONE, { rows: 1, group: -1 }, { rows: 1, group: -1 }],
    {},
    0,
    RUN(2),
  ],
  [
    "the higher level first, the lower fills up",
    [ONE, { rows: 1, priority: 3 }, { rows: 6, priority: 1 }],
    {},
    0,
    RUN(3, 1, 2),
  ],
  [
    "a lower level does not go before a higher one of its group",
    [{ rows: 1, priority: 3 }, { rows: 5, priority: 1 }, { rows: 4, priority: 2 }],
    {},
    0,
    RUN(2),
  ],
  [
    "the oldest of a batch may be of a lower level",
    [{ rows: 1, priority: 3, arrivalMs: 0 }, { rows: 1, priority: 1, arrivalMs: 8 }],
    {},
    10,
    RUN(2, 1),
  ],
  [
    "the expired leave the line",
    [{ rows: 8, deadlineMs: 5 }, { rows: 1, deadlineMs: 5.1 }],
    {},
    5,
    { ...WAIT(7), failed: [1] },
  ],
  [
    "… all of them",
    [{ rows: 8, deadlineMs: 5 }, { rows: 8, deadlineMs: 1 }],
    {},
    5,
    { kind: "empty", failed: [1, 2] },
  ],
];

Deno.test("planBatch()", async (t) => {
  for (const [name, line, rules, nowMs, expected] of CASES) {
    await t.step(name, () => assert.deepEqual(plan(line, rules, nowMs), expected));
  }
  await t.step("nobody waits once the queue is closing", () => {
    assert.deepEqual(plan([ONE, ONE], {}, 0, true), RUN(1, 2));
  });
});
