import { cacheShareOf, DISTRIBUTION_COLUMNS, failedOf, SERVER_TIMES } from "./figure.ts";
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
    serverLines(report),
    workloadLines(report),
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
  const { options, latency, service, hits, misses, coalesced } = report;
  const rows: Row[] = options.loop === "open"
    ? [["from due", latency], ["from sent", service]]
    : [["latency", latency]];
  for (const [name, times] of Object.entries({ hits, misses, coalesced })) {
    if (times === null) continue;
    const share = cacheShareOf(times, report) ?? NaN;
    rows.push([`${name} ${formatQuantity(share, "share")}`, times]);
  }
  return distributionLines("ms", rows);
}

/** What the server says of its own time, where it does, and the share of the answers that told it. */
function serverLines({ server, ...report }: BenchReport): string[] {
  if (server === null) return [];
  const answered = report.calls - failedOf(report);
  const rows = SERVER_TIMES.flatMap((name): Row[] => {
    const times = server[name];
    return times === null
      ? []
      : [[`${name} ${formatQuantity(times.count / answered, "share")}`, times]];
  });
  return distributionLines("server, ms", rows);
}

/** Each of several workloads. */
function workloadLines({ workloads, calls }: BenchReport): string[] {
  if (workloads === null) return [];
  return aligned([
    ["workload", "share", "calls", "p50 ms", "p99 ms", "errors"],
    ...workloads.map(({ latency, ...of }) => [
      of.workload,
      formatQuantity(of.calls / calls, "share"),
      formatNumber(of.calls),
      ...[latency.p50Ms, latency.p99Ms].map((ms) => latency.count === 0 ? NONE : formatMs(ms)),
      formatNumber(failedOf(of)),
    ]),
  ]);
}

type Row = readonly [name: string, times: Distribution];

function distributionLines(title: string, rows: readonly Row[]): string[] {
  return aligned([
    [title, ...DISTRIBUTION_COLUMNS.map(([name]) => name)],
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
