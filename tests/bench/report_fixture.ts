import { LatencyHistogram } from "../../lib/bench/latency_histogram.ts";
import { type BenchReport, type Distribution, REPORT_SCHEMA } from "../../lib/bench/report.ts";

/** The distribution of times in milliseconds. */
export function distributionOf(timesMs: readonly number[]): Distribution {
  const histogram = new LatencyHistogram();
  for (const timeMs of timesMs) histogram.record(timeMs);
  return histogram.distribution();
}

/** A report of a closed loop whose calls took 1, 2, … 10 ms. */
export function reportOf(change: Partial<BenchReport> = {}): BenchReport {
  const latency = distributionOf([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  return {
    schema: REPORT_SCHEMA,
    startedAt: "2020-01-02T03:04:05.678Z",
    target: "127.0.0.1:5440",
    client: { version: "1.2.3", deno: "2.7.11", processors: 2 },
    options: {
      workload: "predict",
      loop: "closed",
      connections: 8,
      inflight: 1,
      ratePerSecond: null,
      arrivals: null,
      durationMs: 10_000,
      requests: null,
      warmupMs: 1_000,
      threads: 2,
      seed: 7,
      deadlineMs: 30_000,
      inputs: 10,
      distinct: 1,
      zipf: 0,
      tls: false,
    },
    elapsedMs: 10_000,
    offeredPerSecond: null,
    achievedPerSecond: 1,
    calls: 10,
    errors: [],
    latency,
    service: latency,
    hits: null,
    misses: null,
    coalesced: null,
    server: null,
    workloads: null,
    bytesSent: 1_234,
    bytesReceived: 56_789,
    series: [{ second: 0, calls: 10, errors: 0, p50Ms: 5, p99Ms: 10 }],
    warnings: [],
    ...change,
  };
}
