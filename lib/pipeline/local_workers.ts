import { OperationError } from "../errors.ts";
import type { InferenceBackend } from "../inference/backend.ts";
import type { InferCall, InferResponse } from "../inference/infer.ts";
import { checkVector, PIPELINE_METADATA, PIPELINE_MODEL } from "../platforms/pipeline_network.ts";
import type {
  PipelineStatus,
  PipelineWorkers,
  Prediction,
  WorkerLoad,
} from "./pipeline_workers.ts";
import { servedNetwork } from "./served_network.ts";
import { WorkerBoard } from "./worker_board.ts";

/** What carries uploads to the main thread. */
export interface WeightsCommands {
  /** @returns why each worker refused them; undefined for one that took them */
  loadWeights(nnId: string, weights: Uint8Array): Promise<readonly (string | undefined)[]>;
}

/** What the workers of this machine are reached by. */
export interface LocalWorkersOptions {
  /** 0 for none. */
  readonly workers: number;
  readonly queueMax: number;
  /** What `WorkerBoard.allocate` gave for so many workers. */
  readonly board: SharedArrayBuffer;
  readonly backend: Pick<InferenceBackend, "infer" | "isModelReady" | "config" | "statistics">;
  readonly commands: WeightsCommands;
}

/** Errors that say that nobody has worked at a request. */
const NOT_HANDLED: readonly unknown[] = ["resource-exhausted", "failed-precondition"];

/** The workers are threads of this process. */
const ADDRESSES = ["127.0.0.1"];

/**
 * The workers of this machine, seen from a serving thread: instances of a model of the runtime.
 *
 * A prediction goes to them through the model's queue, with no hop through the main thread; uploads go to the main
 * thread, as what loads models does.
 */
export class LocalWorkers implements PipelineWorkers {
  readonly #options: LocalWorkersOptions;
  readonly #board: WorkerBoard;

  constructor(options: LocalWorkersOptions) {
    this.#options = options;
    this.#board = new WorkerBoard(options.board);
  }

  async loadWeights(nnId: string, weights: Uint8Array): Promise<readonly WorkerLoad[]> {
    const { workers, commands } = this.#options;
    if (workers === 0) throw noWorkers("load weights");
    const traces = await commands.loadWeights(nnId, weights);
    return traces.map((trace) => trace === undefined ? { loaded: true } : { loaded: false, trace });
  }

  async predict(vector: Float32Array, call: InferCall): Promise<Prediction> {
    if (this.#options.workers === 0) throw noWorkers("predict");
    const startMs = performance.now();
    try {
      const prediction = await this.#predict(vector, call);
      this.#board.recordRequest(performance.now() - startMs);
      return prediction;
    } catch (error) {
      const isHandled = error instanceof OperationError && !NOT_HANDLED.includes(error.code);
      if (isHandled) this.#board.recordRequest(performance.now() - startMs);
      throw error;
    }
  }

  status(): PipelineStatus {
    const { queueMax, backend } = this.#options;
    const network = servedNetwork(backend);
    const [figures] = network === undefined
      ? []
      : backend.statistics(PIPELINE_MODEL, network.version);
    return {
      queued: figures?.queued ?? 0,
      queueMax,
      handlingMs: this.#board.requests().handlingMs,
      workers: this.#board.workers().filter(({ serves }) => serves).map((worker) => ({
        addresses: ADDRESSES,
        nnId: network?.nnId,
        handlingMs: worker.handlingMs,
        inferenceMs: worker.inferenceMs,
        handled: worker.handled,
      })),
    };
  }

  async #predict(vector: Float32Array, call: InferCall): Promise<Prediction> {
    const { backend } = this.#options;
    const network = servedNetwork(backend);
    if (network === undefined) {
      throw new OperationError("failed-precondition", "No weights loaded");
    }
    checkVector(vector.length);
    const { nnId, version } = network;
    const [x] = PIPELINE_METADATA.inputs;
    // Asked in the same turn, so that it is this network that answers, whichever serves then.
    const { outputs: [y], recycle }: InferResponse = await backend.infer({
      model: PIPELINE_MODEL,
      version,
      inputs: [{ name: x.name, datatype: x.datatype, shape: [1, vector.length], data: vector }],
      outputs: undefined,
      priority: undefined,
      parameters: undefined,
    }, call);
    const result = Number(y.data[0]);
    recycle?.();
    return { nnId, result };
  }
}

function noWorkers(what: string): OperationError {
  return new OperationError(
    "unavailable",
    `Cannot ${what}: there are no workers, start the server with --pipeline-workers`,
  );
}
