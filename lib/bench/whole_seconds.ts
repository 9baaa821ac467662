import type { BenchReport, SecondOfRun } from "./report.ts";

const MS_PER_SECOND = 1000;

/**
 * The seconds of a run, without the last one where the run ended within it: that holds fewer calls for no
 * other reason.
 */
export function wholeSeconds(
  { series, elapsedMs }: Pick<BenchReport, "series" | "elapsedMs">,
): SecondOfRun[] {
  return series.filter(({ second }) => (second + 1) * MS_PER_SECOND <= elapsedMs);
}
