import type { InferRequest, InferResponse } from "../inference/infer.ts";
import type { ModelMetadata } from "../inference/model.ts";
import { LentBytes } from "./lent_bytes.ts";
import { generationStatistics } from "./generation_statistics.ts";
import { checkInputs } from "./input_check.ts";
import { ModelStatisticsRow } from "./model_statistics.ts";
import type { OpenGeneration } from "./model_table.ts";
import { checkOutputNames } from "./output_choice.ts";
import type { ServedModel } from "./served_model.ts";

/** The name and version under which ModelServer's model is served, too. */
export const LINEAR_MODEL = "linear";
export const LINEAR_VERSION = "1";

/** Shapes: x (rows, coefficients) → y (rows,). */
export const LINEAR_METADATA: ModelMetadata = {
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, -1] }],
  outputs: [{ name: "y", datatype: "FP64", shape: [-1] }],
};

/** What predicts a row, as ModelServer's service has it. */
export interface RowPredictor {
  /** Throws OperationError when there is no prediction for the inputs. Shapes: inputs (n,) float32. */
  predict(inputs: Float32Array): { readonly output: number; readonly cacheHit: boolean };
}

/**
 * ModelServer's linear model under V2: the same coefficients, and the same cache, row by row.
 *
 * An answer is a cache hit when all of its rows are.
 */
export class LinearBackend implements ServedModel {
  readonly #predictor: RowPredictor;
  readonly #counted: ModelStatisticsRow;
  /** Of answers with one row, which most have. */
  #single = new LentBytes(Float64Array.BYTES_PER_ELEMENT);
  #singleOutputs = outputsIn(this.#single);

  constructor(predictor: RowPredictor, counted: ModelStatisticsRow) {
    this.#predictor = predictor;
    this.#counted = counted;
  }

  infer(request: InferRequest): InferResponse {
    checkOutputNames(LINEAR_MODEL, LINEAR_METADATA.outputs, request.outputs);
    const { inputs, rows } = checkInputs(LINEAR_MODEL, LINEAR_METADATA, request.inputs, true);
    const x = inputs[0].data as Float32Array;
    const columns = inputs[0].shape[1];
    if (rows === 1) return this.#inferOne(x);
    const y = new Float64Array(rows);
    let hits = 0;
    for (let row = 0; row < rows; row++) {
      const vector = x.subarray(row * columns, (row + 1) * columns);
      const { output, cacheHit } = this.#predictor.predict(vector);
      y[row] = output;
      if (cacheHit) hits++;
    }
    this.#counted.countInline(rows);
    return {
      model: LINEAR_MODEL,
      version: LINEAR_VERSION,
      outputs: [{ name: "y", datatype: "FP64", shape: [rows], data: y }],
      cache: hits === rows ? "hit" : "miss",
      timing: NO_TIMING,
    };
  }

  close(): void {}

  #inferOne(x: Float32Array): InferResponse {
    const { output, cacheHit } = this.#predictor.predict(x);
    this.#counted.countInline(1);
    // Who has the last one may never give it back.
    if (this.#single.isLent) {
      this.#single = new LentBytes(Float64Array.BYTES_PER_ELEMENT);
      this.#singleOutputs = outputsIn(this.#single);
    }
    const [{ data }] = this.#singleOutputs;
    data[0] = output;
    const { recycle } = this.#single.lend(Float64Array.BYTES_PER_ELEMENT);
    return {
      model: LINEAR_MODEL,
      version: LINEAR_VERSION,
      outputs: this.#singleOutputs,
      cache: cacheHit ? "hit" : "miss",
      timing: NO_TIMING,
      recycle,
    };
  }
}

function outputsIn({ memory }: LentBytes) {
  const data = new Float64Array(memory.buffer);
  return [{ name: "y", datatype: "FP64", shape: [1], data }] as const;
}

/** Looking up and computing take less than telling the time would. */
const NO_TIMING = { queueMs: 0, computeMs: 0, cacheMs: 0 } as const;

/**
 * The linear model as a generation that is always there.
 *
 * @param memory of what all threads count of it
 * @param thread this thread's row of it
 */
export function builtInLinear(
  predictor: RowPredictor,
  memory: SharedArrayBuffer,
  thread: number,
): OpenGeneration {
  const counted = new ModelStatisticsRow(memory, thread);
  const about = {
    model: LINEAR_MODEL,
    version: LINEAR_VERSION,
    execution: { kind: "inline", definition: undefined },
    rules: { instances: 0 },
    statistics: memory,
  } as const;
  return {
    id: 0,
    model: LINEAR_MODEL,
    version: LINEAR_VERSION,
    platform: "linear",
    metadata: LINEAR_METADATA,
    config: { name: LINEAR_MODEL, platform: "linear", ...LINEAR_METADATA },
    served: new LinearBackend(predictor, counted),
    counted,
    statistics: () => generationStatistics(about),
  };
}
