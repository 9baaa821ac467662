import { formatNumber } from "../quantity.ts";
import type { LoadOptions } from "../report.ts";

const MS_PER_SECOND = 1000;

/** The options of a run as pairs of name and value; those that do not apply are left out. */
export function describeOptions(options: LoadOptions): (readonly [name: string, value: string])[] {
  const { loop, arrivals, distinct, zipf } = options;
  const rows: readonly (readonly [string, string | number | null])[] = [
    ["workload", options.workload],
    ["loop", loop === "open" && arrivals !== null ? `open, ${arrivals} arrivals` : loop],
    ["connections", options.connections],
    ["in flight on each", options.inflight],
    ["calls due per second", options.ratePerSecond],
    ["duration", seconds(options.durationMs)],
    ["requests", options.requests],
    ["warm-up", seconds(options.warmupMs)],
    ["threads", options.threads],
    ["deadline", seconds(options.deadlineMs)],
    ["floats of a vector", options.inputs],
    [options.inputs === null ? "distinct keys" : "distinct vectors", distinct],
    ["popularity", zipf === null ? null : zipf === 0 ? "uniform" : `Zipf, exponent ${zipf}`],
    ["TLS", options.tls ? "yes" : "no"],
    // Without separators: it is to be copied.
    ["seed", `${options.seed}`],
  ];
  return rows.flatMap(([name, value]) =>
    value === null ? [] : [[name, typeof value === "number" ? formatNumber(value) : value] as const]
  );
}

function seconds(ms: number | null): string | null {
  return ms === null ? null : `${formatNumber(ms / MS_PER_SECOND)} s`;
}
