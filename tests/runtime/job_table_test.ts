import assert from "node:assert/strict";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import fc from "fast-check";
import { allocateJobQueue } from "../../lib/runtime/job_queue_memory.ts";
import { SLOT } from "../../lib/runtime/job_queue_layout.ts";
import { JobTable, type NewJob } from "../../lib/runtime/job_table.ts";
import { bytesPayload } from "../../lib/runtime/payload.ts";
import { contentOf } from "./job_table_content.ts";
import { type NaiveJob, NaiveJobs } from "./naive_jobs.ts";

const THREADS = 40;
const LEVELS = 3;

/** Requests of few lengths, contents and hashes, so that they are the same, or have the same hash, often. */
const anyRequest = fc.record({
  length: fc.constantFrom(0, 1, 3, 4, 64, 65, 130),
  fill: fc.nat(1),
  hash: fc.option(fc.nat(1)),
});
/** Those of the first and of the second word of the mask. */
const anyThread = fc.constantFrom(0, 1, 31, 32, 39);
const which = fc.nat();
const anyStep = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant("submit" as const),
      request: anyRequest,
      thread: anyThread,
      priority: fc.integer({ min: 1, max: LEVELS }),
      rows: fc.integer({ min: 1, max: 5 }),
    }),
  },
  fc.record({ type: fc.constantFrom("start", "requeue", "fail in line", "fail"), which }),
  fc.record({
    type: fc.constant("complete" as const),
    which,
    bytes: fc.integer({ min: 0, max: 300 }),
  }),
  fc.record({ type: fc.constant("leave" as const), which, thread: anyThread }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant("pick up" as const), thread: anyThread }) },
  fc.record({ type: fc.constant("reset" as const), often: fc.nat(40) }),
);
type Step = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

class Pair {
  readonly memory;
  readonly table: JobTable;
  naive: NaiveJobs;

  constructor(slots: number, arenaBytes: number) {
    this.memory = allocateJobQueue({
      slots,
      arenaBytes,
      threads: THREADS,
      priorityLevels: LEVELS,
      instances: 1,
    });
    this.table = new JobTable(this.memory, new SharedMutex(this.memory.lock, 1));
    this.table.mutex.acquire();
    this.naive = new NaiveJobs(slots, LEVELS, THREADS);
  }

  apply(step: Step): void {
    const { table, naive } = this;
    if (step.type === "submit") return this.submit(step as Extract<Step, { type: "submit" }>);
    if (step.type === "pick up") {
      const { thread } = step as { thread: number };
      const slot = table.rings.pop(thread);
      if (slot !== 0) table.release(slot, thread);
      return naive.pickUp(thread);
    }
    if (step.type === "reset") {
      if ((step as { often: number }).often > 0) return;
      table.reset();
      this.naive = new NaiveJobs(table.bounds.slots, LEVELS, THREADS);
      return;
    }
    const isInLine = step.type === "start" || step.type === "fail in line";
    const job = step.type === "leave"
      ? this.pick([...naive.jobs.values()], step)
      : this.pick(naive.in(isInLine ? "queued" : "running"), step);
    if (job !== undefined) this.change(job, step);
  }

  pick(jobs: NaiveJob[], step: Step): NaiveJob | undefined {
    return jobs.length === 0 ? undefined : jobs[(step as { which: number }).which % jobs.length];
  }

  change(job: NaiveJob, step: Step): void {
    const { table, naive } = this;
    const { slot } = job;
    if (step.type === "start") {
      table.start(slot, 7, 0);
      naive.start(job);
    } else if (step.type === "requeue") {
      table.requeue(slot);
      naive.requeue(job);
    } else if (step.type === "complete") {
      const { bytes } = step as { bytes: number };
      const response = bytesPayload(new Uint8Array(bytes).fill(bytes));
      if (table.complete(slot, response, undefined, 0)) return naive.end(job, blocksOf(bytes));
      table.fail(slot, { code: "resource-exhausted", message: "m" }, 0);
      naive.end(job, 0);
    } else if (step.type === "leave") {
      const { thread } = step as { thread: number };
      table.leave(table.idOf(slot), thread);
      naive.leave(job, thread);
    } else {
      table.fail(slot, { code: "internal", message: "m" }, 0);
      naive.end(job, 0);
    }
  }

