import type { TensorSpec } from "../tensor/tensor.ts";

/** What is done to each output of a layer. */
export type Activation = "relu" | "sigmoid" | "tanh" | "none";

/** A dense layer: y = activation(W·x + b). */
export interface MlpLayer {
  /** For error messages. */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  /** Shapes: (outputs, inputs) float32, row-major. */
  readonly weight: Float32Array;
  /** Shapes: (outputs,) float32. */
  readonly bias: Float32Array;
  readonly activation: Activation;
}

/**
 * A network of dense layers, plain enough for `postMessage`: other threads make a model of it without
 * reading a file. Weights that lie in shared memory are not copied on the way; nobody writes them.
 */
export interface MlpDefinition {
  /** FP32 of shape [-1, inputs of the first layer]. */
  readonly input: TensorSpec;
  /** FP32 of shape [-1, outputs of the last layer]. */
  readonly output: TensorSpec;
  /** At least one; each takes as many inputs as the one before has outputs. */
  readonly layers: readonly MlpLayer[];
}

/** Multiply-adds for one row: whether a network is cheap enough to run on a thread that serves others. */
export function mlpOperations({ layers }: MlpDefinition): number {
  return layers.reduce((sum, { inputs, outputs }) => sum + inputs * outputs, 0);
}
