import assert from "node:assert/strict";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { allocateJobQueue } from "../../lib/runtime/job_queue_memory.ts";
import { openViews } from "../../lib/runtime/job_queue_layout.ts";
import { JobTable, type NewJob } from "../../lib/runtime/job_table.ts";
import { bytesPayload } from "../../lib/runtime/payload.ts";
import { openDying } from "../lock/dying_views.ts";
import { contentOf } from "./job_table_content.ts";

const SURVIVOR = 1;
const VICTIM = 2;
const LIMITS = { slots: 4, arenaBytes: 1024, threads: 2, priorityLevels: 2, instances: 1 };
/** More than any of the steps below writes: the test ends when a step lives through it. */
const WRITES_MAX = 1000;

class Died extends Error {}

function jobOf(bytes: number, thread = 0, priority = 2): NewJob {
  return {
    request: bytesPayload(new Uint8Array(bytes).fill(bytes)),
    rows: 1,
    group: 0,
    priority,
    hash: { hash0: bytes, hash1: 0 },
    thread,
    arrivalMs: 0,
    deadlineMs: Infinity,
  };
}

/** Slots 1 to 3: one has ended, one runs, one is in line; two threads wait for the last two. */
function fill(table: JobTable): void {
  for (const bytes of [1, 2, 3]) table.add(jobOf(bytes));
  for (const slot of [2, 3]) table.join(slot, jobOf(slot, 1));
  table.start(1, SURVIVOR, 0);
  table.complete(1, bytesPayload(new Uint8Array(100)), undefined, 0);
  table.start(2, SURVIVOR, 0);
  table.roster.watch(0, 5);
}

/** What the victim was doing when it died, after the table was filled. */
const STEPS: Record<string, (table: JobTable) => void> = {
  "add()": (table) => void table.add(jobOf(200)),
  "join() that lifts": (table) => table.join(3, jobOf(3, 0, 1)),
  "leave() of the last": (table) => {
    for (const thread of [0, 1]) table.leave(table.idOf(3), thread);
  },
  "pop() and release()": (table) => table.release(table.rings.pop(0), 0),
  "start()": (table) => table.start(3, VICTIM, 0),
  "complete()": (table) => void table.complete(2, bytesPayload(new Uint8Array(300)), undefined, 0),
  "fail() in line": (table) => table.fail(3, { code: "internal", message: "m" }, 0),
  "requeue()": (table) => table.requeue(2),
  "work()": (table) => table.roster.work(0),
  "reset()": (table) => table.reset(),
};

/** Runs the step until the victim dies at its nth write; undefined if it lived. */
function dieAt(write: number, step: (table: JobTable) => void) {
  const memory = allocateJobQueue(LIMITS);
  const table = new JobTable(memory, new SharedMutex(memory.lock, SURVIVOR));
  {
    using _ = table.mutex.acquire();
    fill(table);
  }
  const victimMutex = new SharedMutex(memory.lock, VICTIM);
  let writes = 0;
  const victim = openDying(() => {
    if (writes++ === write) throw new Died();
  }, () => new JobTable(memory, victimMutex));
  victimMutex.acquire();
  try {
    step(victim);
  } catch (error) {
    if (error instanceof Died) return { memory, table };
    throw error;
  }
  return undefined;
}

Deno.test("JobTable.reset() repairs a death at any write", async (t) => {
  for (const [name, step] of Object.entries(STEPS)) {
    await t.step(name, () => {
      let deaths = 0;
      for (; deaths < WRITES_MAX; deaths++) {
        const dead = dieAt(deaths, step);
        if (dead === undefined) break;
        assertRepaired(dead);
      }
      assert.ok(deaths > 0 && deaths < WRITES_MAX, `${deaths} deaths`);
    });
  }
});

function assertRepaired({ memory, table }: NonNullable<ReturnType<typeof dieAt>>): void {
  const { epoch } = table;
  const before = [1, 2, 3, 4].map((slot) => table.idOf(slot).sequence);
  assert.ok(table.mutex.takeOver(VICTIM));
  table.reset();
  assert.ok(table.epoch > epoch);
  assertEmpty(memory.table);
  for (const [index, sequence] of before.entries()) {
    assert.ok(
      table.idOf(index + 1).sequence > sequence,
      "no job of before is taken for a later one",
    );
  }
  fill(table);
  assert.equal(table.find({ hash0: 3, hash1: 0 }, new Uint8Array(3).fill(3)), 3);
  const { lines, running, ended, rings } = contentOf(memory.table);
  assert.deepEqual({ lines, running, ended, rings }, {
    lines: [[], [], [3]],
    running: [2],
    ended: [1],
    rings: [[1], []],
  });
  table.mutex.release();
}

function assertEmpty(table: SharedArrayBuffer): void {
  assert.deepEqual(contentOf(table), {
    lines: [[], [], []],
    running: [],
    ended: [],
    rings: [[], []],
    indexed: [],
    freeSlots: LIMITS.slots,
    usedBlocks: 0,
  });
}

Deno.test("JobTable.reset() does not read what it repairs", () => {
  const memory = allocateJobQueue(LIMITS);
  const table = new JobTable(memory, new SharedMutex(memory.lock, SURVIVOR));
  table.mutex.acquire();
  const { header, levels, buckets, slots, threads, rings, instances, buddies } = openViews(
    memory.table,
  );
  for (
    const words of [header.subarray(7), levels, buckets, slots, threads, rings, instances, buddies]
  ) {
    for (let index = 0; index < words.length; index++) {
      words[index] = crypto.getRandomValues(new Int32Array(1))[0];
    }
  }
  table.reset();
  assertEmpty(memory.table);
  fill(table);
  assert.equal(contentOf(memory.table).ended.length, 1);
});
