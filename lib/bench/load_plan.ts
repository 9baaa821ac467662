import { THREADS_MAX } from "../limits.ts";
import type { WorkloadRequest } from "../workload/request.ts";

/** The methods that a load can be made of. */
export const BENCH_METHODS = [
  "predict",
  "set-coefs",
  "set-num",
  "fact",
  "invoke",
  "infer",
] as const;

/** The name of such a method, as `--method` takes it. */
export type BenchMethod = (typeof BENCH_METHODS)[number];

/** A method of ModelServer, NumStore or Invocation; `infer` is of any model, see `ModelChoice`. */
export type OwnMethod = Exclude<BenchMethod, "infer">;

/** Numbers that have a factorial, 0 to 20: a server caches that many, whatever keys hold them. */
export const FACTORIALS = 21;

/** How requests for an open loop follow each other: evenly, or as independent clients send them. */
export const ARRIVALS = ["constant", "poisson"] as const;

/** The name of such a process, as `--arrivals` takes it. */
export type ArrivalsName = (typeof ARRIVALS)[number];

/** What is called: one workload, or several by weight. */
export type LoadWorkload =
  | SingleWorkload
  | {
    readonly kind: "mix";
    /** Two at least, WORKLOADS_MAX at most. */
    readonly parts: readonly WorkloadPart[];
  };

/** One workload of a load, and its share of the calls: its weight over the sum of all. */
export interface WorkloadPart {
  readonly workload: SingleWorkload;
  /** Positive. */
  readonly weight: number;
}

/** Workloads of one load: each has its histogram in every thread, of 300 kB. */
export const WORKLOADS_MAX = 16;

/** One method, a workload that is made up, or the requests of a file over and over. */
export type SingleWorkload =
  | { readonly kind: "method"; readonly method: OwnMethod; readonly choice: RequestChoice }
  | { readonly kind: "infer"; readonly model: ModelChoice; readonly choice: RequestChoice }
  | { readonly kind: "random" }
  | { readonly kind: "numstore" }
  | {
    readonly kind: "file";
    readonly file: string;
    /** One at least. */
    readonly requests: readonly WorkloadRequest[];
  };

/** Which requests a method is called with: vectors, or keys. */
export interface RequestChoice {
  /** Floats of a vector; `undefined` where requests have none. */
  readonly inputs: number | undefined;
  /** Vectors, or keys, to draw from. */
  readonly distinct: number;
  /** The exponent of their popularity; 0 is uniform. */
  readonly zipf: number;
}

/** Which model `infer` calls, and what it is given. */
export interface ModelChoice {
  readonly name: string;
  /** `undefined` for the one that the model's policy takes. */
  readonly version: string | undefined;
  /** Of the batch that each request brings; `undefined` for 1, of a model that takes batches or none. */
  readonly rows: number | undefined;
  /**
   * What a request holds, once the server has been asked; until then none, and `inputs` of the choice is the
   * size of dimensions that may be any, `undefined` where nothing was said of it.
   */
  readonly tensors: readonly ModelTensor[];
}

/** An input of a model, of a shape without -1. */
export interface ModelTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
}

/**
 * When calls are made. Closed: each slot's next call follows its last answer. Open: calls are due by the
 * clock, whatever has become of those before.
 */
export type LoadLoop =
  | {
    readonly kind: "closed";
    /** Calls at once on each connection. */
    readonly inflight: number;
  }
  | {
    readonly kind: "open";
    /** Of all threads together. */
    readonly ratePerSecond: number;
    readonly arrivals: ArrivalsName;
  };

/** What is measured after the warm-up: a time, or a number of calls of all threads together. */
export type LoadLength =
  | { readonly kind: "duration"; readonly durationMs: number }
  | { readonly kind: "requests"; readonly requests: number };

/** All that a run of `client bench` does. Plain data, so that threads can be sent it. */
export interface LoadPlan {
  readonly workload: LoadWorkload;
  readonly loop: LoadLoop;
  readonly length: LoadLength;
  /** One for each thread at least. */
  readonly connections: number;
  readonly threads: number;
  readonly warmupMs: number;
  readonly deadlineMs: number;
  /** An unsigned 32-bit integer: same seed, same requests and the same arrivals. */
  readonly seed: number;
}

/** The workloads of a load, one at least, in the order in which they were asked for. */
export function partsOf(workload: LoadWorkload): readonly WorkloadPart[] {
  return workload.kind === "mix" ? workload.parts : [{ workload, weight: 1 }];
}

/** What a workload is called: the method, the kind, or the file. */
export function nameOf(workload: SingleWorkload): string {
  switch (workload.kind) {
    case "method":
      return workload.method;
    case "infer":
      return `infer ${workload.model.name}`;
    case "file":
      return workload.file;
    default:
      return workload.kind;
  }
}

/** A thread's part of `total` things that are dealt out one by one. */
export function shareOf(total: number, thread: number, threads: number): number {
  return Math.floor(total / threads) + (thread < total % threads ? 1 : 0);
}

/**
 * What a thread of an open loop is given to do by default, in calls a second: half of what it can, so that
 * it sends on time. Each takes a whole processor to watch the clock, which a server on this machine misses.
 */
const OPEN_RATE_PER_THREAD = 50_000;

/**
 * As many threads as pay: a thread with one connection has nothing to collect into one write, and those of
 * a closed loop that took more than half of the processors would take them from a server on the same
 * machine. On two processors that cost it a quarter of its answers, and one thread makes a few hundred
 * thousand calls a second.
 */
export function defaultThreads(loop: LoadLoop, connections: number, processors: number): number {
  const enough = loop.kind === "open"
    ? Math.ceil(loop.ratePerSecond / OPEN_RATE_PER_THREAD)
    : processors >> 1;
  const most = Math.min(Math.floor(connections / 2), processors, THREADS_MAX);
  return Math.max(1, Math.min(enough, most));
}
