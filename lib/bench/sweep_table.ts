import { errorShareOf } from "./figure.ts";
import { formatNumber, formatQuantity } from "./quantity.ts";
import type { LoadOptions } from "./report.ts";
import type { Cut } from "./run_of_many.ts";
import type { SloOutcome, SloStep } from "./slo_search.ts";
import { keepsPace, PACE_MIN, type Slo } from "./slo.ts";
import { GROWTH_MIN, kneeOf, type SweepOutcome, type SweepPoint } from "./sweep.ts";
import { formatRows } from "./text_table.ts";

/** Marks a run whose report has warnings. */
const WARNED = "!";

/**
 * The saturation table of a sweep as text for a terminal: its knee marked, and runs that had warnings; the
 * knee's rule below, and why loads are missing.
 */
export function formatSweep({ points, cut }: SweepOutcome, loop: LoadOptions["loop"]): string {
  const missing = cut === null ? "" : `${cutText(cut)}\n`;
  if (points.length === 0) return `${missing}nothing was measured\n`;
  const knee = kneeOf(points);
  const load = loop === "open" ? "calls due/s" : "connections";
  const head = [load, "answers/s", "errors", "p50", "p99", "p99.9", "max", "", ""];
  const rows = points.map((point, index) => [
    ...rowOf(point),
    point.report.warnings.length > 0 ? WARNED : "",
    index === knee ? "<- knee" : "",
  ]);
  const isWarned = points.some(({ report }) => report.warnings.length > 0);
  const legend = isWarned ? `${WARNED}: the run had warnings, told as it ended\n` : "";
  return `${formatRows([head, ...rows])}\n${kneeText(knee, points, loop)}\n${legend}${missing}`;
}

function kneeText(
  knee: number | undefined,
  points: readonly SweepPoint[],
  loop: LoadOptions["loop"],
): string {
  const pace = `${PACE_MIN * 100} % of what was due`;
  if (points.every(({ report }) => report.achievedPerSecond === 0)) return "no knee: no answers";
  if (knee !== undefined) {
    return loop === "open"
      ? `knee: the last load with ${pace} answered`
      : `knee: the last load that brought ${GROWTH_MIN * 100} % of its growth in answers`;
  }
  if (loop === "closed") return "no knee: the last load still brought more answers";
  return keepsPace(points[points.length - 1].report)
    ? `no knee: the last load still had ${pace} answered`
    : `no knee: no load had ${pace} answered`;
}

function cutText(cut: Cut): string {
  return cut.kind === "stopped"
    ? "stopped by a signal: later loads are missing"
    : `later loads are missing: ${cut.problem}`;
}

/** The warnings of one run as lines of text, without line breaks. */
export function formatWarnings(warnings: readonly string[]): string[] {
  return warnings.map((warning) => `${WARNED} ${warning}`);
}

/** One point as a line of text, without a line break. */
export function formatSweepPoint({ load, report }: SweepPoint): string {
  const { latency, options } = report;
  const unit = options.loop === "open" ? "calls due/s" : "connections";
  return `${formatNumber(load)} ${unit}: ${
    formatQuantity(report.achievedPerSecond, "calls/s")
  } answered, ` +
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
    `${formatQuantity(achievedPerSecond, "calls/s")} answered, ` +
    `${figure} ${formatQuantity(valueMs, "ms")}: ${breach ?? "kept"}`;
}

/** What a search found as a line of text, without a line break. */
export function formatSloOutcome({ figure, limitMs }: Slo, outcome: SloOutcome): string {
  const { keepsPerSecond, breaksPerSecond, clientLimited, end, problem, runs } = outcome;
  const objective = `${figure} within ${formatQuantity(limitMs, "ms")}`;
  const broken = breaksPerSecond === null
    ? "no rate broke it"
    : `${formatQuantity(breaksPerSecond, "calls/s")} broke it twice`;
  const kept = keepsPerSecond === null
    ? "no rate that was tried kept it"
    : `kept up to ${formatQuantity(keepsPerSecond, "calls/s")}`;
  const limit = clientLimited ? ", by the client's limit rather than the server's" : "";
  return `${objective}: ${kept}; ${broken}${limit} (${endText({ end, problem })}${runs} runs)`;
}

function endText({ end, problem }: Pick<SloOutcome, "end" | "problem">): string {
  if (end === "found") return "";
  if (end === "stopped") return "stopped by a signal, ";
  return end === "failed" ? `${problem}, ` : `ended at the ${end}, `;
}
