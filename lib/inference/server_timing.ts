import type { InferTiming } from "./infer.ts";

/** A microsecond: what is less is noise of the clock. */
const DECIMALS = 3;

/**
 * The value of a `server-timing` header: milliseconds with at most three decimals.
 *
 * Source: W3C Server Timing, §3.
 *
 * @example
 * ```ts
 * import { formatServerTiming } from "./server_timing.ts";
 * const text = formatServerTiming({ queueMs: 0.0121, computeMs: 1.2, cacheMs: 0 });
 * if (text !== "queue;dur=0.012, compute;dur=1.2, cache;dur=0") throw new Error(text);
 * ```
 */
export function formatServerTiming({ queueMs, computeMs, cacheMs }: InferTiming): string {
  return `queue;dur=${decimal(queueMs)}, compute;dur=${decimal(computeMs)}, ` +
    `cache;dur=${decimal(cacheMs)}`;
}

function decimal(ms: number): number {
  return Number(ms.toFixed(DECIMALS));
}