  submit({ request, thread, priority, rows }: Extract<Step, { type: "submit" }>): void {
    const { table, naive } = this;
    const bytes = new Uint8Array(request.length).fill(request.fill);
    const hash = request.hash === null ? undefined : { hash0: request.hash, hash1: -1 };
    const job: NewJob = {
      request: bytesPayload(bytes),
      rows,
      group: 0,
      priority,
      hash,
      thread,
      arrivalMs: 0,
      deadlineMs: Infinity,
    };
    const key = hash && `${hash.hash0} ${bytes}`;
    const same = key === undefined ? undefined : naive.find(key);
    const found = hash === undefined ? 0 : table.find(hash, bytes);
    assert.equal(found, same?.slot ?? 0);
    if (same !== undefined) {
      table.join(found, job);
      return naive.join(same, job);
    }
    const slot = table.add(job);
    assert.equal(slot === "slots", naive.isFull);
    if (typeof slot === "string") return;
    assert.ok(!naive.jobs.has(slot), "a slot of its own");
    assert.deepEqual(new Uint8Array(table.requestOf(slot)), bytes);
    assert.equal(table.requestOf(slot).byteOffset % 64, 0);
    naive.add(slot, job, key, blocksOf(bytes.length));
  }

  assertSame(): void {
    const { naive } = this;
    const slotsOf = (jobs: readonly NaiveJob[]) => jobs.map(({ slot }) => slot);
    const { freeSlots: _, indexed, ...content } = contentOf(this.memory.table);
    assert.deepEqual(content, {
      lines: naive.lines.map(slotsOf),
      running: slotsOf(naive.in("running")),
      ended: slotsOf(naive.in("ended")),
      rings: naive.rings,
      usedBlocks: naive.usedBlocks,
    });
    const keyed = [...naive.in("queued"), ...naive.in("running")].filter(({ key }) => key);
    assert.deepEqual(indexed, slotsOf(keyed).toSorted((one, other) => one - other));
  }
}

function blocksOf(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, Math.ceil(bytes / 64))));
}

Deno.test("JobTable does what arrays of objects do", () => {
  fc.assert(
    fc.property(
      fc.record({
        slots: fc.integer({ min: 1, max: 8 }),
        arenaBytes: fc.integer({ min: 64, max: 3000 }),
      }),
      fc.array(anyStep, { maxLength: 120, size: "max" }),
      ({ slots, arenaBytes }, steps) => {
        const pair = new Pair(slots, arenaBytes);
        for (const step of steps) {
          pair.apply(step);
          pair.assertSame();
        }
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("JobTable knows a job of before by its sequence", () => {
  const { table } = new Pair(1, 64);
  const job: NewJob = {
    request: bytesPayload(new Uint8Array(1)),
    rows: 1,
    group: 0,
    priority: 1,
    hash: undefined,
    thread: 0,
    arrivalMs: 0,
    deadlineMs: Infinity,
  };
  const before = table.idOf(table.add(job) as number);
  table.leave(before, 0);
  const slot = table.add(job);
  assert.equal(slot, before.slot);
  table.leave(before, 0);
  table.limitDeadline(before, 0, 5);
  assert.equal(table.isIn(1, before), false);
  assert.equal(table.isIn(1, table.idOf(before.slot)), true);
  assert.notEqual(table.get(before.slot, SLOT.sequence), before.sequence);
});

Deno.test("JobTable demands the lock for every change", () => {
  const { table } = new Pair(1, 64);
  table.mutex.release();
  const calls = [
    () => table.leave({ slot: 1, sequence: 0 }, 0),
    () => table.release(1, 0),
    () => table.start(1, 1, 0),
    () => table.requeue(1),
    () => table.fail(1, { code: "internal", message: "" }, 0),
    () => table.find({ hash0: 0, hash1: 0 }, new Uint8Array(1)),
    () => table.reset(),
  ];
  for (const call of calls) assert.throws(call, { name: "TypeError", message: /nobody holds it/ });
});
