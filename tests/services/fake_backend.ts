import { type ErrorCode, OperationError } from "../../lib/errors.ts";
import type {
  IndexEntry,
  InferenceBackend,
  ModelStatistics,
  ServedModelMetadata,
} from "../../lib/inference/backend.ts";
import type {
  CacheOutcome,
  InferCall,
  InferRequest,
  InferResponse,
} from "../../lib/inference/infer.ts";
import { DATATYPES, type FixedArray } from "../../lib/tensor/datatype.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

type Compute = (inputs: readonly Tensor[]) => Tensor[];

/** A tensor whose data are its own: those of a request are not valid for long. */
export function copyOf(tensor: Tensor): Tensor {
  return tensor.datatype === "BYTES"
    ? { ...tensor, data: tensor.data.map((element) => element.slice()) }
    : { ...tensor, data: (tensor.data as Uint8Array).slice() as FixedArray };
}

const echo: Compute = (inputs) => inputs.map(copyOf);

const double: Compute = ([input]) => {
  const data = Float32Array.from(input.data as Float32Array, (value) => 2 * value);
  return [{ name: "y", datatype: "FP32", shape: input.shape, data }];
};

const concatenate: Compute = ([a, b]) => {
  const [left, right] = [a, b].map(({ data }) => data as readonly Uint8Array[]);
  const data = left.map((element, i) => Uint8Array.of(...element, ...right[i]));
  return [{ name: "y", datatype: "BYTES", shape: a.shape, data }];
};

const MODELS: Readonly<Record<string, Compute>> = { echo, double, concatenate };

const METADATA: Readonly<Record<string, Pick<ServedModelMetadata, "inputs" | "outputs">>> = {
  echo: {
    inputs: DATATYPES.map((datatype) => ({ name: datatype, datatype, shape: [-1] })),
    outputs: DATATYPES.map((datatype) => ({ name: datatype, datatype, shape: [-1] })),
  },
  double: {
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, 4] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1, 4] }],
  },
  concatenate: {
    inputs: ["a", "b"].map((name) => ({ name, datatype: "BYTES", shape: [-1] })),
    outputs: [{ name: "y", datatype: "BYTES", shape: [-1] }],
  },
};

/**
 * Models in memory: `echo` gives its inputs back, at once; `double` 2·x, by a promise; `concatenate` pairs
 * of BYTES. A parameter `fail` asks for an error of that code, `bug` for one that is none of ours.
 */
export class FakeBackend implements InferenceBackend {
  ready = true;
  cache: CacheOutcome;
  timing = { queueMs: 0, computeMs: 0, cacheMs: 0 };
  /** What came, without the tensors, which are not valid any more. */
  readonly requests: Omit<InferRequest, "inputs">[] = [];
  readonly calls: InferCall[] = [];
  readonly unloaded = new Set<string>();
  /** Stands before the answer of `double`. */
  hold: (request: Omit<InferRequest, "inputs">) => Promise<void> = () => Promise.resolve();

  infer(request: InferRequest, call: InferCall): InferResponse | Promise<InferResponse> {
    const { inputs, ...asked } = request;
    this.requests.push(asked);
    this.calls.push(call);
    const code = asked.parameters?.fail;
    if (code !== undefined) throw new OperationError(code as ErrorCode, `Cannot infer: ${code}`);
    if (asked.parameters?.bug !== undefined) throw new Error("secret");
    this.#assertServed(asked.model, asked.version);
    const outputs = MODELS[asked.model](inputs).filter(({ name }) =>
      asked.outputs?.includes(name) ?? true
    );
    const { model, version = "1" } = asked;
    const response = { model, version, outputs, cache: this.cache, timing: this.timing };
    return model === "double" ? this.hold(asked).then(() => response) : response;
  }

  isReady(): boolean {
    return this.ready;
  }

  isModelReady(model: string, version: string | undefined): boolean {
    return model in MODELS && !this.unloaded.has(model) && (version ?? "1") === "1";
  }

  metadata(model: string, version: string | undefined): ServedModelMetadata {
    this.#assertServed(model, version);
    return { name: model, platform: "fake", versions: ["1"], ...METADATA[model] };
  }

  config(model: string, version: string | undefined): Readonly<Record<string, unknown>> {
    this.#assertServed(model, version);
    if (model !== "double") return { platform: "fake", versions: "all", instances: 2 };
    return {
      platform: "fake",
      versions: { latest: 1 },
      batching: { maxBatchSize: 32, maxDelayMs: 2.5, preferredBatchSizes: [8, 16] },
      queue: { size: 1024, bytes: 67_108_864, priorityLevels: 2, defaultPriority: 1 },
      cache: { entries: 10, bytes: 1_000, policy: "lru" },
      instances: 1,
      options: { threads: 2, device: "cpu" },
    };
  }

  statistics(model: string | undefined, version: string | undefined): ModelStatistics[] {
    if (model !== undefined) this.#assertServed(model, version);
    const names = model === undefined ? Object.keys(MODELS) : [model];
    return names.map((name) => statisticsOf(name, this.requests));
  }

  index(): Promise<IndexEntry[]> {
    const entries: IndexEntry[] = Object.keys(MODELS).map((name) =>
      this.unloaded.has(name)
        ? { name, version: "1", state: "UNAVAILABLE", reason: "unloaded" }
        : { name, version: "1", state: "READY", reason: "" }
    );
    return Promise.resolve(entries);
  }

  load(model: string): Promise<void> {
    if (!(model in MODELS)) return Promise.reject(notFound(model));
    this.unloaded.delete(model);
    return Promise.resolve();
  }

  unload(model: string): Promise<void> {
    if (!(model in MODELS)) return Promise.reject(notFound(model));
    this.unloaded.add(model);
    return Promise.resolve();
  }

  #assertServed(model: string, version: string | undefined): void {
    if (!(model in MODELS)) throw notFound(model);
    if (this.unloaded.has(model)) {
      throw new OperationError("unavailable", `Cannot infer: model "${model}" is not loaded`);
    }
    if (version === undefined || version === "1") return;
    throw new OperationError(
      "not-found",
      `Cannot find version ${version} of model "${model}": there is 1`,
    );
  }
}

function notFound(model: string): OperationError {
  return new OperationError("not-found", `Cannot find model "${model}"`);
}

function statisticsOf(name: string, requests: readonly { model: string }[]): ModelStatistics {
  const count = requests.filter(({ model }) => model === name).length;
  const none = { count: 0, totalMs: 0 };
  return {
    name,
    version: "1",
    lastInferenceMs: 1_700_000_000_000.5,
    inferenceCount: count,
    executionCount: count,
    success: { count, totalMs: 1.5 },
    fail: none,
    queue: { count, totalMs: 0.25 },
    compute: { count, totalMs: 1.000001 },
    cacheHit: { count: 3, totalMs: 0.003 },
    cacheMiss: none,
    coalesced: 0,
    rejected: 0,
    expired: 0,
    queued: 0,
    instances: 1,
    instancesReplaced: 0,
    batches: [{ size: 4, compute: { count: 2, totalMs: 0.5 } }],
    latency: [],
    recorded: {},
  };
}
