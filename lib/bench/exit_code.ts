import type { SloOutcome } from "./slo_search.ts";
import type { SweepOutcome } from "./sweep.ts";

const EXIT_SUCCESS = 0;

/** The exit code of runs without a single call that was answered well, and of a search without a result. */
const EXIT_NO_ANSWER = 1;

/** The exit code of one run. @param answered calls that were answered well */
export function exitOfRun(answered: number): number {
  return answered > 0 ? EXIT_SUCCESS : EXIT_NO_ANSWER;
}

/** The exit code of a sweep: one that was stopped has what it has measured, one that failed has not all. */
export function exitOfSweep({ points, cut }: SweepOutcome): number {
  if (cut?.kind === "failed") return EXIT_NO_ANSWER;
  return points.some(({ report }) => report.achievedPerSecond > 0) ? EXIT_SUCCESS : EXIT_NO_ANSWER;
}

/** The exit code of a search for an objective. */
export function exitOfSlo({ keepsPerSecond, problem }: SloOutcome): number {
  return keepsPerSecond === null || problem !== null ? EXIT_NO_ANSWER : EXIT_SUCCESS;
}
