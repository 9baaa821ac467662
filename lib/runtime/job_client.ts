import { type ErrorCode, OperationError } from "../errors.ts";
import { SharedMutex } from "../lock/shared_mutex.ts";
import { sharedNowMs, sharedTimeMs } from "../timing/shared_clock.ts";
import type { Job, JobOutcome } from "./job.ts";
import { SLOT, STATE, TIME } from "./job_queue_layout.ts";
import type { JobQueueMemory } from "./job_queue_memory.ts";
import { JobQueueStatistics } from "./job_queue_statistics.ts";
import { type FullBound, JobTable, type NewJob } from "./job_table.ts";
import { type Flight, JobWaiter } from "./job_waiter.ts";
import { NeverFitsError, QueueFullError } from "./queue_full_error.ts";
import { copyResponse, type OwnedBytes } from "./response_buffers.ts";
import type { ThreadWake, WakeRegistration } from "./thread_wake.ts";

export type { Job, JobOutcome } from "./job.ts";

/** Who submits. */
export interface JobClientOptions {
  /** This serving thread's number, from 0. */
  readonly thread: number;
  /** Its name as an owner of locks: no thread before it had the same. */
  readonly owner: number;
  readonly wake: ThreadWake;
}

/**
 * A serving thread's end of a queue: brings jobs in line and waits for what comes of them.
 *
 * Nothing of it blocks but the queue's lock, which nobody holds for longer than it takes to copy a payload.
 * Requests that are the same (`coalesce`) share one job, on all threads; each waiter has its own deadline
 * and signal, and the job lives on as long as anybody waits for it.
 *
 * A client that is made for a thread's number takes it over from the client before, which the supervisor has
 * dropped.
 */
export class JobClient {
  readonly #table: JobTable;
  readonly #thread: number;
  readonly #owner: number;
  readonly #wake: ThreadWake;
  readonly #registration: WakeRegistration;
  readonly #statistics: JobQueueStatistics;
  readonly #flights = new Map<number, Flight>();
  #pending = 0;
  #epoch: number;
  #isClosed = false;

  constructor(memory: JobQueueMemory, { thread, owner, wake }: JobClientOptions) {
    const table = new JobTable(memory, new SharedMutex(memory.lock, owner));
    const { threads } = table.bounds;
    if (!(Number.isInteger(thread) && thread >= 0 && thread < threads)) {
      throw new RangeError(`Cannot open the queue for thread ${thread}: it has ${threads}, from 0`);
    }
    this.#table = table;
    this.#thread = thread;
    this.#owner = owner;
    this.#wake = wake;
    this.#statistics = JobQueueStatistics.ofThread(table.views, thread);
    this.#registration = wake.register(() => this.#pickUp());
    using _ = table.mutex.acquire();
    table.setOwnerOf(thread, owner);
    this.#epoch = table.epoch;
  }

  /** Callers who wait. */
  get pending(): number {
    return this.#pending;
  }

  /** Deadlines of those who wait. */
  get deadlines(): ThreadWake["deadlines"] {
    return this.#wake.deadlines;
  }

