import { OperationError } from "../errors.ts";
import type { ClientCommand, ClientReport, ConnectionCredentials } from "./client_protocol.ts";
import type { ClosedLoopResult } from "./closed_loop.ts";

/** A Web Worker, as far as it is used here. */
export interface ClientThreadHandle {
  postMessage(command: ClientCommand): void;
  terminate(): void;
  onmessage: ((event: MessageEvent<ClientReport>) => void) | null;
  onerror: ((event: ErrorEvent) => void) | null;
}

/** What the threads of a random workload do together. */
export interface ClientThreadsOptions {
  readonly spawn: () => ClientThreadHandle;
  readonly hostname: string;
  readonly port: number;
  readonly credentials: ConnectionCredentials;
  readonly threads: number;
  /** Per thread. */
  readonly requests: number;
  readonly seed: number;
  /** Told how many calls all threads have made, now and then. */
  readonly onProgress: (done: number) => void;
}

/**
 * Runs the random workload on threads of its own, a connection each.
 *
 * All threads connect before the first of them sends. When one fails all are stopped.
 *
 * @throws {OperationError} `unavailable`, with the first thread's reason.
 */
export async function runClientThreads(
  options: ClientThreadsOptions,
): Promise<ClosedLoopResult[]> {
  const threads = Array.from({ length: options.threads }, () => new ClientThread(options.spawn()));
  const done = new Array<number>(options.threads).fill(0);
  try {
    await Promise.all(threads.map((thread, index) => thread.prepare(options, index)));
    return await Promise.all(threads.map((thread, index) =>
      thread.run((count) => {
        done[index] = count;
        options.onProgress(done.reduce((sum, each) => sum + each, 0));
      })
    ));
  } finally {
    for (const thread of threads) thread.terminate();
  }
}

class ClientThread {
  readonly #handle: ClientThreadHandle;
  readonly #ready = Promise.withResolvers<void>();
  readonly #result = Promise.withResolvers<ClosedLoopResult>();
  #onProgress: (done: number) => void = () => {};

  constructor(handle: ClientThreadHandle) {
    this.#handle = handle;
    // A thread may fail while nobody awaits one of the two; the other, or another thread, tells.
    this.#ready.promise.catch(() => {});
    this.#result.promise.catch(() => {});
    handle.onmessage = (event) => this.#onReport(event.data);
    handle.onerror = (event) => {
      event.preventDefault();
      this.#fail(event.message);
    };
  }

  prepare(options: ClientThreadsOptions, thread: number): Promise<void> {
    const { hostname, port, credentials, seed, requests } = options;
    this.#handle.postMessage({
      type: "prepare",
      hostname,
      port,
      credentials,
      seed,
      thread,
      requests,
    });
    return this.#ready.promise;
  }

  run(onProgress: (done: number) => void): Promise<ClosedLoopResult> {
    this.#onProgress = onProgress;
    this.#handle.postMessage({ type: "run" });
    return this.#result.promise;
  }

  terminate(): void {
    this.#handle.terminate();
  }

  #onReport(report: ClientReport): void {
    switch (report.type) {
      case "ready":
        return this.#ready.resolve();
      case "progress":
        return this.#onProgress(report.done);
      case "done":
        return this.#result.resolve(report.result);
      case "failed":
        return this.#fail(report.message);
    }
  }

  #fail(message: string): void {
    const error = new OperationError("unavailable", message);
    this.#ready.reject(error);
    this.#result.reject(error);
  }
}
