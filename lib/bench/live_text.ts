import type { SecondSeen } from "./run_tally.ts";

/** One second of a run in a line for a terminal: its calls are no rate, as the run may end within it. */
export function liveText({ second, calls, errors, p50Ms, p99Ms, hitRate }: SecondSeen): string {
  return [
    `${second + 1} s`,
    `${calls} calls`,
    `p50 ${p50Ms.toFixed(3)} ms`,
    `p99 ${p99Ms.toFixed(3)} ms`,
    `${errors} errors`,
    ...(hitRate === null ? [] : [`${(100 * hitRate).toFixed(1)} % hits`]),
  ].join("  ");
}
