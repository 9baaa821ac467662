import type { CallObserver } from "../grpc/server_call.ts";
import { Code } from "../grpc/status.ts";
import type { Counters } from "../serving/counters.ts";
import type { ThreadReport } from "../serving/thread_protocol.ts";

/**
 * How long after a thread has reported that the store fails it reports no other time: one that has room for small
 * runs alone, or answers every other call, would fill the log.
 */
const STORE_REPORT_MS = 10_000;

/** Statuses of HTTP that tell of an error. */
const HTTP_ERRORS_FROM = 400;

/** Counts what a serving thread does, and reports the bugs that it meets and how the store does. */
export class ThreadObserver implements CallObserver {
  readonly #counters: Counters;
  readonly #report: (message: ThreadReport) => void;
  readonly #now: () => number;
  /** Whether it was reported last that the store fails, and when. */
  #storeFails = false;
  #storeReportedMs = -Infinity;

  /** @param now milliseconds on any clock */
  constructor(
    counters: Counters,
    report: (message: ThreadReport) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#counters = counters;
    this.#report = report;
    this.#now = now;
  }

  onConnectionStart(): void {
    this.#counters.increment("connectionsOpened");
  }

  /** A connection is told that there are too many; it is not one of those that start. */
  onConnectionRefused(): void {
    this.#counters.increment("connectionsRefused");
  }

  /** @param error why the connection ended, `undefined` after an orderly end */
  onConnectionEnd(error: Error | undefined): void {
    this.#counters.increment("connectionsClosed");
    if (error !== undefined) this.#counters.increment("connectionErrors");
  }

  onCallStart(): void {
    this.#counters.increment("callsStarted");
  }

  onCallEnd(code: Code): void {
    this.#counters.increment(code === Code.OK ? "callsOk" : "callsFailed");
  }

  /** Of REST; a request is a call. */
  onRequestStart(): void {
    this.#counters.increment("callsStarted");
  }

  onRequestEnd(status: number): void {
    this.#counters.increment(status < HTTP_ERRORS_FROM ? "callsOk" : "callsFailed");
  }

  onInvocationOk(): void {
    this.#counters.increment("invocationsOk");
  }

  onInvocationFailed(): void {
    this.#counters.increment("invocationsFailed");
  }

  onStoreAnswered(): void {
    if (!this.#storeFails) return;
    this.#storeFails = false;
    this.#report({ type: "storeWorks" });
  }

  /** Reported the first time after it worked, but not oftener than each STORE_REPORT_MS. */
  onStoreFailed(reason: string): void {
    this.#counters.increment("storeFailures");
    if (this.#storeFails || this.#now() - this.#storeReportedMs < STORE_REPORT_MS) return;
    this.#storeFails = true;
    this.#storeReportedMs = this.#now();
    this.#report({ type: "storeFails", reason });
  }

  onHandlerError(path: string, error: unknown): void {
    const text = error instanceof Error ? error.stack ?? error.message : String(error);
    this.#report({ type: "handlerError", path, error: text });
  }
}
