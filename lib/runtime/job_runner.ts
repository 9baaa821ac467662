import { OperationError } from "../errors.ts";
import { SharedMutex } from "../lock/shared_mutex.ts";
import { sharedNowMs } from "../timing/shared_clock.ts";
import { type BatchRules, planBatch } from "./batch_plan.ts";
import { failureOf, type JobFailure } from "./job_failure.ts";
import { HEAD, SLOT, STATE, TIME } from "./job_queue_layout.ts";
import type { JobQueueMemory } from "./job_queue_memory.ts";
import { JobQueueStatistics } from "./job_queue_statistics.ts";
import { type JobId, JobTable } from "./job_table.ts";
import { hasNoThread } from "./thread_mask.ts";
import type { ResponsePayload } from "./payload.ts";
import { openThreadWakes } from "./thread_wake.ts";

/** What runs the jobs: a model. */
export interface JobExecutor {
  /**
   * The responses to a batch, one each, in order.
   *
   * @param requests views of the queue's memory, each at a multiple of 64 bytes; to be read only, and only
   *   until the responses are there. They may change under an instance that was fenced off: its
   *   responses are thrown away.
   * @throws what the jobs fail with: an OperationError as it is, anything else as `internal`
   */
  execute(
    requests: readonly Uint8Array[],
  ): readonly ResponsePayload[] | Promise<readonly ResponsePayload[]>;
  /**
   * Called for each job that is done before anybody can see it, so that whoever finds the request in flight
   * no more finds its answer here. Under the queue's lock: short, and takes no queue's lock. Views as above.
   * Must not throw: `run` would reject with it, as with any bug, and leave the rest of the batch to a fence.
   */
  stored?(request: Uint8Array, response: Uint8Array): void;
}

/** Who runs jobs, and how. */
export interface JobRunnerOptions {
  /** This instance's number, from 0. */
  readonly instance: number;
  /** Its name as an owner of the lock: no thread before it had the same. */
  readonly owner: number;
  readonly rules: BatchRules;
  readonly executor: JobExecutor;
  /** The memory of `allocateThreadWakes`. */
  readonly wakes: SharedArrayBuffer;
  /**
   * Whether the thread sleeps in `Atomics.wait` and has no events but during an asynchronous `execute`. Otherwise
   * its event loop lives, each wake-up takes some 10 µs more, the thread has to be kept alive by others, and
   * batches wait `TIMER_LATE_MS` less than they may: timers are late, and no job is to wait longer.
   */
  readonly blocking: boolean;
}

/** How much later than asked timers of an event loop tell; for waits that must not be too long. */
const TIMER_LATE_MS = 1.2;

/**
 * An instance's end of a queue: takes batches and runs them until the queue closes or it is fenced off.
 *
 * Whatever it does to a job it does under the lock, and only if the job is still its own: one that was fenced
 * off may come back late, but changes nothing.
 */
export class JobRunner {
  readonly #table: JobTable;
  readonly #instance: number;
  readonly #owner: number;
  readonly #rules: BatchRules;
  readonly #executor: JobExecutor;
  readonly #blocking: boolean;
  readonly #tell: (thread: number) => void;
  readonly #stored: JobExecutor["stored"];
  readonly #statistics: JobQueueStatistics;

  /**
   * @throws {RangeError} if the instance or the rules are none
   * @throws {TypeError} if another runner has the instance's number: it has to be fenced off first
   */
  constructor(memory: JobQueueMemory, options: JobRunnerOptions) {
    const { instance, owner, rules, executor, wakes, blocking } = options;
    const table = new JobTable(memory, new SharedMutex(memory.lock, owner));
    requireRules(rules);
    const { instances } = table.bounds;
    if (!(Number.isInteger(instance) && instance >= 0 && instance < instances)) {
      throw new RangeError(
        `Cannot run jobs as instance ${instance}: there are ${instances}, from 0`,
      );
    }
    const lateMs = blocking ? 0 : TIMER_LATE_MS;
    this.#table = table;
    this.#instance = instance;
    this.#owner = owner;
    this.#rules = { ...rules, maxDelayMs: Math.max(0, rules.maxDelayMs - lateMs) };
    this.#executor = executor;
    this.#blocking = blocking;
    this.#tell = openThreadWakes(wakes);
    this.#stored = executor.stored?.bind(executor);
    this.#statistics = JobQueueStatistics.ofInstance(table.views, instance);
    using _ = table.mutex.acquire();
    const before = table.roster.ownerOf(instance);
    if (before !== 0) {
      throw new TypeError(`Cannot run jobs as instance ${instance}: thread ${before} does`);
    }
    table.roster.setOwner(instance, owner);
  }

