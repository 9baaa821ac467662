import type { Distribution } from "./report.ts";

/**
 * A distribution as HdrHistogram's percentile output, which its plotter and others read (`.hgrm`).
 *
 * Values are in milliseconds with six decimals, so to the nanosecond; percentiles are from 0 to 1. The
 * footer leaves the line of `#[Buckets …` out: how the values were counted is not in a report, and
 * readers skip lines that start with `#`.
 *
 * Source: HdrHistogram 2.2, `AbstractHistogram.outputPercentileDistribution`.
 *
 * @returns the lines, each with its line break; without values only the head and the footer
 *
 * @example
 * ```ts
 * import { formatHgrm } from "./hgrm.ts";
 * const ms = { p50Ms: 2, p90Ms: 2, p99Ms: 2, p999Ms: 2, p9999Ms: 2 };
 * const text = formatHgrm({
 *   ...ms, count: 1, minMs: 2, meanMs: 2, stdDevMs: 0, maxMs: 2,
 *   curve: [{ percentile: 100, valueMs: 2, count: 1 }],
 * });
 * if (!text.includes("    2.000000 1.000000000000          1\n")) throw new Error(text);
 * ```
 */
export function formatHgrm(distribution: Distribution): string {
  const { curve, count, meanMs, stdDevMs, maxMs } = distribution;
  const lines = curve.map((point) => {
    const share = point.percentile / 100;
    const columns = [time(point.valueMs), share.toFixed(12), `${point.count}`.padStart(10)];
    // HdrHistogram leaves the column out where it is infinite, and so ends the curve for its plotter.
    if (share < 1) columns.push((1 / (1 - share)).toFixed(2).padStart(14));
    return `${columns.join(" ")}\n`;
  });
  return [
    `${"Value".padStart(12)} ${"Percentile".padStart(14)} TotalCount 1/(1-Percentile)\n\n`,
    ...lines,
    `#[Mean    = ${time(meanMs)}, StdDeviation   = ${time(stdDevMs)}]\n`,
    `#[Max     = ${time(maxMs)}, Total count    = ${`${count}`.padStart(12)}]\n`,
  ].join("");
}

function time(ms: number): string {
  return ms.toFixed(6).padStart(12);
}
