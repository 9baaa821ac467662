import { type ErrorCode, OperationError } from "../errors.ts";
import type { IndexEntry } from "../inference/backend.ts";

/** What a serving thread asks of the main thread, which owns the repository. */
export type ModelCommand =
  | { readonly kind: "index" }
  | { readonly kind: "load"; readonly model: string }
  | { readonly kind: "unload"; readonly model: string };

/** How it went; the index where that was asked for. */
export type ModelCommandResult =
  | { readonly kind: "done"; readonly index: readonly IndexEntry[] }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

/** Commands that one thread may have waiting; each is an operator's act. */
const COMMANDS_MAX = 256;

/** A serving thread's end of the commands: sends each, and settles it with the result that comes back. */
export class ModelCommands {
  readonly #send: (id: number, command: ModelCommand) => void;
  readonly #waiting = new Map<number, PromiseWithResolvers<readonly IndexEntry[]>>();
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
  async run(command: ModelCommand, signal?: AbortSignal): Promise<readonly IndexEntry[]> {
    signal?.throwIfAborted();
    if (this.#waiting.size >= COMMANDS_MAX) {
      throw new OperationError(
        "resource-exhausted",
        `Cannot ${command.kind} models: ${COMMANDS_MAX} commands wait already`,
      );
    }
    const id = ++this.#idLast;
    const settled = Promise.withResolvers<readonly IndexEntry[]>();
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
    if (result.kind === "done") settled?.resolve(result.index);
    else settled?.reject(new OperationError(result.code, result.message));
  }
}
