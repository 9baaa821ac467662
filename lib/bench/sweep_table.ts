import { errorShareOf } from "./figure.ts";
import { formatNumber, formatQuantity } from "./quantity.ts";
import type { LoadOptions } from "./report.ts";
import type { SloOutcome, SloStep } from "./slo_search.ts";
import type { Slo } from "./slo.ts";
import { GROWTH_MIN, kneeOf, type SweepPoint } from "./sweep.ts";
import { formatRows } from "./text_table.ts";

/** The saturation table of a sweep as text for a terminal, its knee marked, and its rule below. */
export function formatSweep(points: readonly SweepPoint[], loop: LoadOptions["loop"]): string {
  const knee = kneeOf(points);
  const load = loop === "open" ? "calls due/s" : "connections";
  const head = [load, "answers/s", "errors", "p50", "p99", "p99.9", "max", ""];
  const rows = points.map((point, index) => [...rowOf(point), index === knee ? "<- knee" : ""]);
  const rule = knee === undefined
    ? "no knee: the last load still brought more answers\n"
    : `knee: the last load that brought ${GROWTH_MIN * 100} % of its growth in answers\n`;
  return `${formatRows([head, ...rows])}\n${rule}`;
}

/** One point as a line of text, without a line break. */
export function formatSweepPoint({ load, report }: SweepPoint): string {
  const { latency, options } = report;
  const unit = options.loop === "open" ? "calls due/s" : "connections";
  return `${formatNumber(load)} ${unit}: ${
    formatQuantity(report.achievedPerSecond, "calls/s")
  } made, ` +
    `p99 ${formatQuantity(latency.count === 0 ? NaN : latency.p99Ms, "ms")}`;
}

function rowOf({ load, report }: SweepPoint): string[] {
  const { latency } = report;
  const times = [latency.p50Ms, latency.p99Ms, latency.p999Ms, latency.maxMs];
  return [
    formatNumber(load),
    formatNumber(report.achievedPerSecond),
    formatQuantity(errorShareOf(report), "share"),
    ...times.map((ms) => formatQuantity(latency.count === 0 ? NaN : ms, "ms")),
  ];
}

/** One run of a search as a line of text, without a line break. */
export function formatSloStep({ figure }: Pick<Slo, "figure">, step: SloStep): string {
  const { run, ratePerSecond, achievedPerSecond, valueMs, breach } = step;
  return `run ${run}: ${formatQuantity(ratePerSecond, "calls/s")} due, ` +
    `${formatQuantity(achievedPerSecond, "calls/s")} made, ` +
    `${figure} ${formatQuantity(valueMs, "ms")}: ${breach ?? "kept"}`;
}

/** What a search found as a line of text, without a line break. */
export function formatSloOutcome({ figure, limitMs }: Slo, outcome: SloOutcome): string {
  const { keepsPerSecond, breaksPerSecond, end, runs } = outcome;
  const objective = `${figure} within ${formatQuantity(limitMs, "ms")}`;
  const broken = breaksPerSecond === null
    ? "no rate broke it"
    : `${formatQuantity(breaksPerSecond, "calls/s")} broke it twice`;
  const kept = keepsPerSecond === null
    ? "no rate that was tried kept it"
    : `kept up to ${formatQuantity(keepsPerSecond, "calls/s")}`;
  const ending = end === "found" ? `${runs} runs` : `ended at the ${end}, ${runs} runs`;
  return `${objective}: ${kept}; ${broken} (${ending})`;
}
