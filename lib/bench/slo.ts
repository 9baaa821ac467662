import { errorShareOf } from "./figure.ts";
import type { BenchReport, Distribution } from "./report.ts";

/** The figures of latency that an objective can be set for. */
export const SLO_FIGURES = ["mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"] as const;

/** What a server promises: that a figure of latency stays within a limit. */
export interface Slo {
  readonly figure: typeof SLO_FIGURES[number];
  readonly limitMs: number;
}

type TimeField = Exclude<keyof Distribution, "count" | "curve">;

/** For each figure its field, and the share of calls that may fail. */
const FIGURES: Readonly<Record<Slo["figure"], readonly [TimeField, number]>> = {
  "mean": ["meanMs", 0],
  "p50": ["p50Ms", 0.5],
  "p90": ["p90Ms", 0.1],
  "p99": ["p99Ms", 0.01],
  "p99.9": ["p999Ms", 0.001],
  "p99.99": ["p9999Ms", 0.0001],
  "max": ["maxMs", 0],
};

/** The share of calls due that have to be answered while the run lasts: what waits has no latency yet. */
export const PACE_MIN = 0.95;

/**
 * Why a run breaks the objective, or undefined if it keeps it.
 *
 * It keeps it when the latency, from when calls were due, is within the limit, no more calls failed than
 * may be slow (a hundredth for a p99; none for a mean or the longest), and the answers kept pace.
 */
export function sloBreach(
  { figure, limitMs }: Slo,
  report: BenchReport,
): "nothing answered" | "too many errors" | "too slow" | "fell behind" | undefined {
  const [, errorShareMax] = FIGURES[figure];
  if (report.latency.count === 0) return "nothing answered";
  if (errorShareOf(report) > errorShareMax) return "too many errors";
  if (sloValueMs({ figure }, report) > limitMs) return "too slow";
  return keepsPace(report) ? undefined : "fell behind";
}

/** Whether the answers of a run kept pace with what was due; always so in a closed loop. */
export function keepsPace(
  { achievedPerSecond, offeredPerSecond }: Pick<
    BenchReport,
    "achievedPerSecond" | "offeredPerSecond"
  >,
): boolean {
  return achievedPerSecond >= (offeredPerSecond ?? 0) * PACE_MIN;
}

/** The figure of latency that the objective is set for. */
export function sloValueMs({ figure }: Pick<Slo, "figure">, { latency }: BenchReport): number {
  const [field] = FIGURES[figure];
  return latency[field];
}
