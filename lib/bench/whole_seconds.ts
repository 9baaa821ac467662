import { BENCH_DURATION_MS_MAX } from "../limits.ts";
import type { BenchReport, SecondOfRun } from "./report.ts";

const MS_PER_SECOND = 1000;

type Course = Pick<BenchReport, "series" | "elapsedMs">;

/**
 * The seconds of a run, without the last one where the run ended within it: that holds fewer calls for no
 * other reason.
 */
export function wholeSeconds({ series, elapsedMs }: Course): SecondOfRun[] {
  return series.filter(({ second }) => (second + 1) * MS_PER_SECOND <= elapsedMs);
}

/**
 * As `wholeSeconds`, and those at the run's end in which no call ended, as when the server hung: the series
 * has none of them.
 */
export function coveredSeconds(course: Course): SecondOfRun[] {
  const told = wholeSeconds(course);
  const next = (told.at(-1)?.second ?? -1) + 1;
  const seconds = Math.floor(Math.min(course.elapsedMs, BENCH_DURATION_MS_MAX) / MS_PER_SECOND);
  const missing = Array.from(
    { length: Math.max(0, seconds - next) },
    (_, index) => ({ second: next + index, calls: 0, errors: 0, p50Ms: 0, p99Ms: 0 }),
  );
  return told.concat(missing);
}
