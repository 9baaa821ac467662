import { OperationError } from "../errors.ts";
import type { Model } from "../inference/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { concatenate, sliceRows } from "./batch.ts";
import { hasBatchDimension } from "./input_check.ts";
import type { JobExecutor } from "./job_runner.ts";
import { checkOutputs } from "./output_check.ts";
import type { ResponsePayload } from "./payload.ts";
import { readTensors, tensorsByteLength, writeTensors } from "./tensor_list.ts";

/** Where a request's outputs are kept for those that are the same. */
export interface ResultStore {
  /** Both are valid only during the call. */
  store(request: Uint8Array, response: Uint8Array): void;
}

/** Runs batches of requests, as bytes, through a model. */
export class BatchExecutor implements JobExecutor {
  readonly #name: string;
  readonly #model: Model;
  readonly #results: ResultStore | undefined;
  readonly #inputNames: readonly string[];
  readonly #batched: boolean;

  constructor(name: string, model: Model, results: ResultStore | undefined) {
    this.#name = name;
    this.#model = model;
    this.#results = results;
    this.#inputNames = model.metadata.inputs.map((input) => input.name);
    this.#batched = hasBatchDimension(model.metadata);
  }

  /** @param requests lists of tensors, as `writeTensors` makes them, in the order of the model's inputs */
  execute(
    requests: readonly Uint8Array[],
  ): readonly ResponsePayload[] | Promise<readonly ResponsePayload[]> {
    const inputs = requests.map((request) => readTensors(request, this.#inputNames));
    const batch = inputs.length === 1
      ? inputs[0]
      : inputs[0].map((_, index) => this.#join(inputs.map((tensors) => tensors[index])));
    const rows = inputs.map(([first]) => this.#batched ? first.shape[0] : 1);
    const outputs = this.#model.predict(batch);
    return outputs instanceof Promise
      ? outputs.then((settled) => this.#split(settled, rows))
      : this.#split(outputs, rows);
  }

  stored(request: Uint8Array, response: Uint8Array): void {
    this.#results?.store(request, response);
  }

  /** @throws {OperationError} if the rows' shapes differ: groups are told by a hash, so this may come to be */
  #join(parts: readonly Tensor[]): Tensor {
    const [{ name, shape }] = parts;
    for (const part of parts) {
      if (
        part.shape.length === shape.length && part.shape.every((n, i) => i === 0 || n === shape[i])
      ) {
        continue;
      }
      const message =
        `Cannot batch input "${name}" of model "${this.#name}": [${part.shape}] and [${shape}]`;
      throw new OperationError("internal", message);
    }
    return concatenate(parts);
  }

  #split(outputs: readonly Tensor[], rows: readonly number[]): ResponsePayload[] {
    const total = rows.reduce((sum, count) => sum + count, 0);
    checkOutputs(
      this.#name,
      this.#model.metadata,
      outputs,
      this.#batched ? total : undefined,
    );
    if (rows.length === 1) return [payload(outputs)];
    let start = 0;
    return rows.map((count) => {
      const end = start + count;
      const part = outputs.map((output) => sliceRows(output, start, end));
      start = end;
      return payload(part);
    });
  }
}

function payload(tensors: readonly Tensor[]): ResponsePayload {
  return {
    byteLength: tensorsByteLength(tensors),
    writeTo: (into, offset) => void writeTensors(tensors, into, offset),
  };
}
