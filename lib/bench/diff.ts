import { failedOf, type Figure, figuresOf } from "./figure.ts";
import { mannWhitney } from "./mann_whitney.ts";
import { type Proportion, proportionsP } from "./proportions.ts";
import type { BenchReport, LoadOptions, SecondOfRun } from "./report.ts";
import { coveredSeconds } from "./whole_seconds.ts";

/**
 * How unlikely a difference has to be by chance. A hundredth rather than a twentieth, because several
 * figures are looked at together, and because one second of a run is not independent of the next.
 */
export const SIGNIFICANCE = 0.01;

/** A figure in both reports. */
export interface FigureChange {
  readonly figure: Omit<Figure, "value">;
  readonly before: number;
  readonly after: number;
  /** Of `before`; infinite from nothing to something. */
  readonly relative: number;
  /** By the series of both runs, and the errors by their counts too; `null` where there is no series. */
  readonly p: number | null;
  readonly verdict: "better" | "worse" | "same" | "unsure";
}

/** What differs between two runs. */
export interface ReportDiff {
  readonly changes: readonly FigureChange[];
  /** What makes the runs hard to compare; empty if nothing does. */
  readonly caveats: readonly string[];
}

/**
 * The figures of two runs side by side.
 *
 * A figure is better or worse where the run's seconds tell so: they changed in the same direction, and
 * their Mann-Whitney test gives a p-value under `SIGNIFICANCE`. Only whole seconds count; one without an
 * answer is slower than any other. A report has such seconds for the rate, the errors, and the p50 and p99
 * of latency, and, in a closed loop, where it is the same, of service time. The errors of all of a run are
 * tested as well, as a share of its calls: a burst of them is in too few seconds to tell, and a run may be
 * too short to have some. Both tests together have the error of one (Bonferroni). Other figures that differ
 * are unsure: one number of each run cannot tell a change from noise.
 */
export function diffReports(before: BenchReport, after: BenchReport): ReportDiff {
  const old = new Map(figuresOf(before).map((figure) => [figure.name, figure.value]));
  const changes: FigureChange[] = [];
  for (const { value, ...figure } of figuresOf(after)) {
    const reference = old.get(figure.name);
    if (reference !== undefined) changes.push(change(figure, reference, value, { before, after }));
  }
  return { changes, caveats: caveatsOf(before, after) };
}

/**
 * The figures that got worse for sure, and by more than a share of what they were.
 *
 * @param failOver a share, such as 0.05
 */
export function regressionsOf({ changes }: ReportDiff, failOver: number): FigureChange[] {
  return changes.filter(({ verdict, relative }) =>
    verdict === "worse" && Math.abs(relative) > failOver
  );
}

interface Reports {
  readonly before: BenchReport;
  readonly after: BenchReport;
}

function change(
  figure: Omit<Figure, "value">,
  before: number,
  after: number,
  reports: Reports,
): FigureChange {
  const relative = after === before ? 0 : (after - before) / before;
  const tests = testsOf(figure.name, reports);
  const isSure = tests.some(({ p, direction }) =>
    p * tests.length < SIGNIFICANCE && direction === Math.sign(relative)
  );
  const isBetter = (after > before) === (figure.better === "more");
  const verdict = relative === 0 ? "same" : !isSure ? "unsure" : isBetter ? "better" : "worse";
  const p = tests.length === 0
    ? null
    : Math.min(1, tests.length * Math.min(...tests.map(({ p }) => p)));
  return { figure, before, after, relative, p, verdict };
}

/** What one test says of a figure. */
interface Test {
  readonly p: number;
  /** 1 where the figure grew, -1 where it shrank, 0 where it did neither. */
  readonly direction: number;
}

function testsOf(name: string, { before, after }: Reports): Test[] {
  const tests: Test[] = [];
  const [a, b] = [seriesOf(name, before), seriesOf(name, after)];
  if (a !== undefined && b !== undefined) {
    const { p, shareLarger } = mannWhitney(a, b);
    tests.push({ p, direction: Math.sign(shareLarger - 0.5) });
  }
  if (name === "errors") {
    const [old, now] = [before, after].map(failures);
    const direction = Math.sign(now.count * old.total - old.count * now.total);
    tests.push({ p: proportionsP(old, now), direction });
  }
  return tests;
}

function failures(report: BenchReport): Proportion {
  return { count: failedOf(report), total: report.calls };
}

/** The latency of a second without an answer: longer than any. */
const NO_ANSWER_MS = Number.MAX_VALUE;

function seriesOf(name: string, report: BenchReport): number[] | undefined {
  const seconds = coveredSeconds(report);
  const isClosed = report.options.loop === "closed";
  const times = (of: (second: SecondOfRun) => number) =>
    seconds.map((second) => second.p50Ms > 0 ? of(second) : NO_ANSWER_MS);
  switch (name) {
    case "rate":
      return seconds.map(({ calls, errors }) => calls - errors);
    case "errors":
      return seconds.map(({ calls, errors }) => errors / Math.max(calls, 1));
    case "latency p50":
      return times(({ p50Ms }) => p50Ms);
    case "latency p99":
      return times(({ p99Ms }) => p99Ms);
    case "service p50":
      return isClosed ? times(({ p50Ms }) => p50Ms) : undefined;
    case "service p99":
      return isClosed ? times(({ p99Ms }) => p99Ms) : undefined;
    default:
      return undefined;
  }
}

/** Whether samples of these sizes are significantly different when each value of one is above the other's. */
function canTell(a: number, b: number): boolean {
  const ascending = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => from + i);
  return mannWhitney(ascending(0, a), ascending(a, b)).p < SIGNIFICANCE;
}

function caveatsOf(before: BenchReport, after: BenchReport): string[] {
  const caveats: string[] = [];
  const [a, b] = [before, after].map((report) => coveredSeconds(report).length);
  if (!canTell(a, b)) {
    caveats.push(`${a} and ${b} whole seconds are too few for a change to be significant`);
  }
  const names = Object.keys(before.options) as (keyof LoadOptions)[];
  for (const name of names.filter((name) => name !== "seed")) {
    const [old, now] = [before.options[name], after.options[name]];
    if (old !== now) caveats.push(`option ${name} was ${old}, is ${now}`);
  }
  for (const name of ["processors", "deno", "version"] as const) {
    const [old, now] = [before.client[name], after.client[name]];
    if (old !== now) caveats.push(`the client's ${name} was ${old}, is ${now}`);
  }
  for (const [run, { warnings }] of [["first", before], ["second", after]] as const) {
    for (const warning of warnings) caveats.push(`the ${run} run warned: ${warning}`);
  }
  return caveats;
}
