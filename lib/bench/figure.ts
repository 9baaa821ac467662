import type { Unit } from "./quantity.ts";
import type { BenchReport, Distribution, ServerSplit } from "./report.ts";

/** One number that a run is judged by. */
export interface Figure {
  /** The same in every report, such as `latency p99`. */
  readonly name: string;
  readonly unit: Exclude<Unit, "calls" | "bytes">;
  readonly better: "more" | "less";
  readonly value: number;
}

/** The columns of a distribution, the least first. */
export const DISTRIBUTION_COLUMNS = [
  ["min", "minMs"],
  ["mean", "meanMs"],
  ["p50", "p50Ms"],
  ["p90", "p90Ms"],
  ["p99", "p99Ms"],
  ["p99.9", "p999Ms"],
  ["p99.99", "p9999Ms"],
  ["max", "maxMs"],
] as const;

/** The least time says nothing of a server under load, and the standard deviation nothing at all. */
const JUDGED_COLUMNS = DISTRIBUTION_COLUMNS.filter(([name]) => name !== "min");

const MEDIAN_AND_TAIL = DISTRIBUTION_COLUMNS.filter(([name]) => name === "p50" || name === "p99");

/** What the server spends its time on, in the order in which it does. */
export const SERVER_TIMES = ["queue", "compute", "cache"] as const satisfies (keyof ServerSplit)[];

/**
 * What a run is judged by: the rate, the share of calls that failed, the hit rate and the percentiles of
 * latency, of service time, of what the server says of its own, and of each of several workloads. What the
 * run did not tell is not in the list.
 */
export function figuresOf(report: BenchReport): Figure[] {
  const hitShare = hitShareOf(report);
  return [
    { name: "rate", unit: "calls/s", better: "more", value: report.achievedPerSecond },
    { name: "errors", unit: "share", better: "less", value: errorShareOf(report) },
    ...(hitShare === null
      ? []
      : [{ name: "hit rate", unit: "share", better: "more", value: hitShare } as const]),
    ...timesOf("latency", report.latency),
    ...timesOf("service", report.service),
    ...SERVER_TIMES.flatMap((name) => {
      const times = report.server?.[name] ?? null;
      return times === null ? [] : timesOf(`server ${name}`, times, MEDIAN_AND_TAIL);
    }),
    ...(report.workloads ?? []).flatMap((of): Figure[] => [
      { name: `${of.workload}: errors`, unit: "share", better: "less", value: errorShareOf(of) },
      ...timesOf(`${of.workload}: latency`, of.latency, MEDIAN_AND_TAIL),
    ]),
  ];
}

/** The share of calls that failed, from 0 to 1; 0 if there was no call. */
export function errorShareOf({ calls, errors }: Pick<BenchReport, "calls" | "errors">): number {
  return calls === 0 ? 0 : failedOf({ errors }) / calls;
}

/** The calls that failed. */
export function failedOf({ errors }: Pick<BenchReport, "errors">): number {
  return errors.reduce((sum, { count }) => sum + count, 0);
}

/** The share of answers that came from the cache, from 0 to 1; `null` where it was not told. */
export function hitShareOf({ hits, ...others }: ToldOfCache): number | null {
  return hits === null ? null : cacheShareOf(hits, { hits, ...others });
}

/** The share that some answers are of those that told of the cache; `null` where none did. */
export function cacheShareOf(
  some: Distribution,
  { hits, misses, coalesced }: ToldOfCache,
): number | null {
  const answers = [hits, misses, coalesced].reduce((sum, kind) => sum + (kind?.count ?? 0), 0);
  return answers === 0 ? null : some.count / answers;
}

/** Answers by what the cache had to do with them. */
export type ToldOfCache = Pick<BenchReport, "hits" | "misses" | "coalesced">;

function timesOf(kind: string, times: Distribution, columns = JUDGED_COLUMNS): Figure[] {
  if (times.count === 0) return [];
  return columns.map(([name, field]) => ({
    name: `${kind} ${name}`,
    unit: "ms",
    better: "less",
    value: times[field],
  }));
}
