import type { BenchReport } from "./report.ts";
import { type Cut, runOneOfMany } from "./run_of_many.ts";
import { keepsPace } from "./slo.ts";

/** The most loads of one sweep: at ten seconds each they take ten minutes. */
export const LOADS_MAX = 64;

/** The share of its growth that a greater load has to bring in answers: 10 % for a doubled load. */
export const GROWTH_MIN = 0.1;

/** What one load of a sweep gave. */
export interface SweepPoint {
  /** Connections of a closed loop, calls per second of an open one. */
  readonly load: number;
  readonly report: BenchReport;
}

/** What a sweep measured. */
export interface SweepOutcome {
  /** Of the first loads, all of them if nothing cut the sweep short. */
  readonly points: readonly SweepPoint[];
  /** Why there is no point of the next load; `null` if there is one of each. */
  readonly cut: Cut | null;
}

/** How the runs of a sweep are made. */
export interface SweepOptions {
  readonly run: (load: number) => Promise<BenchReport>;
  /** Told of each run once it is over. */
  readonly onPoint: (point: SweepPoint) => void;
  /** Ends the sweep; the run that it cuts is left out. */
  readonly signal: AbortSignal;
}

/**
 * Makes one run for each load, one after the other. What a load is depends on the loop: a closed one is
 * loaded by its connections, each with the same number of calls in flight, an open one by the calls per
 * second that are due.
 *
 * @param loads ascending positive integers, at most `LOADS_MAX`
 * @throws {OperationError} why the first run failed; a later one's failure ends the sweep
 * @throws {RangeError} if the loads are too many, or do not ascend
 */
export async function sweep(
  loads: readonly number[],
  { run, onPoint, signal }: SweepOptions,
): Promise<SweepOutcome> {
  const areGood = loads.every((load, index) =>
    Number.isInteger(load) && load > (index === 0 ? 0 : loads[index - 1])
  );
  if (!areGood || loads.length > LOADS_MAX) {
    throw new RangeError(
      `Cannot sweep: loads are ${loads}, need at most ${LOADS_MAX} ascending positive integers`,
    );
  }
  const points: SweepPoint[] = [];
  for (const load of loads) {
    const isFirst = points.length === 0;
    const outcome = await runOneOfMany({ run: () => run(load), signal, isFirst });
    if (outcome.kind !== "report") return { points, cut: outcome };
    const point = { load, report: outcome.report };
    onPoint(point);
    points.push(point);
  }
  return { points, cut: null };
}

/**
 * The knee of a saturation curve, the load beyond which more load brings waiting rather than answers.
 *
 * In an open loop it is the last load that the answers kept pace with: one that was not sustained may well
 * have brought more answers than the one before. In a closed loop it is the last point that answered more
 * than the best before it by more than a tenth of what the load grew since.
 *
 * Growth is measured against the best point before, so that a dip and the way out of it are no growth;
 * and against the load's own growth, so that it does not depend on how far apart the loads are.
 *
 * @returns the index of the point, or undefined where there is none: with no answers, none that kept pace,
 *   or where the last point still grew or kept pace, so that the knee lies beyond it
 */
export function kneeOf(points: readonly SweepPoint[]): number | undefined {
  const isOpen = points[0]?.report.options.loop === "open";
  const knee = isOpen ? lastSustained(points) : lastGrown(points);
  return knee === points.length - 1 ? undefined : knee;
}

function lastSustained(points: readonly SweepPoint[]): number | undefined {
  const last = points.findLastIndex(({ report }) =>
    report.achievedPerSecond > 0 && keepsPace(report)
  );
  return last < 0 ? undefined : last;
}

function lastGrown(points: readonly SweepPoint[]): number | undefined {
  let best: number | undefined;
  let knee: number | undefined;
  for (const [index, point] of points.entries()) {
    const rate = point.report.achievedPerSecond;
    if (rate <= (best === undefined ? 0 : points[best].report.achievedPerSecond)) continue;
    if (best === undefined || isGrowth(points[best], point)) knee = index;
    best = index;
  }
  return knee;
}

function isGrowth(before: SweepPoint, after: SweepPoint): boolean {
  const rateGrowth = after.report.achievedPerSecond / before.report.achievedPerSecond - 1;
  return rateGrowth > GROWTH_MIN * (after.load / before.load - 1);
}
