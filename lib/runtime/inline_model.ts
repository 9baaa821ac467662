import type { InferRequest, InferResponse } from "../inference/infer.ts";
import type { Model } from "../inference/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { GenerationCache } from "./generation_cache.ts";
import type { GenerationDescriptor } from "./generation.ts";
import { checkInputs, hasBatchDimension } from "./input_check.ts";
import { roundInputs } from "./input_rounding.ts";
import type { ModelStatisticsRow } from "./model_statistics.ts";
import { checkOutputNames, chooseOutputs } from "./output_choice.ts";
import type { ServedModel } from "./served_model.ts";
import { readTensors, tensorsByteLength, writeTensors } from "./tensor_list.ts";

/**
 * A model that is cheap enough to run on the serving thread: an answer costs less than handing it over.
 *
 * There is no queue, so nothing waits, and none of this thread's requests can be the same at once.
 */
export class InlineModel implements ServedModel {
  readonly #generation: GenerationDescriptor;
  readonly #model: Model;
  readonly #cache: GenerationCache | undefined;
  readonly #statistics: ModelStatisticsRow;
  readonly #batched: boolean;
  readonly #outputNames: readonly string[];

  constructor(
    generation: GenerationDescriptor,
    model: Model,
    cache: GenerationCache | undefined,
    statistics: ModelStatisticsRow,
  ) {
    this.#generation = generation;
    this.#model = model;
    this.#cache = cache;
    this.#statistics = statistics;
    this.#batched = hasBatchDimension(model.metadata);
    this.#outputNames = model.metadata.outputs.map(({ name }) => name);
  }

  infer(request: InferRequest): InferResponse {
    const { model, rules } = this.#generation;
    const { metadata } = this.#model;
    checkOutputNames(model, metadata.outputs, request.outputs);
    const { inputs: given, rows } = checkInputs(model, metadata, request.inputs, this.#batched);
    const inputs = rules.cacheRound === undefined ? given : roundInputs(given, rules.cacheRound);
    if (this.#cache === undefined) return this.#answer(request, this.#compute(inputs, rows));
    return this.#inferCached(request, inputs, rows, this.#cache);
  }

  close(): void {
    this.#model.unload();
  }

  #inferCached(
    request: InferRequest,
    inputs: readonly Tensor[],
    rows: number,
    cache: GenerationCache,
  ): InferResponse {
    const startMs = performance.now();
    const key = cache.keyOfTensors(inputs);
    const found = cache.find(key);
    const lookedUpMs = performance.now();
    if (found !== undefined) {
      const outputs = readTensors(found.bytes, this.#outputNames);
      const timing = { queueMs: 0, computeMs: 0, cacheMs: lookedUpMs - startMs };
      return { ...this.#respond(request, outputs, "hit", timing), recycle: found.recycle };
    }
    const { outputs, computeMs } = this.#compute(inputs, rows);
    const computedMs = performance.now();
    cache.put(key, bytesOf(outputs));
    const cacheMs = lookedUpMs - startMs + performance.now() - computedMs;
    return this.#respond(request, outputs, "miss", { queueMs: 0, computeMs, cacheMs });
  }

  #answer(request: InferRequest, { outputs, computeMs }: Computed): InferResponse {
    return this.#respond(request, outputs, undefined, { queueMs: 0, computeMs, cacheMs: 0 });
  }

  #compute(inputs: readonly Tensor[], rows: number): Computed {
    const startMs = performance.now();
    const outputs = this.#model.predict(inputs);
    if (outputs instanceof Promise) {
      throw new TypeError(
        `Cannot run model "${this.#generation.model}" inline: it is asynchronous`,
      );
    }
    this.#statistics.countInline(rows);
    return { outputs, computeMs: performance.now() - startMs };
  }

  #respond(
    { outputs: wanted }: InferRequest,
    all: readonly Tensor[],
    cache: InferResponse["cache"],
    timing: InferResponse["timing"],
  ): InferResponse {
    const { model, version } = this.#generation;
    return { model, version, outputs: chooseOutputs(model, all, wanted), cache, timing };
  }
}

interface Computed {
  readonly outputs: readonly Tensor[];
  readonly computeMs: number;
}

function bytesOf(tensors: readonly Tensor[]): Uint8Array {
  const bytes = new Uint8Array(tensorsByteLength(tensors));
  writeTensors(tensors, bytes, 0);
  return bytes;
}
