/** The name and version of the report's shape; a reader refuses others. */
export const REPORT_SCHEMA = "modelserver-bench/2";

/** How a load was made. `null` where the option does not apply. */
export interface LoadOptions {
  /** The method's name, or the workload's; of several `NAME:WEIGHT,NAME:WEIGHT`. */
  readonly workload: string;
  /** Closed: the next call follows the last one's answer. Open: calls are due by the clock. */
  readonly loop: "closed" | "open";
  readonly connections: number;
  /** Calls at once on each connection, in a closed loop. */
  readonly inflight: number | null;
  /** Calls per second that were to be made, in an open loop. */
  readonly ratePerSecond: number | null;
  readonly arrivals: "constant" | "poisson" | null;
  readonly durationMs: number | null;
  readonly requests: number | null;
  readonly warmupMs: number;
  readonly threads: number;
  readonly seed: number;
  readonly deadlineMs: number | null;
  /** Floats of a vector; `null` where requests have none, as those of keys. */
  readonly inputs: number | null;
  /** Vectors, or keys, that requests are drawn from, and the exponent of their popularity; 0 is uniform. */
  readonly distinct: number | null;
  readonly zipf: number | null;
  readonly tls: boolean;
}

/** One point of a latency curve. */
export interface PercentilePoint {
  /** 0 to 100. */
  readonly percentile: number;
  readonly valueMs: number;
  /** Calls that took no longer. */
  readonly count: number;
}

/** A distribution of times in milliseconds, of one merged histogram; never an average of percentiles. */
export interface Distribution {
  readonly count: number;
  readonly minMs: number;
  readonly meanMs: number;
  readonly stdDevMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly p9999Ms: number;
  readonly maxMs: number;
  /** The curve, as HdrHistogram's own percentile iteration gives it. */
  readonly curve: readonly PercentilePoint[];
}

/**
 * What the server says of its own time: how long calls waited for their turn, were computed, and took in the
 * cache. Each is of the answers that told it, `null` where none did.
 */
export interface ServerSplit {
  readonly queue: Distribution | null;
  readonly compute: Distribution | null;
  readonly cache: Distribution | null;
}

/** The calls of one of several workloads. */
export interface WorkloadFigures {
  /** The method's name, or the workload's. */
  readonly workload: string;
  /** Its share of the calls over the sum of all, as it was asked for. */
  readonly weight: number;
  readonly calls: number;
  readonly errors: readonly { readonly code: string; readonly count: number }[];
  /** From when a call was due. */
  readonly latency: Distribution;
}

/** What happened in one second of the run. */
export interface SecondOfRun {
  /** From the end of the warm-up, 0 for the first. */
  readonly second: number;
  readonly calls: number;
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** What one run measured. The JSON output is this object. */
export interface BenchReport {
  readonly schema: typeof REPORT_SCHEMA;
  /** When the warm-up began, in ISO 8601. */
  readonly startedAt: string;
  readonly target: string;
  readonly client: { readonly version: string; readonly deno: string; readonly processors: number };
  readonly options: LoadOptions;
  /** Without the warm-up. */
  readonly elapsedMs: number;
  /**
   * Calls that were due, over the time in which they were, but the rate that was asked for where calls are
   * counted rather than time; `null` in a closed loop.
   */
  readonly offeredPerSecond: number | null;
  /**
   * Answers without an error, over `elapsedMs` and within it: those that came after the end are calls, and
   * have their latency, but a server that falls behind does not keep up because it answers in the end.
   */
  readonly achievedPerSecond: number;
  /** All that were due in that time, however and whenever they ended. */
  readonly calls: number;
  readonly errors: readonly { readonly code: string; readonly count: number }[];
  /** From when a call was due; in a closed loop the same as `service`. */
  readonly latency: Distribution;
  /** From when a call was sent. */
  readonly service: Distribution;
  /** Latencies of calls that the cache answered, and of those it did not; `null` where it is not told. */
  readonly hits: Distribution | null;
  readonly misses: Distribution | null;
  /** Of calls that were answered with what was computed for another one; `null` where there are none. */
  readonly coalesced: Distribution | null;
  /** `null` where no answer told. */
  readonly server: ServerSplit | null;
  /** Each of several workloads; `null` where there is one. */
  readonly workloads: readonly WorkloadFigures[] | null;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly series: readonly SecondOfRun[];
  /** Why the figures may say more about the client than about the server. */
  readonly warnings: readonly string[];
}
