import type { BenchReport } from "./report.ts";

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

/**
 * Makes one run for each load, one after the other. What a load is depends on the loop: a closed one is
 * loaded by its connections, each with the same number of calls in flight, an open one by the calls per
 * second that are due.
 *
 * @param loads ascending positive integers, at most `LOADS_MAX`
 * @param run makes one run; what it throws ends the sweep
 * @param onPoint told of each run once it is over
 * @throws {RangeError} if the loads are too many, or do not ascend
 */
export async function sweep(
  loads: readonly number[],
  run: (load: number) => Promise<BenchReport>,
  onPoint: (point: SweepPoint) => void,
): Promise<SweepPoint[]> {
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
    const point = { load, report: await run(load) };
    onPoint(point);
    points.push(point);
  }
  return points;
}

/**
 * The knee of a saturation curve, the load beyond which more load brings waiting rather than answers: the
 * last point that answered more than the best before it by more than a tenth of what the load grew since.
 *
 * Growth is measured against the best point before, so that a dip and the way out of it are no growth;
 * and against the load's own growth, so that it does not depend on how far apart the loads are.
 *
 * @returns the index of the point, or undefined where there is none: with no answers, or where the last
 *   point still grew, so that the knee lies beyond it
 */
export function kneeOf(points: readonly SweepPoint[]): number | undefined {
  let best: number | undefined;
  let knee: number | undefined;
  for (const [index, point] of points.entries()) {
    const rate = point.report.achievedPerSecond;
    if (rate <= (best === undefined ? 0 : points[best].report.achievedPerSecond)) continue;
    if (best === undefined || isGrowth(points[best], point)) knee = index;
    best = index;
  }
  return knee === points.length - 1 ? undefined : knee;
}

function isGrowth(before: SweepPoint, after: SweepPoint): boolean {
  const rateGrowth = after.report.achievedPerSecond / before.report.achievedPerSecond - 1;
  return rateGrowth > GROWTH_MIN * (after.load / before.load - 1);
}
