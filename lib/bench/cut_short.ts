import type { LoadLength } from "./load_plan.ts";

const MS_PER_SECOND = 1_000;

/** What a run that a signal ended had measured by then. */
export interface Measured {
  readonly elapsedMs: number;
  readonly calls: number;
}

/**
 * The warning of a run that a signal ended: how much of it was measured.
 *
 * @returns `undefined` where all of it was, the signal having come after its end
 */
export function cutShortWarning(
  length: LoadLength,
  { elapsedMs, calls }: Measured,
): string | undefined {
  const isWhole = length.kind === "duration"
    ? elapsedMs >= length.durationMs
    : calls >= length.requests;
  if (isWhole) return undefined;
  if (elapsedMs === 0 && calls === 0) {
    return "Ended by a signal during the warm-up: nothing was measured";
  }
  const part = length.kind === "duration"
    ? `${seconds(elapsedMs)} of ${seconds(length.durationMs)}`
    : `${calls} of ${length.requests} calls`;
  return `Ended by a signal after ${part}`;
}

function seconds(ms: number): string {
  return `${Number((ms / MS_PER_SECOND).toPrecision(2))} s`;
}
