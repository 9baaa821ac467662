import type { ClosedLoopResult } from "./closed_loop.ts";

/** The clock of the latencies, `performance.now()`, counts nanoseconds: further digits are noise. */
const NANOSECONDS_PER_SECOND = 1e9;

const MS_PER_SECOND = 1000;

/** Spaces per level of the printed JSON. Source: spec modelserver, "Client". */
const INDENT_SPACES = 4;

/** What a run is judged by. */
export interface Statistics {
  /** Hits over look-ups, from 0 to 1; 0 if there was no look-up. */
  readonly cacheHitRate: number;
  /** The median latency over all calls in milliseconds; null if there was no call. */
  readonly p50LatencyMs: number | null;
  /** The 99th percentile of latency over all calls in milliseconds; null if there was no call. */
  readonly p99LatencyMs: number | null;
}

/**
 * The statistics of all threads of a run together: percentiles over all their calls, not means of
 * their percentiles.
 *
 * Cost: sorts a copy of all latencies, 100 ms for a million.
 *
 * @param results one per thread; not changed
 */
export function summarize(
  results: readonly Pick<ClosedLoopResult, "latenciesMs" | "lookUps" | "hits">[],
): Statistics {
  const sorted = concatenate(results.map(({ latenciesMs }) => latenciesMs)).sort();
  const lookUps = sum(results.map((result) => result.lookUps));
  const hits = sum(results.map((result) => result.hits));
  return {
    cacheHitRate: lookUps === 0 ? 0 : hits / lookUps,
    p50LatencyMs: sorted.length === 0 ? null : percentile(sorted, 50),
    p99LatencyMs: sorted.length === 0 ? null : percentile(sorted, 99),
  };
}

/**
 * The `q`-th percentile of `sorted`, linear between the two nearest ranks, to the last bit what
 * `numpy.percentile(sorted, q)` gives for float64.
 *
 * Source: Hyndman and Fan, "Sample quantiles in statistical packages" (1996), definition 7.
 *
 * @param sorted ascending, at least one number, no NaN
 * @param q from 0 to 100
 * @throws {RangeError} if `sorted` is empty or `q` is out of range
 *
 * @example
 * ```ts
 * import { percentile } from "./statistics.ts";
 * if (percentile(Float64Array.of(1, 2, 3, 4), 50) !== 2.5) throw new Error("Wrong median");
 * ```
 */
export function percentile(sorted: Float64Array, q: number): number {
  if (!(q >= 0 && q <= 100)) {
    throw new RangeError(`Cannot take the percentile: q is ${q}, needs 0 to 100`);
  }
  if (sorted.length === 0) {
    throw new RangeError("Cannot take the percentile: no values, needs at least 1");
  }
  const rank = (sorted.length - 1) * (q / 100);
  const below = Math.floor(rank);
  const low = sorted[below];
  const high = sorted[Math.min(below + 1, sorted.length - 1)];
  // From the nearer end, as numpy does, so that equal neighbours give themselves exactly.
  const fraction = rank - below;
  return fraction < 0.5 ? low + (high - low) * fraction : high - (high - low) * (1 - fraction);
}

/**
 * The statistics as the JSON that the client prints, times in seconds to the nanosecond, without a
 * final line break. What is null stays null: JSON has no NaN.
 *
 * Source: spec modelserver, "Client".
 */
export function formatStatistics(statistics: Statistics): string {
  return JSON.stringify(
    {
      cache_hit_rate: statistics.cacheHitRate,
      p50_response_time: toSeconds(statistics.p50LatencyMs),
      p99_response_time: toSeconds(statistics.p99LatencyMs),
    },
    null,
    INDENT_SPACES,
  );
}

function toSeconds(latencyMs: number | null): number | null {
  if (latencyMs === null) return null;
  return Math.round(latencyMs / MS_PER_SECOND * NANOSECONDS_PER_SECOND) / NANOSECONDS_PER_SECOND;
}

function concatenate(arrays: readonly Float64Array[]): Float64Array<ArrayBuffer> {
  const all = new Float64Array(sum(arrays.map(({ length }) => length)));
  let filled = 0;
  for (const array of arrays) {
    all.set(array, filled);
    filled += array.length;
  }
  return all;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
