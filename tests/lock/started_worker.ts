/** Whether this test run may load worker files. */
export const mayStartWorkers = Deno.permissions.querySync({ name: "read" }).state === "granted";

/** A worker under test: what it posts is read in order, and it is terminated at the end of scope. */
export class StartedWorker implements Disposable {
  readonly #worker: Worker;
  readonly #messages: unknown[] = [];
  #wake = Promise.withResolvers<void>();

  /** Starts the module `file` and posts `task` to it. */
  constructor(file: URL, task: unknown) {
    this.#worker = new Worker(file, { type: "module" });
    this.#worker.onmessage = ({ data }) => {
      this.#messages.push(data);
      this.#wake.resolve();
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#wake.reject(new Error(`A worker failed: ${event.message}`));
    };
    this.#worker.postMessage(task);
  }

  /** The next message; rejects if the worker threw. */
  async next(): Promise<unknown> {
    while (this.#messages.length === 0) {
      await this.#wake.promise;
      this.#wake = Promise.withResolvers<void>();
    }
    return this.#messages.shift();
  }

  terminate(): void {
    this.#worker.terminate();
  }

  [Symbol.dispose](): void {
    this.terminate();
  }
}
