import { OperationError } from "../errors.ts";
import type { InferCall, InferRequest, InferResponse } from "../inference/infer.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type CacheKey, flightHash, type GenerationCache } from "./generation_cache.ts";
import type { GenerationDescriptor } from "./generation.ts";
import { checkInputs, hasBatchDimension } from "./input_check.ts";
import { roundInputs } from "./input_rounding.ts";
import type { Job, JobClient, JobOutcome } from "./job_client.ts";
import { GROUP_ALONE } from "./job_table.ts";
import { checkOutputNames, chooseOutputs } from "./output_choice.ts";
import { bytesPayload } from "./payload.ts";
import { NeverFitsError, QueueFullError } from "./queue_full_error.ts";
import type { OwnedBytes } from "./response_buffers.ts";
import type { ServedModel } from "./served_model.ts";
import { readTensors, tensorsByteLength, writeTensors } from "./tensor_list.ts";

/** A model that runs in instances, behind a queue that all serving threads share. */
export class QueuedModel implements ServedModel {
  readonly #generation: GenerationDescriptor;
  readonly #jobs: JobClient;
  readonly #cache: GenerationCache | undefined;
  readonly #batched: boolean;
  readonly #outputNames: readonly string[];

  constructor(
    generation: GenerationDescriptor,
    jobs: JobClient,
    cache: GenerationCache | undefined,
  ) {
    this.#generation = generation;
    this.#jobs = jobs;
    this.#cache = cache;
    this.#batched = generation.rules.batching && hasBatchDimension(generation.metadata);
    this.#outputNames = generation.metadata.outputs.map(({ name }) => name);
  }

  infer(request: InferRequest, call: InferCall): InferResponse | Promise<InferResponse> {
    const { model, metadata, rules } = this.#generation;
    checkOutputNames(model, metadata.outputs, request.outputs);
    const priority = this.#priority(request.priority);
    const { inputs: given, rows } = checkInputs(model, metadata, request.inputs, this.#batched);
    const inputs = rules.cacheRound === undefined ? given : roundInputs(given, rules.cacheRound);
    const group = this.#batched ? groupOf(inputs) : GROUP_ALONE;
    const job = { rows, group, priority, deadlineMs: call.deadlineMs };
    return this.#cache === undefined
      ? this.#compute(request, call, inputs, job)
      : this.#inferCached(request, call, inputs, job, this.#cache);
  }

  close(): void {
    this.#jobs.close();
  }

  async #compute(
    request: InferRequest,
    call: InferCall,
    inputs: readonly Tensor[],
    job: Omit<Job, "request" | "coalesce">,
  ): Promise<InferResponse> {
    const outcome = await this.#submit(call, {
      ...job,
      request: {
        byteLength: tensorsByteLength(inputs),
        writeTo: (into, offset) => void writeTensors(inputs, into, offset),
      },
      coalesce: undefined,
    });
    return this.#respond(request, outcome, 0, false);
  }

  /** The look-up is made, and the request's tensors are no longer needed, when this returns. */
  #inferCached(
    request: InferRequest,
    call: InferCall,
    inputs: readonly Tensor[],
    job: Omit<Job, "request" | "coalesce">,
    cache: GenerationCache,
  ): InferResponse | Promise<InferResponse> {
    const startMs = performance.now();
    const key = cache.keyOfTensors(inputs);
    const found = cache.find(key);
    const cacheMs = performance.now() - startMs;
    if (found !== undefined) return this.#hit(request, found, cacheMs);
    return this.#coalesce(request, call, key, job, cache, cacheMs);
  }

  async #coalesce(
    request: InferRequest,
    call: InferCall,
    key: CacheKey,
    job: Omit<Job, "request" | "coalesce">,
    cache: GenerationCache,
    cacheMs: number,
  ): Promise<InferResponse> {
    let found: OwnedBytes | undefined;
    const outcome = await this.#submit(call, {
      ...job,
      request: bytesPayload(key.bytes),
      coalesce: flightHash(key),
      // It may have been computed, stored and forgotten since the look-up.
      recheck: () => (found = cache.find(key)) !== undefined,
    });
    if (found !== undefined) return this.#hit(request, found, cacheMs);
    return this.#respond(request, outcome, cacheMs, true);
  }

  /** @throws {OperationError} that names the model, whether the queue or the model itself has failed */
  async #submit(call: InferCall, job: Job): Promise<Exclude<JobOutcome, { kind: "failed" }>> {
    const { model } = this.#generation;
    let outcome: JobOutcome;
    try {
      outcome = await this.#jobs.submit(job, () => call.signal);
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      throw queueError(model, error, this.#generation.rules.queueFlag);
    }
    if (outcome.kind !== "failed") return outcome;
    throw new OperationError(outcome.code, naming(model, outcome.message));
  }

  #hit(
    request: InferRequest,
    { bytes, recycle }: OwnedBytes,
    cacheMs: number,
  ): InferResponse {
    const { model, version } = this.#generation;
    const all = readTensors(bytes, this.#outputNames);
    return {
      model,
      version,
      outputs: chooseOutputs(model, all, request.outputs),
      cache: "hit",
      timing: { queueMs: 0, computeMs: 0, cacheMs },
      recycle,
    };
  }

  #respond(
    request: InferRequest,
    outcome: Exclude<JobOutcome, { kind: "failed" }>,
    cacheMs: number,
    cached: boolean,
  ): InferResponse {
    const { model, version } = this.#generation;
    if (outcome.kind !== "done") {
      throw new TypeError("A job that was found in the cache has no answer");
    }
    const { bytes, recycle } = outcome.response;
    const all = readTensors(bytes, this.#outputNames);
    return {
      model,
      version,
      outputs: chooseOutputs(model, all, request.outputs),
      cache: cached ? outcome.coalesced ? "coalesced" : "miss" : undefined,
      timing: { queueMs: outcome.queueMs, computeMs: outcome.computeMs, cacheMs },
      recycle,
    };
  }

  #priority(asked: number | undefined): number {
    const { model, rules } = this.#generation;
    if (asked === undefined || asked === 0) return rules.defaultPriority;
    if (Number.isInteger(asked) && asked >= 1 && asked <= rules.priorityLevels) return asked;
    throw new OperationError(
      "invalid-argument",
      `Cannot infer with model "${model}": priority is ${asked}, it has levels 1 to ${rules.priorityLevels}`,
    );
  }
}

