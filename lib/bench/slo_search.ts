import type { BenchReport } from "./report.ts";
import { type Slo, sloBreach, sloValueMs } from "./slo.ts";

/** Makes one run of an open loop; what it throws ends the search. */
export type RunAtRate = (ratePerSecond: number) => Promise<BenchReport>;

/** The first rate that is tried where none is given: any server that answers makes it. */
export const RATE_START = 1_000;

/** Less than one call a second gives no percentile in a run of reasonable length. */
export const RATE_MIN = 1;

/** More than any client of this machine or the next can make; the search ends there. */
export const RATE_MAX = 10_000_000;

/**
 * The most runs of one search. From 1000 calls a second to a million are ten doublings, five halvings
 * come down to the tolerance, and each rate that breaks the objective is tried twice.
 */
export const RUNS_MAX = 32;

/** The search ends when the highest rate that keeps and the lowest that breaks are as near as this. */
export const RATE_TOLERANCE = 0.05;

/** One run of the search. */
export interface SloStep {
  /** From 1. */
  readonly run: number;
  readonly ratePerSecond: number;
  readonly achievedPerSecond: number;
  readonly valueMs: number;
  /** Why the run breaks the objective; undefined if it keeps it. */
  readonly breach: ReturnType<typeof sloBreach>;
}

/** What the search found. */
export interface SloOutcome {
  /** The highest rate that kept the objective; `null` if none did. */
  readonly keepsPerSecond: number | null;
  /** The lowest rate that broke it twice; `null` if none did. */
  readonly breaksPerSecond: number | null;
  /** Why it ended: close enough, at a bound of the rate, or out of runs. */
  readonly end: "found" | "lowest rate" | "highest rate" | "most runs";
  readonly runs: number;
}

/**
 * The highest rate of an open loop at which a server keeps an objective.
 *
 * From the first rate it doubles while the objective is kept, or halves while it is broken, until it has
 * one rate of each; then it tries the geometric mean of the two until they are within the tolerance. A
 * rate counts as broken when it breaks the objective twice: one stall is noise, two are the server. It
 * makes at most `RUNS_MAX` runs, one after the other, and so always ends.
 *
 * @param first the rate of the first run
 * @param onStep told of each run once it is over
 */
export async function searchSlo(
  slo: Slo,
  first: number,
  run: RunAtRate,
  onStep: (step: SloStep) => void,
): Promise<SloOutcome> {
  let runs = 0;
  let keeps: number | null = null;
  let breaks: number | null = null;

  async function keepsAt(ratePerSecond: number): Promise<boolean> {
    runs++;
    const report = await run(ratePerSecond);
    const breach = sloBreach(slo, report);
    const { achievedPerSecond } = report;
    const valueMs = sloValueMs(slo, report);
    onStep({ run: runs, ratePerSecond, achievedPerSecond, valueMs, breach });
    return breach === undefined;
  }

  let rate: number | null = clampRate(first);
  while (rate !== null) {
    // A rate that there are no runs left to try twice would stay undecided.
    if (runs + 2 > RUNS_MAX) return outcome("most runs");
    if (await keepsAt(rate) || await keepsAt(rate)) keeps = rate;
    else breaks = rate;
    rate = nextRate(keeps, breaks);
  }
  return outcome(breaks === null ? "highest rate" : keeps === null ? "lowest rate" : "found");

  function outcome(end: SloOutcome["end"]): SloOutcome {
    return { keepsPerSecond: keeps, breaksPerSecond: breaks, end, runs };
  }
}

/** `null` where there is nothing more to try. */
function nextRate(keeps: number | null, breaks: number | null): number | null {
  if (keeps === null) return breaks === RATE_MIN ? null : clampRate((breaks ?? RATE_START) / 2);
  if (breaks === null) return keeps === RATE_MAX ? null : clampRate(keeps * 2);
  const middle = Math.round(Math.sqrt(keeps * breaks));
  const isClose = breaks <= keeps * (1 + RATE_TOLERANCE) || middle <= keeps || middle >= breaks;
  return isClose ? null : middle;
}

function clampRate(rate: number): number {
  return Math.min(Math.max(Math.round(rate), RATE_MIN), RATE_MAX);
}
