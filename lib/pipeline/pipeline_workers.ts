import type { InferCall } from "../inference/infer.ts";

/** Whether a worker has taken the weights, and why not. */
export type WorkerLoad =
  | { readonly loaded: true }
  /** For whoever made the weights. */
  | { readonly loaded: false; readonly trace: string };

/** What a network has answered. */
export interface Prediction {
  /** Of the network that has computed it. */
  readonly nnId: string;
  /** A float32. */
  readonly result: number;
}

/** What is told of a worker. */
export interface WorkerStatus {
  /** IP addresses of its machine. */
  readonly addresses: readonly string[];
  /** Of the network that it holds; undefined before the first upload. */
  readonly nnId: string | undefined;
  /** Of the last PIPELINE_AVERAGED_REQUESTS, in milliseconds; 0 when there were none. */
  readonly handlingMs: number;
  /** In the network alone. */
  readonly inferenceMs: number;
  /** Since the worker's place was taken first. */
  readonly handled: number;
}

/** What is told of all workers. */
export interface PipelineStatus {
  /** Predictions that wait for a worker. */
  readonly queued: number;
  /** Predictions that may wait or run at once. */
  readonly queueMax: number;
  /** As of a worker, but of whole requests. */
  readonly handlingMs: number;
  /** Those that can work now. */
  readonly workers: readonly WorkerStatus[];
}

/**
 * The workers behind the Pipeline's routes, wherever they are: what one says to all, what any one of them answers,
 * and what all say of themselves.
 *
 * All of them hold the same network. An upload is taken by all or by none; those that come later, or in place of
 * others, get it before they work.
 */
export interface PipelineWorkers {
  /**
   * Gives all workers other weights. Resolves once no prediction that begins is answered by the network before;
   * if one failed nothing has changed. Uploads are taken one after another, and the last one stays.
   *
   * @param nnId 32 hex digits in lower case, what predictions will name
   * @param weights what `torch.save(state_dict)` writes; the caller's again when the promise settles
   * @returns an outcome of each worker
   * @throws {OperationError} by rejection: `unavailable` without workers, `resource-exhausted` with too many uploads
   *   waiting, `internal` where it broke down
   */
  loadWeights(nnId: string, weights: Uint8Array): Promise<readonly WorkerLoad[]>;
  /**
   * Has one of the workers predict.
   *
   * @param vector numbers, of which the network takes two; not needed any more when this returns
   * @throws {OperationError} by rejection: `unavailable` without workers, or when those died that tried;
   *   `resource-exhausted` when the queue is full; `deadline-exceeded`; `failed-precondition` before the first
   *   upload; `invalid-argument` or `internal` when it cannot be computed. A cancellation rejects with the
   *   signal's reason.
   */
  predict(vector: Float32Array, call: InferCall): Promise<Prediction>;
  /** All at one moment: one network at most is named. */
  status(): PipelineStatus | Promise<PipelineStatus>;
}
