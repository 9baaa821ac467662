import type { InferTiming } from "./infer.ts";

const MICROSECONDS_PER_MS = 1_000;

/**
 * The value of a `server-timing` field: `queue;dur=0.012, compute;dur=1.204, cache;dur=0.003`.
 *
 * Source: W3C Server Timing, "The Server-Timing Header Field". Durations are in milliseconds to three
 * decimals; what took less than half a microsecond is left out.
 *
 * @returns empty when nothing is left
 *
 * @example
 * ```ts
 * import { formatServerTiming } from "./server_timing.ts";
 * const text = formatServerTiming({ queueMs: 0.0123, computeMs: 1.5, cacheMs: 0 });
 * if (text !== "queue;dur=0.012, compute;dur=1.5") throw new Error(text);
 * ```
 */
export function formatServerTiming({ queueMs, computeMs, cacheMs }: InferTiming): string {
  return part(part(part("", "queue", queueMs), "compute", computeMs), "cache", cacheMs);
}

function part(before: string, name: string, ms: number): string {
  if (ms === 0) return before;
  const microseconds = Math.round(ms * MICROSECONDS_PER_MS);
  if (microseconds === 0) return before;
  const separator = before === "" ? "" : ", ";
  return `${before}${separator}${name};dur=${microseconds / MICROSECONDS_PER_MS}`;
}
