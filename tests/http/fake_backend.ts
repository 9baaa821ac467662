import { type ErrorCode, OperationError } from "../../lib/errors.ts";
import type {
  IndexEntry,
  InferenceBackend,
  ModelStatistics,
  ServedModelMetadata,
} from "../../lib/inference/backend.ts";
import type { InferCall, InferRequest, InferResponse } from "../../lib/inference/infer.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

/** The parts of a second that the fake says an answer took. */
const TIMING = { queueMs: 0.0123, computeMs: 1.2, cacheMs: 0 };

/**
 * A backend whose models are told by their names: `echo` answers with its inputs, `cached` does as from a
 * cache, `wait` answers when `release` is called or its call is given up, `bug` throws, and `fails-CODE`
 * fails so.
 */
export class FakeBackend implements InferenceBackend {
  readonly requests: InferRequest[] = [];
  readonly calls: InferCall[] = [];
  readonly loaded: string[] = [];
  readonly unloaded: string[] = [];
  /** The reasons for which calls of `wait` were given up. */
  readonly givenUp: unknown[] = [];
  ready = true;
  figures: readonly ModelStatistics[] = [madeStatistics()];
  #waiting = Promise.withResolvers<void>();
  #released = Promise.withResolvers<void>();
  #gaveUp = Promise.withResolvers<void>();

  infer(request: InferRequest, call: InferCall): InferResponse | Promise<InferResponse> {
    const { model } = request;
    // The tensors are valid only until this returns.
    const inputs = structuredClone(request.inputs) as Tensor[];
    this.requests.push({ ...request, inputs });
    this.calls.push(call);
    if (model === "bug") throw new TypeError("secret of a bug");
    if (model.startsWith("fails-")) {
      throw new OperationError(model.slice("fails-".length) as ErrorCode, `Cannot infer: ${model}`);
    }
    const { outputs: names } = request;
    const response: InferResponse = {
      model,
      version: request.version ?? "3",
      outputs: names === undefined ? inputs : inputs.filter(({ name }) => names.includes(name)),
      cache: model === "cached" ? "hit" : undefined,
      timing: TIMING,
    };
    return model === "wait" ? this.#wait(response, call) : response;
  }

  async #wait(response: InferResponse, { signal }: InferCall): Promise<InferResponse> {
    this.#waiting.resolve();
    const { promise, reject } = Promise.withResolvers<never>();
    const giveUp = () => {
      this.givenUp.push(signal.reason);
      this.#gaveUp.resolve();
      reject(signal.reason);
    };
    signal.addEventListener("abort", giveUp, { once: true });
    await Promise.race([promise, this.#released.promise]);
    signal.removeEventListener("abort", giveUp);
    return response;
  }

  /** Resolves when a call of `wait` has come. */
  get waiting(): Promise<void> {
    return this.#waiting.promise;
  }

  /** Resolves when a call of `wait` was given up. */
  get gaveUp(): Promise<void> {
    return this.#gaveUp.promise;
  }

  release(): void {
    this.#released.resolve();
  }

  isReady(): boolean {
    return this.ready;
  }

  isModelReady(model: string, version: string | undefined): boolean {
    return model === "echo" && (version === undefined || version === "3");
  }

  metadata(model: string, version: string | undefined): ServedModelMetadata {
    if (model === "missing") {
      throw new OperationError("not-found", `Cannot find model "${model}": it is not served`);
    }
    const shape = [-1, 4];
    return {
      name: model,
      platform: "script",
      versions: version === undefined ? ["2", "3"] : [version],
      inputs: [{ name: "x", datatype: "FP32", shape }],
      outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
    };
  }

  config(model: string, version: string | undefined): Readonly<Record<string, unknown>> {
    this.metadata(model, version);
    return { name: model, platform: "script", instances: 2 };
  }

  statistics(model: string | undefined, version: string | undefined): readonly ModelStatistics[] {
    if (model !== undefined) this.metadata(model, version);
    return this.figures.filter(({ name }) => model === undefined || name === model);
  }

  index(): Promise<readonly IndexEntry[]> {
    return Promise.resolve([
      { name: "echo", version: "3", state: "READY", reason: "" },
      { name: "broken", version: "1", state: "UNAVAILABLE", reason: "its file is missing" },
    ]);
  }

  async load(model: string, signal?: AbortSignal): Promise<void> {
    if (model === "wait") {
      signal?.throwIfAborted();
      await new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    }
    await Promise.resolve(this.metadata(model, undefined));
    this.loaded.push(model);
  }

  async unload(model: string): Promise<void> {
    await Promise.resolve(this.metadata(model, undefined));
    this.unloaded.push(model);
  }
}

/** Figures of `echo`, with `changes`. */
export function madeStatistics(changes: Partial<ModelStatistics> = {}): ModelStatistics {
  return {
    name: "echo",
    version: "3",
    lastInferenceMs: 1_700_000_000_123,
    inferenceCount: 9,
    executionCount: 4,
    success: { count: 7, totalMs: 10.5 },
    fail: { count: 1, totalMs: 2 },
    queue: { count: 8, totalMs: 0.5 },
    compute: { count: 4, totalMs: 4.25 },
    cacheHit: { count: 3, totalMs: 0.25 },
    cacheMiss: { count: 4, totalMs: 0.125 },
    coalesced: 2,
    rejected: 5,
    expired: 6,
    queued: 1,
    instances: 2,
    instancesReplaced: 1,
    batches: [
      { size: 1, compute: { count: 2, totalMs: 1 } },
      { size: 3, compute: { count: 1, totalMs: 1.25 } },
      { size: 4, compute: { count: 1, totalMs: 2 } },
    ],
    latency: [{ leMs: 1, count: 2 }, { leMs: 10, count: 7 }, { leMs: Infinity, count: 8 }],
    recorded: { 'tokens "é"\n': { count: 2, sum: 30, min: 10, max: 20 } },
    ...changes,
  };
}
