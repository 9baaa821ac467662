import type { BenchReport, SecondOfRun } from "./report.ts";

/** Source: RFC 4180 §2. */
const LINE_END = "\r\n";

/** Times are measured in nanoseconds: the sixth decimal of a millisecond. */
const DECIMALS_MAX = 6;

const COLUMNS = ["second", "calls", "errors", "p50_ms", "p99_ms"];

/**
 * The course of a run for a spreadsheet: a head, and a row for each second. The figures of the whole run
 * are in the JSON report, the latency curve in `.hgrm`; neither is a table over time.
 *
 * Every field is a number in decimal digits and a point, so none needs quotes. A second in
 * which no latency was measured has none.
 *
 * Source: RFC 4180.
 */
export function formatCsv({ series }: Pick<BenchReport, "series">): string {
  return [COLUMNS, ...series.map(rowOf)].map((row) => row.join(",") + LINE_END).join("");
}

function rowOf({ second, calls, errors, p50Ms, p99Ms }: SecondOfRun): string[] {
  return [`${second}`, `${calls}`, `${errors}`, time(p50Ms), time(p99Ms)];
}

/** Without an exponent, which not every spreadsheet reads; nothing where nothing was measured. */
function time(ms: number): string {
  return ms === 0 ? "" : ms.toFixed(DECIMALS_MAX).replace(/\.?0+$/, "");
}
