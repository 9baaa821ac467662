import process from "node:process";
import { percentile } from "../lib/workload/statistics.ts";

/** What one load measured. */
export interface LoadResult {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** What a call cost this process, on all its threads: microseconds of processor time. */
  readonly cpuUs: number;
}

/** What a load process is told on its command line. */
export interface LoadOptions {
  readonly port: number;
  readonly connections: number;
  /** Calls in flight on each connection. */
  readonly inflight: number;
  readonly durationMs: number;
}

/** Until then code is compiled; these calls count for nothing. */
const WARM_UP_MS = 1_000;

/** The input of every call: ten floats, so that all but the first Predict are cache hits. */
export const VECTOR: readonly number[] = Array.from({ length: 10 }, (_, i) => i / 10);

/** Reads PORT CONNECTIONS INFLIGHT SECONDS. */
export function parseLoadOptions(args: readonly string[]): LoadOptions {
  const [port, connections, inflight, seconds] = args.map(Number);
  return { port, connections, inflight, durationMs: seconds * 1_000 };
}

/**
 * Makes calls in a closed loop: `inflight` for each of `calls`, one per connection, the next when one
 * is answered. Prints what was measured as a line of JSON.
 */
export async function runClosedLoad(
  calls: readonly (() => Promise<unknown>)[],
  { inflight, durationMs }: LoadOptions,
): Promise<void> {
  await loop(calls, inflight, WARM_UP_MS, []);
  const latenciesMs: number[] = [];
  const before = process.cpuUsage();
  const elapsedMs = await loop(calls, inflight, durationMs, latenciesMs);
  const { user, system } = process.cpuUsage(before);
  const sorted = Float64Array.from(latenciesMs).sort();
  const result: LoadResult = {
    callsPerSecond: sorted.length / elapsedMs * 1_000,
    p50Ms: percentile(sorted, 50),
    p99Ms: percentile(sorted, 99),
    cpuUs: (user + system) / sorted.length,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}

async function loop(
  calls: readonly (() => Promise<unknown>)[],
  inflight: number,
  durationMs: number,
  latenciesMs: number[],
): Promise<number> {
  const startMs = performance.now();
  const endMs = startMs + durationMs;
  const one = async (call: () => Promise<unknown>) => {
    for (;;) {
      const beginMs = performance.now();
      if (beginMs >= endMs) return;
      await call();
      latenciesMs.push(performance.now() - beginMs);
    }
  };
  await Promise.all(calls.flatMap((call) => Array.from({ length: inflight }, () => one(call))));
  return performance.now() - startMs;
}
