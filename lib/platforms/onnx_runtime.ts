import type { FixedArray } from "../tensor/datatype.ts";
import type { OnnxElement } from "./onnx_elements.ts";

/** The elements of a tensor as onnxruntime has them: FP16 as bits, strings as text. */
export type OnnxData = FixedArray | readonly string[];

/** What this project uses of onnxruntime's `Tensor`. */
export interface OnnxTensor {
  readonly data: OnnxData;
  readonly dims: readonly number[];
}

/** What a session says of an input or output. */
export interface OnnxPort {
  readonly name: string;
  /** False for a sequence, a map, an optional or a sparse tensor. */
  readonly isTensor: boolean;
  /** ONNX's number or onnxruntime's name of the datatype; undefined where there is no tensor. */
  readonly element: number | string | undefined;
  /** -1 for a dimension that may be any. */
  readonly shape: readonly number[];
}

/** A model that a runtime has read. One `run` at a time. */
export interface OnnxSession {
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
  /**
   * All outputs; theirs is memory that nobody else writes to.
   *
   * @param into outputs of a run before, to be written to if all have the shapes that these have, and returned;
   *   the run fails if not
   */
  run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    into?: Readonly<Record<string, OnnxTensor>>,
  ): Readonly<Record<string, OnnxTensor>> | Promise<Readonly<Record<string, OnnxTensor>>>;
  release(): void | Promise<void>;
}

/** How a session is opened. */
export interface OnnxSessionOptions {
  /** Absolute. */
  readonly file: string;
  readonly threads: number;
  readonly executionProviders: readonly string[];
  readonly graphOptimization: "disabled" | "basic" | "extended" | "all";
}

/** One of onnxruntime's two builds, loaded into this thread. */
export interface OnnxRuntime {
  readonly name: "node" | "web";
  /** Whether tensors may stand in memory that threads share. */
  readonly takesSharedMemory: boolean;
  /** Whether `OnnxSession.run` writes to outputs of a run before. */
  readonly writesToOutputs: boolean;
  tensor(element: OnnxElement, data: OnnxData, dims: readonly number[]): OnnxTensor;
  /** @throws {Error} with onnxruntime's words when it cannot read the file or lacks a provider */
  open(options: OnnxSessionOptions): Promise<OnnxSession>;
}

/**
 * Takes `Float16Array` from this thread, for good, so that FP16 is held as bits.
 *
 * onnxruntime holds FP16 in one where there is one. Deno's N-API does not know that kind of array, and ends
 * the whole process when it is handed one.
 */
export function removeFloat16Array(): void {
  Reflect.deleteProperty(globalThis, "Float16Array");
}
