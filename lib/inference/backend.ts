import type { InferCall, InferRequest, InferResponse } from "./infer.ts";
import type { ModelMetadata } from "./model.ts";

/** What is told of a served model. */
export interface ServedModelMetadata extends ModelMetadata {
  readonly name: string;
  readonly platform: string;
  /** Versions that serve, ascending. */
  readonly versions: readonly string[];
}

/** A version in the repository's index. */
export interface IndexEntry {
  readonly name: string;
  readonly version: string;
  readonly state: "READY" | "LOADING" | "UNLOADING" | "UNAVAILABLE";
  /** Why it is not ready; empty otherwise. */
  readonly reason: string;
}

/** Calls that were counted, and the time that they took together. */
export interface StatisticDuration {
  readonly count: number;
  readonly totalMs: number;
}

/** What was counted of one version of a model since it was loaded. Source: Triton's statistics extension. */
export interface ModelStatistics {
  readonly name: string;
  readonly version: string;
  /** Date.now() of the last inference; 0 when there was none. */
  readonly lastInferenceMs: number;
  /** Rows that were computed, and batches in which they were. */
  readonly inferenceCount: number;
  readonly executionCount: number;
  readonly success: StatisticDuration;
  readonly fail: StatisticDuration;
  readonly queue: StatisticDuration;
  readonly compute: StatisticDuration;
  readonly cacheHit: StatisticDuration;
  readonly cacheMiss: StatisticDuration;
  /** Requests that waited for the answer to another that was the same. */
  readonly coalesced: number;
  /** Requests that were refused since the queue was full, and that were cancelled or expired in it. */
  readonly rejected: number;
  readonly expired: number;
  /** Jobs that wait now. */
  readonly queued: number;
  readonly instances: number;
  /** Times that an instance died or hung and was replaced. */
  readonly instancesReplaced: number;
  /** Per size of executed batch, in rows. */
  readonly batches: readonly { readonly size: number; readonly compute: StatisticDuration }[];
  /** Whole requests by time: how many took at most `leMs`, cumulative, the last with Infinity. */
  readonly latency: readonly { readonly leMs: number; readonly count: number }[];
  /** What the model itself recorded, by name. */
  readonly recorded: Readonly<Record<string, RecordedStatistic>>;
}

/** Figures that a model has recorded under one name. Units: the model's own. */
export interface RecordedStatistic {
  readonly count: number;
  readonly sum: number;
  readonly min: number;
  readonly max: number;
}

/**
 * What the protocols serve: the models, on one thread.
 *
 * Unless it says otherwise, everything throws or rejects with OperationError: `not-found` naming the model or
 * version; `invalid-argument` naming the tensor and what was wrong; `resource-exhausted` when a queue is full;
 * `deadline-exceeded` when the deadline passed in the queue; `unavailable` when a model is not loaded or its
 * instance died; `internal` when the model failed. A cancellation rejects with the signal's reason.
 */
export interface InferenceBackend {
  /**
   * Answers a request; not by a promise where the answer is there at once.
   *
   * Request tensors have been checked against nothing but themselves: data as long as shape says.
   */
  infer(request: InferRequest, call: InferCall): InferResponse | Promise<InferResponse>;
  /** Whether all that should be served is. */
  isReady(): boolean;
  /** False also for a model that is not there. */
  isModelReady(model: string, version: string | undefined): boolean;
  metadata(model: string, version: string | undefined): ServedModelMetadata;
  /** The model's configuration as served, defaults filled in: `model.json`'s shape. */
  config(model: string, version: string | undefined): Readonly<Record<string, unknown>>;
  /** Of all versions that serve, of one model's, or of one. */
  statistics(model: string | undefined, version: string | undefined): readonly ModelStatistics[];
  index(signal?: AbortSignal): Promise<readonly IndexEntry[]>;
  /**
   * Makes the model serve as the repository has it: what has changed is loaded anew; resolves once it serves.
   *
   * @param signal ends the waiting, not the load: that goes on until an unload gives it up
   */
  load(model: string, signal?: AbortSignal): Promise<void>;
  /**
   * Resolves once it serves no more and its calls have ended.
   *
   * @param signal ends the waiting, not the unload
   */
  unload(model: string, signal?: AbortSignal): Promise<void>;
}
