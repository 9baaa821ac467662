import { OperationError } from "../errors.ts";
import type { Model, ModelMetadata } from "../inference/model.ts";
import { allocateElements } from "../tensor/datatype.ts";
import type { Tensor, TensorSpec } from "../tensor/tensor.ts";
import type { Batch, Context } from "./script_api.ts";
import { writeResults } from "./script_results.ts";
import { type BytesForm, readRows } from "./script_rows.ts";

/** What a script exports. */
export interface ScriptHooks {
  readonly load: ((context: Context) => unknown) | undefined;
  readonly predict: (batch: Batch, context: Context) => unknown;
  readonly unload: ((context: Context) => unknown) | undefined;
}

/** What a loaded script needs. */
export interface LoadedScript {
  readonly name: string;
  readonly metadata: ModelMetadata;
  readonly hooks: ScriptHooks;
  readonly context: Context;
  readonly bytesForm: BytesForm;
  /** Says what a hook threw: with the user's file and line. */
  readonly describe: (error: unknown) => string;
  /** Ends `context.signal`, and what the script has opened by its context. */
  readonly end: () => Promise<void>;
}

/** A script's `InputError`: the caller's values are wrong, and the message is for the caller. */
export class ScriptInputError extends Error {
  override readonly name = "InputError";
}

/** A model that a user's module computes. */
export class ScriptModel implements Model {
  readonly metadata: ModelMetadata;
  readonly #script: LoadedScript;
  readonly #batched: boolean;

  constructor(script: LoadedScript) {
    this.#script = script;
    this.metadata = script.metadata;
    const { inputs, outputs } = script.metadata;
    this.#batched = [...inputs, ...outputs].every(({ shape }) => shape[0] === -1);
  }

  /**
   * @throws {OperationError} `invalid-argument` when the script says that the inputs are wrong, or they are no
   *   text; `internal` when it throws anything else, or what it returns is not what the configuration says
   */
  async predict(inputs: readonly Tensor[]): Promise<readonly Tensor[]> {
    const { name, hooks, context, bytesForm } = this.#script;
    const rows = this.#batched ? inputs[0]?.shape[0] ?? 1 : undefined;
    const { outputs } = this.metadata;
    if (rows === 0) return outputs.map(emptyTensor);
    const batch = readRows(name, inputs, rows, bytesForm);
    let answer: unknown;
    try {
      answer = await hooks.predict(batch, context);
    } catch (cause) {
      const code = cause instanceof ScriptInputError ? "invalid-argument" : "internal";
      const words = cause instanceof ScriptInputError
        ? cause.message
        : this.#script.describe(cause);
      throw new OperationError(code, `Cannot predict with model "${name}": ${words}`, { cause });
    }
    return writeResults(name, answer, outputs, rows);
  }

  async unload(): Promise<void> {
    const { name, hooks, context, describe, end } = this.#script;
    try {
      await hooks.unload?.(context);
    } catch (cause) {
      throw new OperationError("internal", `Cannot unload model "${name}": ${describe(cause)}`, {
        cause,
      });
    } finally {
      await end();
    }
  }
}

/** Of no rows, of which no script is asked. */
function emptyTensor({ name, datatype, shape: [, ...rest] }: TensorSpec): Tensor {
  const shape = [0, ...rest.map((size) => Math.max(size, 0))];
  if (datatype === "BYTES") return { name, datatype, shape, data: [] };
  return { name, datatype, shape, data: allocateElements(datatype, 0) };
}
