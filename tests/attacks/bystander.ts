/** What the bystander's thread is told. */
export type BystanderCommand = { readonly type: "start"; readonly port: number } | {
  readonly type: "stop";
};

/** How the bystander's calls went. */
export interface BystanderResult {
  readonly latenciesMs: readonly number[];
  /** Why calls have failed, in order. */
  readonly failures: readonly string[];
}

/** What the bystander's thread tells. */
export type BystanderReport =
  | { readonly type: "ready" }
  | ({ readonly type: "stopped" } & BystanderResult);

/** A client that makes calls all the time on a connection of its own; stopped at the end of the scope. */
export class Bystander implements Disposable {
  readonly #worker = new Worker(new URL("./bystander_thread.ts", import.meta.url), {
    type: "module",
  });

  /** Resolves when the first calls were answered and those that count have begun. */
  async start(port: number): Promise<void> {
    await this.#ask({ type: "start", port });
  }

  /** Waits for the last answers. */
  async stop(): Promise<BystanderResult> {
    const report = await this.#ask({ type: "stop" });
    if (report.type !== "stopped") throw new Error("the bystander has not stopped");
    return report;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
  }

  #ask(command: BystanderCommand): Promise<BystanderReport> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }: MessageEvent<BystanderReport>) => resolve(data);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new Error(`the bystander's thread died: ${event.message}`));
      };
      this.#worker.postMessage(command);
    });
  }
}
