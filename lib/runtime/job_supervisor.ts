import type { ErrorCode } from "../errors.ts";
import { SharedMutex } from "../lock/shared_mutex.ts";
import { sharedNowMs } from "../timing/shared_clock.ts";
import type { JobFailure } from "./job_failure.ts";
import { HEAD, SLOT, STATE } from "./job_queue_layout.ts";
import type { JobQueueMemory } from "./job_queue_memory.ts";
import { JobQueueStatistics } from "./job_queue_statistics.ts";
import { JobTable } from "./job_table.ts";
import { openThreadWakes } from "./thread_wake.ts";

/** How many jobs there are now. */
export interface JobCounts {
  readonly queued: number;
  readonly running: number;
  /** Done or failed, and not picked up by all who wait for it. */
  readonly ended: number;
}

/** Who supervises. */
export interface JobSupervisorOptions {
  /** The caller's name as an owner of the lock. */
  readonly owner: number;
  /** The memory of `allocateThreadWakes`. */
  readonly wakes: SharedArrayBuffer;
}

/** How often a job may be begun anew because its instance was replaced. */
const FENCES_MAX = 1;

/**
 * The main thread's end of a queue: replaces instances and threads, and closes it.
 *
 * An instance that is to be replaced is fenced off first, whether it is dead or may still run for a while:
 * what it does to its jobs from then on is ignored. A thread that may hold the lock as it dies is given to
 * `recover` once it is known to be dead; before, everybody would wait for it, the supervisor included. As the
 * lock is only held for copying, that takes a thread which is stopped within some microseconds of it.
 */
export class JobSupervisor {
  readonly #memory: JobQueueMemory;
  readonly #table: JobTable;
  readonly #tell: (thread: number) => void;

  constructor(memory: JobQueueMemory, { owner, wakes }: JobSupervisorOptions) {
    this.#memory = memory;
    this.#table = new JobTable(memory, new SharedMutex(memory.lock, owner));
    this.#tell = openThreadWakes(wakes);
  }

  /** Jobs that are there now. */
  counts(): JobCounts {
    const { mutex, views } = this.#table;
    using _ = mutex.acquire();
    const queued = views.header[HEAD.queued];
    const running = views.header[HEAD.running];
    return { queued, running, ended: views.header[HEAD.used] - queued - running };
  }

  /** Whether there is no job at all: none in line, none at work, none to be picked up. */
  isEmpty(): boolean {
    const { queued, running, ended } = this.counts();
    return queued + running + ended === 0;
  }

  /** Whether a job is in line or at work. */
  hasWork(): boolean {
    const { queued, running } = this.counts();
    return queued + running > 0;
  }

  /**
   * For how long the instance has been running what it runs now, in ms; undefined if it runs nothing.
   *
   * Takes no lock. A batch that is run again job by job counts anew with each.
   */
  runningMs(instance: number): number | undefined {
    const since = this.#table.views.since[instance];
    return since === 0 ? undefined : sharedNowMs() - since;
  }

