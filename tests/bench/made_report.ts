import {
  type BenchReport,
  type Distribution,
  type PercentilePoint,
  REPORT_SCHEMA,
} from "../../lib/bench/report.ts";

/** What a made report is of; everything else is fixed. */
export interface Making {
  /** Calls, those that fail included. */
  readonly ratePerSecond?: number;
  /** Median of latency; the tail is exponential. */
  readonly p50Ms?: number;
  readonly seconds?: number;
  /** Calls that fail in each second. */
  readonly failing?: number;
}

/**
 * A report of an exponential latency, without noise: `count` calls whose quantiles are the exact ones.
 */
export function makeReport(
  { ratePerSecond = 1000, p50Ms = 1, seconds = 10, failing = 0 }: Making = {},
  changes: Partial<BenchReport> = {},
): BenchReport {
  const calls = ratePerSecond * seconds;
  return {
    schema: REPORT_SCHEMA,
    startedAt: "2025-03-01T12:00:00.000Z",
    target: "127.0.0.1:5440",
    client: { version: "0.1.0", deno: "2.7.11", processors: 2 },
    options: {
      workload: "predict",
      loop: "open",
      connections: 4,
      inflight: null,
      ratePerSecond,
      arrivals: "poisson",
      durationMs: seconds * 1000,
      requests: null,
      warmupMs: 1000,
      threads: 2,
      seed: 12_345,
      deadlineMs: null,
      inputs: 10,
      distinct: 10_000,
      zipf: 0.99,
      tls: false,
    },
    elapsedMs: seconds * 1000,
    offeredPerSecond: ratePerSecond,
    achievedPerSecond: ratePerSecond - failing,
    calls,
    errors: failing === 0 ? [] : [{ code: "UNAVAILABLE", count: failing * seconds }],
    latency: makeDistribution(p50Ms, calls),
    service: makeDistribution(p50Ms * 0.6, calls),
    hits: makeDistribution(p50Ms * 0.5, Math.floor(calls / 4)),
    misses: makeDistribution(p50Ms, calls - Math.floor(calls / 4)),
    coalesced: null,
    server: null,
    workloads: null,
    bytesSent: calls * 100,
    bytesReceived: calls * 50,
    series: Array.from({ length: seconds }, (_, second) => ({
      second,
      // Differs from second to second, as that of a run does, but always in the same way.
      calls: Math.round(ratePerSecond * (1 + ((second * 7) % 5 - 2) / 100)),
      errors: failing,
      p50Ms: p50Ms * (1 + ((second * 3) % 7 - 3) / 50),
      p99Ms: p50Ms * 6.6 * (1 + ((second * 5) % 7 - 3) / 30),
    })),
    warnings: [],
    ...changes,
  };
}

/** An exponential distribution, the percentiles of its curve halving their distance to 100 five times a step. */
export function makeDistribution(p50Ms: number, count: number): Distribution {
  const quantile = (share: number) => p50Ms * Math.log2(1 / (1 - share));
  const maxMs = quantile(1 - 1 / (count + 1));
  const curve: PercentilePoint[] = [];
  for (let share = 0; share < 1 - 1 / count; share += (1 - share) / 6) {
    const reached = Math.max(1, Math.ceil(share * count));
    curve.push({ percentile: share * 100, valueMs: quantile(share) + 0.001, count: reached });
  }
  curve.push({ percentile: 100, valueMs: maxMs, count });
  return {
    count,
    minMs: 0.001,
    meanMs: p50Ms / Math.LN2,
    stdDevMs: p50Ms / Math.LN2,
    p50Ms: quantile(0.5),
    p90Ms: quantile(0.9),
    p99Ms: quantile(0.99),
    p999Ms: quantile(0.999),
    p9999Ms: quantile(0.9999),
    maxMs,
    curve,
  };
}