  /**
   * Has a job run.
   *
   * @param signal ends the waiting, not the job if others wait for it; a function is called only once there is
   *   something to wait for
   * @returns how it ended, in an instance or for want of one
   * @throws {RangeError} if `rows`, `group` or `priority` are none
   * @throws {OperationError} by rejection: `resource-exhausted` if the queue or its memory is full,
   *   `invalid-argument` if its memory has no room for the request even when it is empty,
   *   `deadline-exceeded` if the deadline passed first, `unavailable` if the queue is closing or was lost, or
   *   has no instance. A cancellation rejects with the signal's reason, what `request.writeTo` or `recheck`
   *   throw as it is.
   */
  submit(
    job: Job,
    signal?: AbortSignal | (() => AbortSignal | undefined),
  ): Promise<JobOutcome> {
    if (this.#isClosed) throw new TypeError("Cannot submit a job: this end of the queue is closed");
    this.#requireValid(job);
    this.#statistics.add("submitted");
    const submittedMs = sharedNowMs();
    const deadlineMs = job.deadlineMs === undefined ? Infinity : sharedTimeMs(job.deadlineMs);
    if (deadlineMs <= submittedMs) {
      this.#statistics.add("expired");
      return Promise.reject(expired(0));
    }
    // Armed before the job can be done: otherwise its end could go unheard.
    if (this.#pending++ === 0) this.#registration.arm();
    let placed: Placed;
    try {
      placed = this.#place(job, submittedMs, deadlineMs);
    } catch (error) {
      this.#retire();
      this.#statistics.add("rejected");
      return Promise.reject(error);
    } finally {
      this.#table.roster.flush();
    }
    if (placed === "recheckHit") {
      this.#retire();
      this.#statistics.add("recheckHits");
      return Promise.resolve({ kind: "recheckHit" });
    }
    const { isCoalesced } = placed;
    if (isCoalesced) this.#statistics.add("coalesced");
    const waiter = new JobWaiter(this, {
      flight: this.#flightOf(placed),
      submittedMs,
      deadlineMs: job.deadlineMs ?? Infinity,
      isCoalesced,
    });
    const obeyed = typeof signal === "function" ? signal() : signal;
    if (obeyed !== undefined) waiter.obey(obeyed);
    return waiter.promise;
  }

  /** Takes no jobs any more; those that are pending still end. */
  close(): void {
    this.#isClosed = true;
    if (this.#pending === 0) this.#registration.close();
  }

  /** A waiter's deadline has passed. */
  expire(waiter: JobWaiter): void {
    this.#statistics.add("expired");
    this.#abandon(waiter, expired(sharedNowMs() - waiter.submittedMs));
  }

  /** A waiter's signal has been aborted. */
  cancel(waiter: JobWaiter): void {
    this.#statistics.add("cancelled");
    this.#abandon(waiter, waiter.reason);
  }

  /** Joins the job or puts it in line, under the lock. @throws {OperationError} if there is no room */
  #place(job: Job, arrivalMs: number, deadlineMs: number): Placed {
    const table = this.#table;
    table.mutex.acquire();
    try {
      if (!table.isOwnerOf(this.#thread, this.#owner)) {
        throw unavailable("this thread was given up by its supervisor");
      }
      if (table.epoch !== this.#epoch) this.#loseAll();
      if (table.isClosing) throw unavailable("the queue is closing");
      if (table.isStranded) {
        throw unavailable("no instance is left, and the last attempt to start one has failed");
      }
      const { request, rows, group, priority, coalesce: hash } = job;
      const thread = this.#thread;
      const added = { request, rows, group, priority, hash, thread, arrivalMs, deadlineMs };
      const same = this.#findSame(added);
      if (same !== 0) {
        table.join(same, added);
        return { ...table.idOf(same), isCoalesced: true };
      }
      if (job.recheck?.()) return "recheckHit";
      const slot = table.add(added);
      if (typeof slot === "string") throw this.#full(slot, request.byteLength);
      return { ...table.idOf(slot), isCoalesced: false };
    } finally {
      table.mutex.release();
    }
  }

  /** The slot of the same request in flight; 0 if there is none. */
  #findSame({ request, hash }: NewJob): number {
    // Most requests are the only ones with their hash: they are written once, into the arena.
    if (hash === undefined || !this.#table.mayFind(hash, request.byteLength)) return 0;
    const bytes = new Uint8Array(request.byteLength);
    request.writeTo(bytes, 0);
    return this.#table.find(hash, bytes);
  }

  #flightOf({ slot, sequence }: { slot: number; sequence: number }): Flight {
    const known = this.#flights.get(slot);
    if (known !== undefined && known.id.sequence === sequence) return known;
    const flight: Flight = { id: { slot, sequence }, waiters: new Set() };
    this.#flights.set(slot, flight);
    return flight;
  }

  /** The waiter goes; with the last one the thread's interest in the job. */
  #abandon(waiter: JobWaiter, reason: unknown): void {
    const table = this.#table;
    const { flight } = waiter;
    waiter.reject(reason);
    this.#retire();
    const { id, waiters } = flight;
    {
      using _ = table.mutex.acquire();
      if (table.isOwnerOf(this.#thread, this.#owner)) {
        if (waiters.size === 0) table.leave(id, this.#thread);
        else table.limitDeadline(id, this.#thread, latestDeadlineOf(waiters));
      }
    }
    if (waiters.size === 0 && this.#flights.get(id.slot) === flight) this.#flights.delete(id.slot);
  }

  /** Tells the waiters of what is done; called after each wake-up. */
  #pickUp(): void {
    const table = this.#table;
    const isKnown = table.epoch === this.#epoch && table.isOwnerOf(this.#thread, this.#owner);
    if (isKnown && !table.rings.hasAny(this.#thread)) return;
    const slots = this.#popAll();
    if (slots === undefined) return;
    const ended = slots.map((slot) => this.#read(slot));
    table.mutex.acquire();
    try {
      // What was read may be torn if everything was thrown away meanwhile.
      if (!this.#isCurrent()) return;
      for (const slot of slots) table.release(slot, this.#thread);
    } finally {
      table.mutex.release();
    }
    for (const { flight, read } of ended) {
      if (flight === undefined || read === undefined) continue;
      this.#flights.delete(flight.id.slot);
      this.#tell(flight, read);
    }
  }

  /** What is in the ring; undefined if this client has nothing to say any more. */
  #popAll(): number[] | undefined {
    const table = this.#table;
    table.mutex.acquire();
    try {
      if (!this.#isCurrent()) return undefined;
      const slots: number[] = [];
      for (;;) {
        const slot = table.rings.pop(this.#thread);
        if (slot === 0) return slots;
        slots.push(slot);
      }
    } finally {
      table.mutex.release();
    }
  }

  /** Whether what this client knows still holds; its waiters are told if not. The lock is held. */
  #isCurrent(): boolean {
    const table = this.#table;
    if (!table.isOwnerOf(this.#thread, this.#owner)) {
      this.#failAll("this thread was given up by its supervisor");
      return false;
    }
    if (table.epoch === this.#epoch) return true;
    this.#loseAll();
    return false;
  }

  /** Copies what came of a slot's job; it stays as it is until it is released. */
  #read(slot: number): { flight: Flight | undefined; read: Read | undefined } {
    const table = this.#table;
    const flight = this.#flights.get(slot);
    // All waiters have gone while it was on its way.
    if (flight === undefined || flight.waiters.size === 0) return { flight, read: undefined };
    const startedMs = table.time(slot, TIME.started);
    const computeMs = table.time(slot, TIME.ended) - startedMs;
    const isDone = table.get(slot, SLOT.state) === STATE.done;
    const outcome = isDone
      ? { kind: "done" as const, response: copyResponse(table.responseOf(slot)) }
      : { kind: "failed" as const, ...table.failureOf(slot) };
    return { flight, read: { outcome, startedMs, computeMs } };
  }

  #tell({ waiters }: Flight, { outcome, startedMs, computeMs }: Read): void {
    let isFirst = true;
    for (const waiter of [...waiters]) {
      // It failed in line, or its model said so; its own deadline may have passed, the timer being late.
      if (outcome.kind === "failed" && waiter.deadlineMs <= performance.now()) {
        this.#statistics.add("expired");
        waiter.reject(expired(sharedNowMs() - waiter.submittedMs));
      } else {
        this.#statistics.add(outcome.kind);
        const queueMs = Math.max(0, startedMs - waiter.submittedMs);
        const times = { coalesced: waiter.isCoalesced, queueMs, computeMs };
        // Each waiter owns what it gets: the first one the copy that there is.
        const own = outcome.kind === "done" && !isFirst
          ? { ...outcome, response: copyResponse(outcome.response.bytes) }
          : outcome;
        isFirst = false;
        waiter.resolve({ ...own, ...times });
      }
      this.#retire();
    }
  }

  #loseAll(): void {
    this.#epoch = this.#table.epoch;
    this.#failAll("the queue was lost with a thread that died in it");
  }

  #failAll(why: string): void {
    const flights = [...this.#flights.values()];
    this.#flights.clear();
    for (const { waiters } of flights) {
      for (const waiter of [...waiters]) {
        this.#statistics.add("failed");
        waiter.reject(unavailable(why));
        this.#retire();
      }
    }
  }

  /** One waits less. */
  #retire(): void {
    if (--this.#pending > 0) return;
    if (this.#isClosed) this.#registration.close();
    else this.#registration.disarm();
  }

  #full(bound: FullBound, bytes: number): OperationError {
    const { bounds, payloadBytesMax } = this.#table;
    if (bound === "arena" && bytes > payloadBytesMax) {
      return new NeverFitsError(bytes, payloadBytesMax);
    }
    const { used, all } = this.#table.arenaUse;
    const found = bound === "slots"
      ? `all ${bounds.slots} slots of the queue are taken`
      : `no room for its ${bytes} bytes, ${used} of the queue's ${all} are in use`;
    return new QueueFullError(bound, found);
  }

  #requireValid({ rows, group, priority }: Job): void {
    const { priorityLevels } = this.#table.bounds;
    requireInt32("rows", rows, 1, INT32_MAX);
    requireInt32("group", group, -INT32_MAX - 1, INT32_MAX);
    requireInt32("priority", priority, 1, priorityLevels);
  }
}

type Placed = { slot: number; sequence: number; isCoalesced: boolean } | "recheckHit";

interface Read {
  readonly outcome:
    | { readonly kind: "done"; readonly response: OwnedBytes }
    | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };
  readonly startedMs: number;
  readonly computeMs: number;
}

const INT32_MAX = 2 ** 31 - 1;

function requireInt32(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`Cannot submit a job: ${name} is ${value}, needs ${min} to ${max}`);
}

/** The latest deadline on the shared clock; Infinity if one has none. */
function latestDeadlineOf(waiters: Iterable<JobWaiter>): number {
  let latestMs = -Infinity;
  for (const { deadlineMs } of waiters) latestMs = Math.max(latestMs, deadlineMs);
  return sharedTimeMs(latestMs);
}

function expired(waitedMs: number): OperationError {
  return new OperationError(
    "deadline-exceeded",
    `Cannot wait for the job any longer: its deadline passed ${
      waitedMs.toFixed(0)
    } ms after it came`,
  );
}

function unavailable(why: string): OperationError {
  return new OperationError("unavailable", `Cannot run the job: ${why}`);
}
