import { OperationError } from "../errors.ts";
import type { Model, ModelMetadata } from "../inference/model.ts";
import { elementBytes, type FixedArray, viewElements } from "../tensor/datatype.ts";
import type { BytesTensor, FixedTensor, Tensor, TensorSpec } from "../tensor/tensor.ts";
import { decodeText } from "./decode_text.ts";
import { elementOf } from "./onnx_elements.ts";
import type { OnnxData, OnnxRuntime, OnnxSession, OnnxTensor } from "./onnx_runtime.ts";

/**
 * A model that onnxruntime computes.
 *
 * With onnxruntime-node `predict` answers at once and keeps its thread for as long as it computes. Inputs in
 * memory that threads share are copied first there, as N-API takes none.
 */
export class OnnxModel implements Model {
  readonly metadata: ModelMetadata;
  readonly #name: string;
  readonly #runtime: OnnxRuntime;
  readonly #session: OnnxSession;
  /** By input; as long as the longest that came. */
  readonly #copies = new Map<string, ArrayBuffer>();
  #reusesOutputs: boolean;
  /** What the last call gave, and for inputs of which shapes. */
  #last: { readonly shapes: readonly (readonly number[])[]; readonly outputs: Outputs } | undefined;

  constructor(name: string, metadata: ModelMetadata, runtime: OnnxRuntime, session: OnnxSession) {
    this.#name = name;
    this.metadata = metadata;
    this.#runtime = runtime;
    this.#session = session;
    // Text has no memory that could be written to.
    this.#reusesOutputs = runtime.writesToOutputs &&
      metadata.outputs.every(({ datatype }) => datatype !== "BYTES");
  }

  /**
   * @returns tensors that the next call may write to
   * @throws {OperationError} `invalid-argument` when an element of BYTES is not text, which is all that
   *   onnxruntime has; `internal` with onnxruntime's words when the model fails
   */
  predict(inputs: readonly Tensor[]): readonly Tensor[] | Promise<readonly Tensor[]> {
    const feeds: Record<string, OnnxTensor> = {};
    for (const input of inputs) {
      const data = this.#dataOf(input);
      feeds[input.name] = this.#runtime.tensor(elementOf(input.datatype), data, input.shape);
    }
    try {
      const outputs = this.#run(feeds, inputs);
      if (!(outputs instanceof Promise)) return this.#tensorsOf(outputs);
      return outputs.then(
        (tensors) => this.#tensorsOf(tensors),
        (error) => Promise.reject(this.#failure(error)),
      );
    } catch (error) {
      throw this.#failure(error);
    }
  }

  unload(): void | Promise<void> {
    return this.#session.release();
  }

  /**
   * Inputs of the shapes of the last call mostly have outputs of the shapes of its outputs, which then take the new
   * ones: memory that is new for each costs several times what it takes to fill it.
   */
  #run(
    feeds: Readonly<Record<string, OnnxTensor>>,
    inputs: readonly Tensor[],
  ): Outputs | Promise<Outputs> {
    if (!this.#reusesOutputs) return this.#session.run(feeds);
    const last = this.#last;
    if (last !== undefined && inputs.every(({ shape }, i) => isSame(shape, last.shapes[i]))) {
      try {
        return this.#session.run(feeds, last.outputs);
      } catch {
        // The shapes of this one's outputs may hang on its values; what else is wrong with it is told below.
        this.#last = undefined;
        const outputs = this.#session.run(feeds);
        this.#reusesOutputs = false;
        return outputs;
      }
    }
    this.#last = undefined;
    const outputs = this.#session.run(feeds);
    if (outputs instanceof Promise) return outputs;
    this.#last = { shapes: inputs.map(({ shape }) => [...shape]), outputs };
    return outputs;
  }

  #dataOf(input: Tensor): OnnxData {
    if (input.datatype === "BYTES") return this.#textsOf(input);
    if (this.#runtime.takesSharedMemory || input.data.buffer instanceof ArrayBuffer) {
      return input.data;
    }
    return this.#copyOf(input);
  }

  #copyOf({ name, datatype, data }: FixedTensor): FixedArray {
    let buffer = this.#copies.get(name);
    if (buffer === undefined || buffer.byteLength < data.byteLength) {
      buffer = new ArrayBuffer(data.length * elementBytes(datatype));
      this.#copies.set(name, buffer);
    }
    const copy = viewElements(datatype, buffer, 0, data.length);
    (copy as Float32Array).set(data as Float32Array);
    return copy;
  }

  #textsOf({ name, data }: BytesTensor): string[] {
    return data.map((bytes, index) => {
      const text = decodeText(bytes);
      // It would end a text at its first NUL.
      if (text !== undefined && !text.includes("\0")) return text;
      throw new OperationError(
        "invalid-argument",
        `Cannot predict with model "${this.#name}": element ${index} of input "${name}" is not UTF-8 text ` +
          "without NUL, which onnxruntime needs of BYTES",
      );
    });
  }

  #tensorsOf(outputs: Readonly<Record<string, OnnxTensor>>): readonly Tensor[] {
    return this.metadata.outputs.map((spec) => tensorOf(spec, outputs[spec.name]));
  }

  #failure(cause: unknown): OperationError {
    const words = cause instanceof Error ? cause.message : String(cause);
    return new OperationError(
      "internal",
      `Cannot predict with model "${this.#name}": ${words.trim()}`,
      { cause },
    );
  }
}

type Outputs = Readonly<Record<string, OnnxTensor>>;

function isSame(shape: readonly number[], other: readonly number[]): boolean {
  return shape.length === other.length && shape.every((size, axis) => size === other[axis]);
}

const encoder = new TextEncoder();

function tensorOf({ name, datatype }: TensorSpec, { data, dims }: OnnxTensor): Tensor {
  const shape = [...dims];
  if (datatype !== "BYTES") return { name, datatype, shape, data: data as FixedArray };
  return {
    name,
    datatype,
    shape,
    data: (data as readonly string[]).map((text) => encoder.encode(text)),
  };
}
