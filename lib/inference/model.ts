import type { Tensor, TensorSpec } from "../tensor/tensor.ts";

/** What a model takes and gives. */
export interface ModelMetadata {
  /** In the order in which `predict` takes them; names are unique. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/**
 * A loaded model, on the thread that loaded it. One call of `predict` at a time.
 *
 * Where the metadata's first dimensions are -1, that is the batch dimension: all inputs of a call have the
 * same first dimension, and so have the outputs.
 */
export interface Model {
  readonly metadata: ModelMetadata;
  /**
   * The outputs, all of them, in the metadata's order.
   *
   * @param inputs as the metadata says, checked; valid only until the result is there
   * @returns tensors that stay as they are until the next call
   * @throws {OperationError} `invalid-argument` when the inputs' values are wrong; anything else is a bug
   *   of the model, and told as `internal` with its message
   */
  predict(inputs: readonly Tensor[]): readonly Tensor[] | Promise<readonly Tensor[]>;
  /** Gives back what the model holds; nothing is called after it. */
  unload(): void | Promise<void>;
}

/** Where a version of a model is, and what its configuration says of it. */
export interface ModelSource {
  readonly name: string;
  readonly version: string;
  /** The version's folder, absolute, on this machine. */
  readonly folder: string;
  /** The tensors that the configuration names; undefined where the platform has to tell. */
  readonly inputs: readonly TensorSpec[] | undefined;
  readonly outputs: readonly TensorSpec[] | undefined;
  /** The platform's own options, as they stand in the configuration. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** How models of one kind of file are loaded. */
export interface Platform {
  /**
   * Loads a model from its files.
   *
   * @param signal gives the attempt up; its reason is thrown
   * @throws {OperationError} `invalid-argument` naming the file or option and what is wrong with it;
   *   `not-found` when a file is missing
   */
  load(source: ModelSource, signal: AbortSignal): Promise<Model>;
}
