import { type ErrorCode, OperationError } from "../../lib/errors.ts";
import type { Run } from "../../lib/invocation/run.ts";
import type { InvocationStore } from "../../lib/invocation/invocations.ts";
import type { ListedRun, RunPage } from "../../lib/invocation/run_store.ts";

/** Keeps runs in an array, oldest first; fails, or waits, when it is told to. */
export class FakeStore implements InvocationStore {
  readonly runs: Run[] = [];
  readonly pages: RunPage[] = [];
  checks = 0;
  /** What every call fails with from now on. */
  failure: { readonly code: ErrorCode; readonly message: string } | undefined;
  #held: PromiseWithResolvers<void> | undefined;

  /** Holds calls up until what it returns is called. */
  hold(): () => void {
    this.#held = Promise.withResolvers();
    return this.#held.resolve;
  }

  async save(run: Run, signal?: AbortSignal): Promise<void> {
    await this.#admit();
    signal?.throwIfAborted();
    await this.delete(run.input.id);
    this.runs.push(run);
  }

  async find(id: number): Promise<Run | undefined> {
    await this.#admit();
    return this.runs.find(({ input }) => input.id === id);
  }

  async delete(id: number): Promise<boolean> {
    await this.#admit();
    const at = this.runs.findIndex(({ input }) => input.id === id);
    return at >= 0 && this.runs.splice(at, 1).length > 0;
  }

  /** A cursor is a place in the array. */
  async list(page: RunPage): Promise<readonly ListedRun[]> {
    this.pages.push(page);
    await this.#admit();
    const { after = String(this.runs.length), limit } = page;
    if (!/^\d+$/.test(after)) {
      throw new OperationError("invalid-argument", `Cannot list runs after "${after}"`);
    }
    const listed = this.runs.map(({ input }, place) => ({
      id: input.id,
      savedMs: 1_000 + place,
      cursor: String(place),
    }));
    return listed.slice(0, Number(after)).reverse().slice(0, limit);
  }

  async check(): Promise<void> {
    this.checks++;
    await this.#admit();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #admit(): Promise<void> {
    await this.#held?.promise;
    if (this.failure === undefined) return;
    throw new OperationError(this.failure.code, this.failure.message);
  }
}

/** A run of that id, of the mock. */
export function runOf(id: number, content = `content of ${id}`): Run {
  return {
    input: { id, content, metadata: [{ key: "type", value: "list" }] },
    output: { id: 1, metadata: [{ key: "accuracy", value: "0.9" }] },
  };
}
