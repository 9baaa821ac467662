import { BENCH_CALLS_MAX } from "../limits.ts";
import type { LoadLength } from "./load_plan.ts";
import type { BenchReport } from "./report.ts";
import { type Cut, runOneOfMany } from "./run_of_many.ts";
import { type Slo, sloBreach, sloValueMs } from "./slo.ts";
import { tellsOfClient } from "./warnings.ts";

const MS_PER_SECOND = 1_000;

/** Makes one run of an open loop. */
export type RunAtRate = (ratePerSecond: number) => Promise<BenchReport>;

/** The first rate that is tried where none is given: any server that answers makes it. */
export const RATE_START = 1_000;

/** Less than one call a second gives no percentile in a run of reasonable length. */
export const RATE_MIN = 1;

/** The highest rate of a run, and of a search: more than any client of this machine or the next can make. */
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
  /** Those of the run's report. */
  readonly warnings: readonly string[];
}

/** What the search found. */
export interface SloOutcome {
  /** The highest rate that kept the objective; `null` if none did. */
  readonly keepsPerSecond: number | null;
  /** The lowest rate that broke it twice; `null` if none did. */
  readonly breaksPerSecond: number | null;
  /** Whether a run that broke it at that rate warned that the client, not the server, was its limit. */
  readonly clientLimited: boolean;
  /** Why it ended: close enough, at a bound of the rate, out of runs, by a signal, or as a run failed. */
  readonly end:
    | "found"
    | "lowest rate"
    | "highest rate"
    | "most runs"
    | "stopped"
    | "failed";
  /** Why a run failed; `null` unless it ended for that. */
  readonly problem: string | null;
  /** Those that count: not one that was cut short, or failed. */
  readonly runs: number;
}

/** How the runs of a search are made. */
export interface SloSearchOptions {
  /** The rate of the first run. */
  readonly first: number;
  /** The highest rate that is tried; see `rateMaxOf`. */
  readonly rateMax: number;
  readonly run: RunAtRate;
  /** Told of each run once it is over. */
  readonly onStep: (step: SloStep) => void;
  /** Ends the search; the run that it cuts is left out. */
  readonly signal: AbortSignal;
}

/** The highest rate at which runs of this length make no more than BENCH_CALLS_MAX calls. */
export function rateMaxOf(length: LoadLength): number {
  if (length.kind === "requests") return RATE_MAX;
  const perSecond = Math.floor(BENCH_CALLS_MAX * MS_PER_SECOND / length.durationMs);
  return Math.min(perSecond, RATE_MAX);
}

/**
 * The highest rate of an open loop at which a server keeps an objective.
 *
 * From the first rate it doubles while the objective is kept, or halves while it is broken, until it has
 * one rate of each; then it tries the geometric mean of the two until they are within the tolerance. A
 * rate counts as broken when it breaks the objective twice: one stall is noise, two are the server. It
 * makes at most `RUNS_MAX` runs, one after the other, and so always ends.
 *
 * @throws {OperationError} why the first run failed; a later one's failure ends the search
 */
export async function searchSlo(
  slo: Slo,
  { first, rateMax, run, onStep, signal }: SloSearchOptions,
): Promise<SloOutcome> {
  let runs = 0;
  let keeps: number | null = null;
  let breaks: number | null = null;
  let clientLimited = false;

  async function stepAt(ratePerSecond: number): Promise<SloStep | Cut> {
    const ran = await runOneOfMany({ run: () => run(ratePerSecond), signal, isFirst: runs === 0 });
    if (ran.kind !== "report") return ran;
    const { report } = ran;
    const { achievedPerSecond, warnings } = report;
    const [valueMs, breach] = [sloValueMs(slo, report), sloBreach(slo, report)];
    const step = { run: ++runs, ratePerSecond, achievedPerSecond, valueMs, breach, warnings };
    onStep(step);
    return step;
  }

  let rate: number | null = clampRate(first, rateMax);
  while (rate !== null) {
    // A rate that there are no runs left to try twice would stay undecided.
    if (runs + 2 > RUNS_MAX) return outcome("most runs");
    const tries: SloStep[] = [];
    while (tries.length < 2 && tries.every(({ breach }) => breach !== undefined)) {
      const step = await stepAt(rate);
      if ("kind" in step) {
        return outcome(step.kind, step.kind === "failed" ? step.problem : null);
      }
      tries.push(step);
    }
    if (tries.some(({ breach }) => breach === undefined)) keeps = rate;
    else {
      breaks = rate;
      clientLimited = tries.some(({ warnings }) => warnings.some(tellsOfClient));
    }
    rate = nextRate(keeps, breaks, rateMax);
  }
  return outcome(breaks === null ? "highest rate" : keeps === null ? "lowest rate" : "found");

  function outcome(end: SloOutcome["end"], problem: string | null = null): SloOutcome {
    return { keepsPerSecond: keeps, breaksPerSecond: breaks, clientLimited, end, problem, runs };
  }
}

/** `null` where there is nothing more to try. */
function nextRate(keeps: number | null, breaks: number | null, rateMax: number): number | null {
  if (keeps === null) {
    return breaks === RATE_MIN ? null : clampRate((breaks ?? RATE_START) / 2, rateMax);
  }
  if (breaks === null) return keeps === rateMax ? null : clampRate(keeps * 2, rateMax);
  const middle = Math.round(Math.sqrt(keeps * breaks));
  const isClose = breaks <= keeps * (1 + RATE_TOLERANCE) || middle <= keeps || middle >= breaks;
  return isClose ? null : middle;
}

function clampRate(rate: number, rateMax: number): number {
  return Math.min(Math.max(Math.round(rate), RATE_MIN), rateMax);
}
