import { type ErrorCode, OperationError } from "../errors.ts";
import type { IndexEntry } from "../inference/backend.ts";

/** What a serving thread asks of the main thread, which owns the repository. */
export type ModelCommand =
  | { readonly kind: "index" }
  | { readonly kind: "load"; readonly model: string }
  | { readonly kind: "unload"; readonly model: string }
  /** All workers of the Pipeline are to take a network's weights. */
  | { readonly kind: "loadWeights"; readonly nnId: string; readonly weights: Uint8Array };

/** How it went; the index where that was asked for. */
export type ModelCommandResult =
  | { readonly kind: "done"; readonly index: readonly IndexEntry[] }
  /** Why each worker refused the weights; undefined for one that took them. */
  | { readonly kind: "weights"; readonly traces: readonly (string | undefined)[] }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

type Success = Exclude<ModelCommandResult, { kind: "failed" }>;

/** Commands that one thread may have waiting; each is an operator's act. */
const COMMANDS_MAX = 256;

/** A serving thread's end of the commands: sends each, and settles it with the result that comes back. */
export class ModelCommands {
  readonly #send: (id: number, command: ModelCommand) => void;
  readonly #waiting = new Map<number, PromiseWithResolvers<Success>>();
  #idLast = 0;

  constructor(send: (id: number, command: ModelCommand) => void) {
    this.#send = send;
  }

  /**
   * Has a command carried out.
   *
   * @param signal ends the waiting with its reason; the command is carried out all the same, and counts among
   *   those that wait until it is
   * @returns the index, where that was asked for
   * @throws {OperationError} what the main thread says; `resource-exhausted` with too many waiting
   */
  async run(
    command: Exclude<ModelCommand, { kind: "loadWeights" }>,
    signal?: AbortSignal,
  ): Promise<readonly IndexEntry[]> {
    signal?.throwIfAborted();
    const result = await this.#submit(command, signal);
    return result.kind === "done" ? result.index : [];
  }

  /**
   * Gives all workers of the Pipeline a network's weights.
   *
   * @returns why each worker refused them; undefined for one that took them
   * @throws {OperationError} as `run`
   */
  async loadWeights(
    nnId: string,
    weights: Uint8Array,
  ): Promise<readonly (string | undefined)[]> {
    const result = await this.#submit({ kind: "loadWeights", nnId, weights }, undefined);
    return result.kind === "weights" ? result.traces : [];
  }

  async #submit(command: ModelCommand, signal: AbortSignal | undefined): Promise<Success> {
    if (this.#waiting.size >= COMMANDS_MAX) {
      throw new OperationError(
        "resource-exhausted",
        `Cannot carry out ${command.kind}: ${COMMANDS_MAX} commands wait already`,
      );
    }
    const id = ++this.#idLast;
    const settled = Promise.withResolvers<Success>();
    this.#waiting.set(id, settled);
    this.#send(id, command);
    const giveUp = () => settled.reject(signal?.reason);
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      return await settled.promise;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** The main thread has answered. */
  settle(id: number, result: ModelCommandResult): void {
    const settled = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (result.kind !== "failed") settled?.resolve(result);
    else settled?.reject(new OperationError(result.code, result.message));
  }
}
