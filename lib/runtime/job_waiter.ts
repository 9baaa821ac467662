import type { Expiring } from "../timing/deadline_timer.ts";
import type { JobOutcome } from "./job.ts";
import type { JobId } from "./job_table.ts";

/** A job that waiters of this thread wait for. */
export interface Flight {
  readonly id: JobId;
  readonly waiters: Set<JobWaiter>;
}

/** What a waiter asks of the client that it is with. */
export interface WaiterHost {
  /** Its deadline has passed. */
  expire(waiter: JobWaiter): void;
  /** Its signal has been aborted. */
  cancel(waiter: JobWaiter): void;
  readonly deadlines: {
    add(waiting: Expiring, deadlineMs: number): number;
    remove(waiting: Expiring, bucket: number): void;
  };
}

/** One caller who waits for a job, with a deadline and a signal of its own. */
export class JobWaiter implements Expiring {
  readonly flight: Flight;
  readonly submittedMs: number;
  /** On `performance.now()`'s clock; Infinity for none. */
  readonly deadlineMs: number;
  readonly isCoalesced: boolean;
  readonly promise: Promise<JobOutcome>;
  readonly #host: WaiterHost;
  readonly #resolve: (outcome: JobOutcome) => void;
  readonly #reject: (reason: unknown) => void;
  #signal: AbortSignal | undefined;
  #bucket: number | undefined;

  constructor(
    host: WaiterHost,
    { flight, submittedMs, deadlineMs, isCoalesced }: Pick<
      JobWaiter,
      "flight" | "submittedMs" | "deadlineMs" | "isCoalesced"
    >,
  ) {
    this.#host = host;
    this.flight = flight;
    this.submittedMs = submittedMs;
    this.deadlineMs = deadlineMs;
    this.isCoalesced = isCoalesced;
    const { promise, resolve, reject } = Promise.withResolvers<JobOutcome>();
    this.promise = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    flight.waiters.add(this);
    if (deadlineMs !== Infinity) this.#bucket = host.deadlines.add(this, deadlineMs);
  }

  get reason(): unknown {
    return this.#signal?.reason;
  }

  /** From now on an abort of `signal` ends the waiting; at once if it is aborted already. */
  obey(signal: AbortSignal): void {
    this.#signal = signal;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  onDeadline(): void {
    this.#bucket = undefined;
    this.#host.expire(this);
  }

  resolve(outcome: JobOutcome): void {
    this.#end();
    this.#resolve(outcome);
  }

  reject(reason: unknown): void {
    this.#end();
    this.#reject(reason);
  }

  #end(): void {
    this.flight.waiters.delete(this);
    this.#signal?.removeEventListener("abort", this.#onAbort);
    if (this.#bucket !== undefined) this.#host.deadlines.remove(this, this.#bucket);
  }

  readonly #onAbort = (): void => this.#host.cancel(this);
}
