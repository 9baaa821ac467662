import { DISTRIBUTION_COLUMNS, hitShareOf } from "./figure.ts";
import { formatMs, formatNumber, formatQuantity, NONE } from "./quantity.ts";
import type { BenchReport, Distribution, LoadOptions } from "./report.ts";
import { formatRows } from "./text_table.ts";

const MS_PER_SECOND = 1_000;

/** A report for people: rates, latencies in milliseconds, errors, and what to mind. Ends in a line break. */
export function formatTable(report: BenchReport): string {
  const sections = [
    [loadLine(report)],
    rateLines(report),
    latencyLines(report),
    errorLines(report),
    report.warnings.map((warning) => `! ${warning}`),
  ];
  return `${
    sections.filter(({ length }) => length > 0).map((lines) => lines.join("\n")).join("\n\n")
  }\n`;
}

function loadLine({ target, options }: BenchReport): string {
  return `${options.workload} on ${target}, ${loopText(options)}, ` +
    `${plural(options.threads, "thread")}, seed ${options.seed}`;
}

function loopText({ loop, connections, inflight, ratePerSecond, arrivals }: LoadOptions): string {
  const over = `over ${plural(connections, "connection")}`;
  if (loop === "open") return `open loop of ${ratePerSecond} calls/s (${arrivals}) ${over}`;
  return `closed loop ${over}, ${plural(inflight ?? 1, "call")} at once on each`;
}

function rateLines(report: BenchReport): string[] {
  const { elapsedMs, calls, offeredPerSecond, achievedPerSecond } = report;
  const offered = offeredPerSecond === null
    ? ""
    : `${formatQuantity(offeredPerSecond, "calls/s")} offered, `;
  return [
    `${formatNumber(calls)} calls in ${formatNumber(elapsedMs / MS_PER_SECOND)} s: ${offered}${
      formatQuantity(achievedPerSecond, "calls/s")
    } answered`,
    `${formatNumber(report.bytesSent)} bytes sent, ${
      formatNumber(report.bytesReceived)
    } bytes received`,
  ];
}

function latencyLines(report: BenchReport): string[] {
  const { options, latency, service, hits, misses } = report;
  const rows: [name: string, times: Distribution][] = options.loop === "open"
    ? [["from due", latency], ["from sent", service]]
    : [["latency", latency]];
  const hitShare = hitShareOf(report) ?? NaN;
  if (hits !== null) rows.push([`hits ${formatQuantity(hitShare, "share")}`, hits]);
  if (misses !== null) rows.push([`misses ${formatQuantity(1 - hitShare, "share")}`, misses]);
  return aligned([
    ["ms", ...DISTRIBUTION_COLUMNS.map(([title]) => title)],
    ...rows.map(([name, times]) => [
      name,
      ...DISTRIBUTION_COLUMNS.map(([, field]) => times.count === 0 ? NONE : formatMs(times[field])),
    ]),
  ]);
}

function errorLines({ errors }: BenchReport): string[] {
  if (errors.length === 0) return ["no errors"];
  return aligned([["errors", ""], ...errors.map(({ code, count }) => [code, formatNumber(count)])]);
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  return formatRows(rows).trimEnd().split("\n");
}

function plural(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}