  /** Runs jobs; resolves once the queue is closing and empty, or this instance was fenced off. */
  async run(): Promise<void> {
    const { roster } = this.#table;
    for (;;) {
      const step = this.#look();
      this.#flush();
      if (step.kind === "end") return;
      if (step.kind === "run") {
        await this.#runBatch(step.jobs);
        if (!this.#blocking) await nextTurn();
        continue;
      }
      const ms = step.untilMs - sharedNowMs();
      if (ms <= 0) continue;
      if (this.#blocking) roster.sleep(this.#instance, step.word, ms);
      else await roster.sleepAsync(this.#instance, step.word, ms);
    }
  }

  /** Takes what is there to be run, or says how long to sleep. */
  #look(): Step {
    const table = this.#table;
    const { mutex, roster } = table;
    const { header } = table.views;
    const instance = this.#instance;
    mutex.acquire();
    try {
      if (!this.#isMine()) return { kind: "end" };
      table.views.since[instance] = 0;
      const nowMs = sharedNowMs();
      const word = roster.wordOf(instance);
      const plan = planBatch(table, this.#rules, nowMs);
      if (plan.kind === "run") return { kind: "run", jobs: this.#start(plan.slots, nowMs) };
      if (plan.kind === "wait") {
        const isWatcher = roster.watch(instance, plan.rows);
        return { kind: "sleep", word, untilMs: isWatcher ? plan.untilMs : Infinity };
      }
      // Others may still be fenced off, and their jobs come back.
      if (table.isClosing && header[HEAD.running] === 0) {
        roster.leave(instance);
        roster.wakeAll();
        return { kind: "end" };
      }
      roster.rest(instance);
      return { kind: "sleep", word, untilMs: Infinity };
    } finally {
      mutex.release();
    }
  }

  #start(slots: readonly number[], nowMs: number): TakenJob[] {
    const table = this.#table;
    let queueMs = 0;
    for (const slot of slots) {
      table.start(slot, this.#owner, nowMs);
      queueMs += nowMs - table.time(slot, TIME.arrival);
    }
    table.roster.work(this.#instance);
    this.#statistics.add("queueMs", queueMs);
    table.views.since[this.#instance] = nowMs;
    return slots.map((slot) => ({
      ...table.idOf(slot),
      rows: table.get(slot, SLOT.rows),
      // Made now: once this runner is fenced off the slot may be anybody's.
      request: table.requestOf(slot),
    }));
  }

  /** Runs a batch; one that fails is run again job by job, so that each fails for itself alone. */
  async #runBatch(jobs: readonly TakenJob[]): Promise<void> {
    const attempt = await this.#attempt(jobs);
    if (attempt.kind === "responses" || jobs.length === 1) {
      this.#count(jobs, attempt);
      this.#settle(jobs, attempt);
    } else {
      // Its rows count when they are run again.
      this.#count([], attempt);
      for (const job of jobs) {
        if (!this.#isWorthwhile(job)) continue;
        const again = await this.#attempt([job]);
        this.#count([job], again);
        this.#settle([job], again);
      }
    }
  }

  async #attempt(jobs: readonly TakenJob[]): Promise<Attempt> {
    const requests = jobs.map(({ request }) => request);
    const startedMs = sharedNowMs();
    let outcome: { kind: "responses"; responses: readonly ResponsePayload[] } | {
      kind: "failure";
      failure: JobFailure;
    };
    try {
      const executed = this.#executor.execute(requests);
      const responses = executed instanceof Promise ? await executed : executed;
      requireOneEach(responses.length, requests.length);
      outcome = { kind: "responses", responses };
    } catch (error) {
      outcome = { kind: "failure", failure: failureOf(error) };
    }
    return { ...outcome, startedMs, endedMs: sharedNowMs() };
  }

  /** Whether a job of a failed batch still is to be run; it ends here if nobody waits for it any more. */
  #isWorthwhile(job: JobId): boolean {
    const table = this.#table;
    const nowMs = sharedNowMs();
    table.mutex.acquire();
    try {
      if (!this.#isOwn(job)) return false;
      const isLate = table.time(job.slot, TIME.deadline) <= nowMs;
      if (isLate || hasNoThread(table.views.slots, job.slot)) {
        table.fail(job.slot, NOBODY_WAITS, nowMs);
        return false;
      }
      table.views.since[this.#instance] = nowMs;
      return true;
    } finally {
      table.mutex.release();
      this.#flush();
    }
  }

  /** Ends those of the jobs that are still this runner's. */
  #settle(jobs: readonly TakenJob[], attempt: Attempt): void {
    const { mutex } = this.#table;
    try {
      for (const [index, job] of jobs.entries()) {
        // Each for itself, since long responses take long to copy.
        mutex.acquire();
        try {
          if (!this.#isOwn(job)) continue;
          if (attempt.kind === "failure") this.#fail(job, attempt.failure, attempt.endedMs);
          else this.#complete(job, attempt.responses[index], attempt.endedMs);
        } finally {
          mutex.release();
        }
      }
    } finally {
      this.#flush();
    }
  }

  /** @param jobs that are through with it; none of a batch that is run again */
  #count(jobs: readonly TakenJob[], { startedMs, endedMs }: Attempt): void {
    // A row has one writer: whoever was fenced off is that no more.
    if (!this.#isMine()) return;
    let rows = 0;
    for (const job of jobs) rows += job.rows;
    this.#statistics.executed(jobs.length, rows, endedMs - startedMs);
  }

  #complete(job: JobId, response: ResponsePayload, nowMs: number): void {
    const table = this.#table;
    let failure: JobFailure;
    try {
      if (table.complete(job.slot, response, this.#stored, nowMs)) return;
      failure = noRoom(response.byteLength, table);
    } catch (error) {
      // `stored` has thrown, and the job is done; otherwise the response could not be written.
      if (!this.#isOwn(job)) throw error;
      failure = failureOf(error);
    }
    this.#fail(job, failure, nowMs);
  }

  #fail({ slot }: JobId, failure: JobFailure, nowMs: number): void {
    this.#table.fail(slot, failure, nowMs);
    this.#statistics.add("jobsFailed");
  }

  /** Whether this runner was not fenced off. */
  #isMine(): boolean {
    return this.#table.roster.ownerOf(this.#instance) === this.#owner;
  }

  /** Whether the job is still this runner's. The lock is held. */
  #isOwn(job: JobId): boolean {
    const table = this.#table;
    return this.#isMine() && table.isIn(STATE.running, job) &&
      table.get(job.slot, SLOT.runner) === this.#owner;
  }

  #flush(): void {
    this.#table.roster.flush();
    this.#table.flushThreads(this.#tell);
  }
}

/** A job that this runner has begun. */
interface TakenJob extends JobId {
  readonly rows: number;
  readonly request: Uint8Array<SharedArrayBuffer>;
}

type Step =
  | { readonly kind: "run"; readonly jobs: readonly TakenJob[] }
  | { readonly kind: "sleep"; readonly word: number; readonly untilMs: number }
  | { readonly kind: "end" };

type Attempt =
  & { readonly startedMs: number; readonly endedMs: number }
  & (
    | { readonly kind: "responses"; readonly responses: readonly ResponsePayload[] }
    | { readonly kind: "failure"; readonly failure: JobFailure }
  );

const NOBODY_WAITS: JobFailure = {
  code: "deadline-exceeded",
  message: "Cannot run the job again by itself: nobody waits for it any more",
};

/** Words that nobody changes, for `nextTurn`. */
const TURN = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

/** Lets the event loop turn: 2 µs, where a timer takes a millisecond. */
async function nextTurn(): Promise<void> {
  const wait = Atomics.waitAsync(TURN, 0, 0);
  Atomics.notify(TURN, 0);
  if (wait.async) await wait.value;
}

function requireOneEach(responses: number, requests: number): void {
  if (responses === requests) return;
  throw new OperationError(
    "internal",
    `Cannot answer a batch: ${responses} responses for ${requests} requests`,
  );
}

function noRoom(bytes: number, { arenaUse, payloadBytesMax }: JobTable): JobFailure {
  if (bytes > payloadBytesMax) {
    // Another attempt would fail as this one; a request of fewer rows may not.
    const found =
      `its response has ${bytes} bytes, the queue has room for ${payloadBytesMax} at once`;
    return { code: "invalid-argument", message: `Cannot answer the job: ${found}` };
  }
  const { used, all } = arenaUse;
  return {
    code: "resource-exhausted",
    message:
      `Cannot answer the job: no room for a response of ${bytes} bytes, ${used} of the queue's ${all} are in use`,
  };
}

function requireRules({ maxBatchRows, maxDelayMs, preferredRows }: BatchRules): void {
  if (!(Number.isInteger(maxBatchRows) && maxBatchRows >= 1)) {
    throw new RangeError(`Cannot batch jobs: maxBatchRows is ${maxBatchRows}, needs 1 or more`);
  }
  if (!(maxDelayMs >= 0 && maxDelayMs < Infinity)) {
    throw new RangeError(`Cannot batch jobs: maxDelayMs is ${maxDelayMs}, needs 0 or more`);
  }
  for (const rows of preferredRows) {
    if (Number.isInteger(rows) && rows >= 1 && rows <= maxBatchRows) continue;
    throw new RangeError(
      `Cannot batch jobs: a preferred batch has ${rows} rows, needs 1 to ${maxBatchRows}`,
    );
  }
}
