import { OperationError } from "../errors.ts";
import type { InferCall } from "../inference/infer.ts";
import type { InvocationModel } from "./invocation_model.ts";
import type { Run, RunInput, RunOutput } from "./run.ts";
import type { ListedRun, RunPage, RunStore } from "./run_store.ts";

/** Who is told of how the store does, on one serving thread. */
export interface StoreObserver {
  /** The store did what it was asked for, or had a reason to refuse it that is the caller's. */
  onStoreAnswered(): void;
  /** It did not: the store is down, or has too much to do. */
  onStoreFailed(reason: string): void;
}

/** What keeps runs. */
export interface InvocationStore extends RunStore {
  /** @param signal when it aborts a save that has not begun never does; rejects with its reason then */
  save(run: Run, signal?: AbortSignal): Promise<void>;
}

/** What invocations are made of. */
export interface InvocationParts {
  readonly model: InvocationModel;
  readonly store: InvocationStore;
  readonly observer: StoreObserver;
  /** Whether the server is to say that it is not ready while the store is down: somebody has asked for that store. */
  readonly needsStore: boolean;
}

/**
 * Runs inputs on a model and keeps what came of it, for one serving thread.
 *
 * Unless it says otherwise everything rejects with OperationError: what the model says, or the store. Then nothing
 * of the run is kept, unless the message says that the outcome is not known. A cancellation rejects with the
 * signal's reason: a run that was cancelled before the store began to save it is not kept, a later one may be.
 */
export class Invocations {
  readonly #parts: InvocationParts;
  #checking: Promise<string | undefined> | undefined;

  constructor(parts: InvocationParts) {
    this.#parts = parts;
  }

  /** Runs an input; resolves with the output once the run is kept. */
  async invoke(input: RunInput, call: InferCall): Promise<RunOutput> {
    const output = await this.#parts.model.invoke(input, call);
    const { signal } = call;
    signal.throwIfAborted();
    await this.#ask((store) => store.save({ input, output }, signal));
    return output;
  }

  /** The last run of an id that is kept; undefined when none is. */
  find(id: number): Promise<Run | undefined> {
    return this.#ask((store) => store.find(id));
  }

  /** Whether there was one. */
  delete(id: number): Promise<boolean> {
    return this.#ask((store) => store.delete(id));
  }

  /** Newest first. */
  list(page: RunPage): Promise<readonly ListedRun[]> {
    return this.#ask((store) => store.list(page));
  }

  /** Why the server is not ready for invocations; undefined when it is. Those who ask at once share one answer. */
  problem(): Promise<string | undefined> {
    return this.#checking ??= this.#check().finally(() => this.#checking = undefined);
  }

  async #check(): Promise<string | undefined> {
    const { model, needsStore } = this.#parts;
    const problem = model.problem();
    if (problem !== undefined || !needsStore) return problem;
    try {
      await this.#ask((store) => store.check());
      return undefined;
    } catch (error) {
      if (error instanceof OperationError) return error.message;
      throw error;
    }
  }

  async #ask<Answer>(call: (store: InvocationStore) => Promise<Answer>): Promise<Answer> {
    const { store, observer } = this.#parts;
    try {
      const answer = await call(store);
      observer.onStoreAnswered();
      return answer;
    } catch (error) {
      if (isOfStore(error)) observer.onStoreFailed(error.message);
      throw error;
    }
  }
}

/** Whether the store was at fault rather than who asked. */
function isOfStore(error: unknown): error is OperationError {
  return error instanceof OperationError && error.code !== "invalid-argument";
}