  /**
   * Takes the instance's jobs away, and it may not touch them any more: each goes back in line once, to run
   * alone, and fails as `unavailable` the second time. From then on another runner may have its number.
   *
   * @returns how many jobs it had
   */
  fence(instance: number): number {
    const table = this.#table;
    return this.#change(() => {
      const { roster, views } = table;
      const owner = roster.ownerOf(instance);
      if (owner === 0) return 0;
      const nowMs = sharedNowMs();
      const slots: number[] = [];
      table.forEachUsed((slot) => {
        if (table.get(slot, SLOT.state) !== STATE.running) return;
        if (table.get(slot, SLOT.runner) === owner) slots.push(slot);
      });
      // They go to the head of the line: the last one first.
      for (const slot of slots.reverse()) {
        if (table.get(slot, SLOT.fences) < FENCES_MAX) table.requeue(slot);
        else table.fail(slot, REPLACED, nowMs);
      }
      views.since[instance] = 0;
      roster.leave(instance);
      return slots.length;
    });
  }

  /**
   * Frees the lock from a dead thread that held it. What it was at may be half-written, so all jobs are thrown
   * away, and those who wait for them are told `unavailable`.
   *
   * @param owner of a serving thread or an instance; known to be dead, see `SharedMutex.takeOver`
   * @returns whether it held the lock
   */
  recover(owner: number): boolean {
    const table = this.#table;
    if (!table.mutex.takeOver(owner)) return false;
    try {
      table.reset();
      this.#wakeAll();
    } finally {
      table.mutex.release();
      this.#flush();
    }
    return true;
  }

  /** A serving thread is dead, or given up: nobody waits there any more, and what it submits is refused. */
  dropThread(thread: number): void {
    const table = this.#table;
    this.#change(() => {
      table.setOwnerOf(thread, 0);
      table.rings.empty(thread);
      table.forEachUsed((slot) => {
        table.leave(table.idOf(slot), thread);
        table.release(slot, thread);
      });
    });
  }

  /** No more jobs are taken; those in line are run without delay, and then all runners end. */
  tellClosing(): void {
    const { header } = this.#table.views;
    this.#change(() => {
      header[HEAD.closing] = 1;
    });
  }

  /** Ends all jobs that are in line or at work. */
  failAll(code: ErrorCode, message: string): void {
    this.#change(() => this.#failAll({ code, message }));
  }

  /** There is no instance and none to be expected: ends all jobs as `unavailable`, and no more are taken. */
  strand(message: string): void {
    this.#change(() => {
      this.#table.views.header[HEAD.stranded] = 1;
      this.#failAll({ code: "unavailable", message });
    });
  }

  /** There is an instance again: jobs are taken as ever. */
  unstrand(): void {
    const { header } = this.#table.views;
    if (header[HEAD.stranded] !== 0) this.#change(() => void (header[HEAD.stranded] = 0));
  }

  /**
   * Whether jobs are in line and none is run: told with the instance that is to take them, if one was woken
   * for it. A living one does within `maxDelayMs`; undefined if nothing stands still.
   */
  standstill(): { readonly watcher: number | undefined } | undefined {
    const { mutex, views: { header } } = this.#table;
    // Nearly always: then nobody is kept from the lock.
    if (header[HEAD.queued] === 0) return undefined;
    using _ = mutex.acquire();
    if (header[HEAD.queued] === 0 || header[HEAD.running] > 0) return undefined;
    const watcher = header[HEAD.watcher] - 1;
    return { watcher: watcher < 0 ? undefined : watcher };
  }

  /** Batches that were run so far; grows while anything is got done. */
  get executions(): number {
    return JobQueueStatistics.sums(this.#memory).executions;
  }

  #failAll(failure: JobFailure): void {
    const table = this.#table;
    const nowMs = sharedNowMs();
    table.forEachUsed((slot) => {
      const state = table.get(slot, SLOT.state);
      if (state === STATE.queued || state === STATE.running) table.fail(slot, failure, nowMs);
    });
  }

  /**
   * Changes what all should look at. Everybody is woken, whoever sleeps for nothing included: a thread that
   * has died between a change and telling of it leaves others asleep who should not be.
   */
  #change<Result>(change: () => Result): Result {
    const { mutex } = this.#table;
    mutex.acquire();
    try {
      const result = change();
      this.#wakeAll();
      return result;
    } finally {
      mutex.release();
      this.#flush();
    }
  }

  #wakeAll(): void {
    this.#table.roster.wakeAll();
    this.#table.tellAllThreads();
  }

  #flush(): void {
    this.#table.roster.flush();
    this.#table.flushThreads(this.#tell);
  }
}

const REPLACED = {
  code: "unavailable",
  message: "Cannot run the job: each of the two instances that began it died or took too long",
} as const;
