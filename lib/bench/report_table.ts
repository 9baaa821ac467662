import type { BenchReport, Distribution, LoadOptions } from "./report.ts";

const MS_PER_SECOND = 1_000;

/** Columns of the table of latencies, in milliseconds. */
const COLUMNS: readonly (readonly [title: string, of: (times: Distribution) => number])[] = [
  ["min", (times) => times.minMs],
  ["mean", (times) => times.meanMs],
  ["p50", (times) => times.p50Ms],
  ["p90", (times) => times.p90Ms],
  ["p99", (times) => times.p99Ms],
  ["p99.9", (times) => times.p999Ms],
  ["p99.99", (times) => times.p9999Ms],
  ["max", (times) => times.maxMs],
];

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
  const offered = offeredPerSecond === null ? "" : `${rate(offeredPerSecond)} calls/s offered, `;
  return [
    `${grouped(calls)} calls in ${(elapsedMs / MS_PER_SECOND).toFixed(2)} s: ${offered}${
      rate(achievedPerSecond)
    } calls/s answered`,
    `${bytes(report.bytesSent)} sent, ${bytes(report.bytesReceived)} received`,
  ];
}

function latencyLines({ options, latency, service, hits, misses }: BenchReport): string[] {
  const rows: [name: string, times: Distribution][] = options.loop === "open"
    ? [["from due", latency], ["from sent", service]]
    : [["latency", latency]];
  if (hits !== null) rows.push([`hits ${share(hits, misses)}`, hits]);
  if (misses !== null) rows.push([`misses ${share(misses, hits)}`, misses]);
  return aligned([
    ["ms", ...COLUMNS.map(([title]) => title)],
    ...rows.map(([name, times]) => [
      name,
      ...COLUMNS.map(([, of]) => times.count === 0 ? "-" : milliseconds(of(times))),
    ]),
  ]);
}

function share(these: Distribution, others: Distribution | null): string {
  return `${(100 * these.count / (these.count + (others?.count ?? 0))).toFixed(1)} %`;
}

function errorLines({ errors }: BenchReport): string[] {
  if (errors.length === 0) return ["no errors"];
  return aligned([["errors", ""], ...errors.map(({ code, count }) => [code, grouped(count)])]);
}

/** The first column to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))
      .join("  ").trimEnd()
  );
}

/** Three digits, which is what is known. */
function milliseconds(ms: number): string {
  return ms < 1
    ? ms.toFixed(3)
    : ms < 10
    ? ms.toFixed(2)
    : ms < 100
    ? ms.toFixed(1)
    : ms.toFixed(0);
}

function rate(perSecond: number): string {
  return perSecond < 100 ? perSecond.toFixed(1) : grouped(Math.round(perSecond));
}

/** `1234567` as `1 234 567`. */
function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, " ");
}

function plural(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? "" : "s"}`;
}

function bytes(count: number): string {
  if (count < 1e4) return `${count} B`;
  return count < 1e7 ? `${(count / 1e3).toFixed(0)} kB` : `${(count / 1e6).toFixed(0)} MB`;
}
