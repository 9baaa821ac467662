import { OperationError } from "../errors.ts";
import type { BenchAddress, BenchCommand, BenchMessage } from "./bench_protocol.ts";
import type { LoadPlan } from "./load_plan.ts";
import type { SecondRecord } from "./second_record.ts";
import type { ThreadResult } from "./thread_load.ts";

/** How long before its begin a run is announced, so that every thread has heard of it by then. */
export const BEGIN_AHEAD_MS = 20;

/** Why a run that a signal ended before it began has no result. */
export const STOPPED = "stopped by a signal";

/** A Web Worker, as far as it is used here. */
export interface BenchThreadHandle {
  postMessage(command: BenchCommand): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<BenchMessage>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** What the threads of a run do together. */
export interface BenchThreadsOptions {
  readonly spawn: () => BenchThreadHandle;
  readonly address: BenchAddress;
  readonly plan: LoadPlan;
  /** Ends the run early; it still has a result, once all threads have connected. */
  readonly signal: AbortSignal;
  readonly onSecond: (record: SecondRecord) => void;
  /** Told once all threads have connected, just before the warm-up. */
  readonly onBegin: () => void;
}

/**
 * Runs a load on threads of its own.
 *
 * All threads connect before the first of them sends, and begin at the same time. When one fails, as when
 * it cannot connect, all are stopped.
 *
 * @throws {OperationError} `unavailable`, with the first thread's reason, or as it was stopped before
 */
export async function runBenchThreads(options: BenchThreadsOptions): Promise<ThreadResult[]> {
  const { plan, address, spawn, signal, onSecond, onBegin } = options;
  const threads = Array.from({ length: plan.threads }, () => new BenchThread(spawn(), onSecond));
  const stopped = Promise.withResolvers<never>();
  let stop = () => stopped.reject(new OperationError("unavailable", STOPPED));
  const onAbort = () => stop();
  signal.addEventListener("abort", onAbort);
  try {
    const prepared = threads.map((thread, index) =>
      thread.prepare({ type: "prepare", address, plan, thread: index })
    );
    // A server that takes connections and says nothing keeps threads waiting.
    await Promise.race([Promise.all(prepared), stopped.promise]);
    onBegin();
    const beginEpochMs = performance.timeOrigin + performance.now() + BEGIN_AHEAD_MS;
    for (const thread of threads) thread.send({ type: "run", beginEpochMs });
    stop = () => threads.forEach((thread) => thread.send({ type: "stop" }));
    if (signal.aborted) stop();
    return await Promise.all(threads.map((thread) => thread.result));
  } finally {
    signal.removeEventListener("abort", onAbort);
    for (const thread of threads) thread.terminate();
  }
}

class BenchThread {
  readonly #handle: BenchThreadHandle;
  readonly #onSecond: (record: SecondRecord) => void;
  readonly #ready = Promise.withResolvers<void>();
  readonly #result = Promise.withResolvers<ThreadResult>();

  constructor(handle: BenchThreadHandle, onSecond: (record: SecondRecord) => void) {
    this.#handle = handle;
    this.#onSecond = onSecond;
    // A thread may fail while nobody awaits one of the two; the other, or another thread, tells.
    this.#ready.promise.catch(() => {});
    this.#result.promise.catch(() => {});
    handle.onmessage = (event) => this.#onMessage(event.data);
    handle.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
  }

  get result(): Promise<ThreadResult> {
    return this.#result.promise;
  }

  prepare(command: Extract<BenchCommand, { type: "prepare" }>): Promise<void> {
    this.send(command);
    return this.#ready.promise;
  }

  send(command: BenchCommand): void {
    this.#handle.postMessage(command);
  }

  terminate(): void {
    this.#handle.terminate();
  }

  #onMessage(message: BenchMessage): void {
    switch (message.type) {
      case "ready":
        return this.#ready.resolve();
      case "second":
        return this.#onSecond(message.record);
      case "done":
        return this.#result.resolve(message.result);
      case "failed":
        return this.#fail(message.message);
    }
  }

  #fail(reason: string): void {
    const error = new OperationError("unavailable", reason);
    this.#ready.reject(error);
    this.#result.reject(error);
  }
}