/** The key of model.json that says how much there is. */
const CONFIG_KEYS = { slots: "queue.size", arena: "queue.bytes" } as const;

/** A queue knows neither the model that it belongs to nor where its bounds were set. */
function queueError(
  model: string,
  error: OperationError,
  flag: string | undefined,
): OperationError {
  return new OperationError(error.code, queueErrorText(model, error, flag), { cause: error });
}

function queueErrorText(model: string, error: OperationError, flag: string | undefined): string {
  if (error instanceof QueueFullError) {
    return `Cannot infer with model "${model}": ${error.found}${boundOf(error, flag)}`;
  }
  if (error instanceof NeverFitsError) {
    const { bytes, bytesMax } = error;
    const queue = flag === undefined ? `${CONFIG_KEYS.arena} in its model.json` : "its queue";
    return `Cannot infer with model "${model}": the inputs take ${bytes} bytes, ${queue} has room for ` +
      `${bytesMax} at once`;
  }
  return naming(model, error.message);
}

/** Who does not allow more; nothing where nobody could. */
function boundOf({ bound }: QueueFullError, flag: string | undefined): string {
  if (flag === undefined) return `, ${CONFIG_KEYS[bound]} in its model.json allows no more`;
  return bound === "slots" ? `, ${flag} allows no more` : "";
}

function naming(model: string, message: string): string {
  return message.includes(`"${model}"`) ? message : `Model "${model}": ${message}`;
}

/**
 * A number that inputs share whose rows have the same shape. Others may share it by chance: the executor
 * runs what does not fit one by one.
 */
function groupOf(inputs: readonly Tensor[]): number {
  let hash = 0;
  for (const { shape } of inputs) {
    hash = Math.imul(hash ^ shape.length, 0x01000193);
    for (let axis = 1; axis < shape.length; axis++) {
      hash = Math.imul(hash ^ shape[axis], 0x01000193);
    }
  }
  return hash & 0x7fff_ffff;
}
