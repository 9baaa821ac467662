import {
  DISTRIBUTION_COLUMNS,
  errorShareOf,
  failedOf,
  hitShareOf,
  SERVER_TIMES,
} from "../figure.ts";
import { formatMs, formatNumber, formatQuantity, type Unit } from "../quantity.ts";
import type { BenchReport, Distribution } from "../report.ts";
import { wholeSeconds } from "../whole_seconds.ts";
import { type Markup, markup, type Part } from "./markup.ts";
import { describeOptions } from "./options.ts";

const MS_PER_SECOND = 1000;

/** What was run, on what, when and for how long. */
export function header({ options, target, startedAt, elapsedMs, client }: BenchReport): Markup {
  const load = options.loop === "open"
    ? `open loop, ${formatQuantity(options.ratePerSecond ?? NaN, "calls/s")} due`
    : `closed loop, ${options.connections} × ${options.inflight ?? "–"} calls in flight`;
  const seconds = `${formatNumber(elapsedMs / MS_PER_SECOND)} s`;
  const by = `modelserver ${client.version}, Deno ${client.deno}, ${client.processors} processors`;
  return markup`<header>
<h1>${options.workload} <span>on ${target}</span></h1>
<p>${load} · ${seconds} · <time datetime="${startedAt}">${startedAt}</time> · client: ${by}</p>
</header>`;
}

/** Before everything else: a reader of figures has to know what they are worth. */
export function warnings({ warnings }: BenchReport): Part {
  if (warnings.length === 0) return "";
  return markup`<section class="warnings" aria-labelledby="warnings">
<h2 id="warnings">Warnings</h2>
<ul>${warnings.map((warning) => markup`<li>${warning}</li>`)}</ul>
</section>`;
}

/** The figures that one looks for first. */
export function tiles(report: BenchReport): Markup {
  const { latency } = report;
  const hitShare = hitShareOf(report);
  const errorShare = errorShareOf(report);
  return markup`<section class="tiles" aria-label="Summary">
${tile("rate", report.achievedPerSecond, "calls/s")}
${tile("latency p50", timeOf(latency, "p50Ms"), "ms")}
${tile("latency p99", timeOf(latency, "p99Ms"), "ms")}
${tile("latency p99.9", timeOf(latency, "p999Ms"), "ms")}
${tile("errors", errorShare, "share", errorShare > 0 ? "bad" : "good")}
${hitShare === null ? "" : tile("hit rate", hitShare, "share")}
</section>`;
}

/** Places for the charts, which the page's script draws. */
export function charts(report: BenchReport): Markup {
  const { options, errors, series } = report;
  const isOpen = options.loop === "open";
  const note = isOpen
    ? "Latency counts from when a call was due, service time from when it was sent."
    : "In a closed loop a call is due when it is sent: latency is service time.";
  const failures = errors.length === 0
    ? markup`<p class="none">No call failed.</p>`
    : chart("errors", "Errors per second");
  const whole = wholeSeconds(report).length;
  const cut = whole === series.length || whole === 0
    ? ""
    : markup`<p class="note">Without the last second: the run ended within it.</p>`;
  return markup`<section aria-labelledby="curve">
<h2 id="curve">Latency by percentile</h2>
<p class="note">${note}</p>
${chart("percentiles", "Latency by percentile")}
<p class="note"><label><input type="checkbox" id="logarithmic"> logarithmic times</label></p>
</section>
<section aria-labelledby="course">
<h2 id="course">Over time</h2>
<h3>Answers per second</h3>
${chart("rate", "Answers per second")}
${cut}
<h3>Errors per second</h3>
${failures}
<h3>Latency of each second</h3>
${chart("times", "Median and 99th percentile of the latency of each second")}
</section>`;
}

/** Every figure of the run. */
export function figures(report: BenchReport): Markup {
  return markup`<section aria-labelledby="figures">
<h2 id="figures">Figures</h2>
<div class="tables">
${distributions(report)}
${table("counts", countsOf(report))}
</div>
</section>`;
}

/**
 * What the server says of its own time, where it does: a table, and of each sum a bar. Sums add up to the time
 * that all calls took; means do not where some answers tell of one time and not of another.
 */
export function serverTimes({ server }: BenchReport): Part {
  if (server === null) return "";
  const told = SERVER_TIMES.flatMap((name) => {
    const of = server[name];
    return of === null ? [] : [{ name, of }];
  });
  const sumOf = ({ meanMs, count }: Distribution) => meanMs * count;
  const longestMs = Math.max(...told.map(({ of }) => sumOf(of)));
  const heads = ["ms", "mean", "p50", "p99", "max", "answers"].map((head) =>
    markup`<th scope="col">${head}</th>`
  );
  const rows = told.map(({ name, of }) => {
    const times = [of.meanMs, of.p50Ms, of.p99Ms, of.maxMs].map(formatMs);
    const bar = markup`<td class="bar">${barOf(longestMs > 0 ? sumOf(of) / longestMs : 0)}</td>`;
    return markup`<tr><th scope="row">${name}</th>${bar}${
      [...times, formatNumber(of.count)].map((text) => markup`<td>${text}</td>`)
    }</tr>`;
  });
  return markup`<section aria-labelledby="within">
<h2 id="within">Within the server</h2>
<p class="note">As the server says: how long calls waited for their turn, were computed, and took in its cache. Each row is of
the answers that tell it; a bar is their sum.</p>
<div class="wide"><table id="server">
<thead><tr>${heads[0]}<td class="bar"></td>${heads.slice(1)}</tr></thead>
<tbody>
${rows}
</tbody>
</table></div>
</section>`;
}

/** Each of several workloads. */
export function workloads({ workloads, calls }: BenchReport): Part {
  if (workloads === null) return "";
  const heads = ["workload", "weight", "share", "calls", "p50 ms", "p99 ms", "errors"]
    .map((head) => markup`<th scope="col">${head}</th>`);
  const rows = workloads.map(({ latency, ...of }) =>
    row(of.workload, [
      formatNumber(of.weight),
      formatQuantity(of.calls / calls, "share"),
      formatNumber(of.calls),
      formatMs(timeOf(latency, "p50Ms")),
      formatMs(timeOf(latency, "p99Ms")),
      formatNumber(failedOf(of)),
    ])
  );
  return markup`<section aria-labelledby="mix">
<h2 id="mix">Workloads</h2>
<div class="wide"><table id="workloads">
<thead><tr>${heads}</tr></thead>
<tbody>
${rows}
</tbody>
</table></div>
</section>`;
}

/** A bar as a drawing: the page's policy allows no style of an element's own. */
function barOf(share: number): Markup {
  const percent = `${(100 * share).toFixed(2)}%`;
  return markup`<svg width="100%" height="10" aria-hidden="true"><rect width="${percent}" height="10" rx="2"/></svg>`;
}

/** How the load was made. */
export function options({ options }: BenchReport): Markup {
  return markup`<section aria-labelledby="options">
<h2 id="options">Options</h2>
${table("run", describeOptions(options))}
</section>`;
}

/** A column for each distribution of the report. */
function distributions(
  { latency, service, hits, misses, coalesced }: BenchReport,
): Markup {
  const columns = Object.entries({ latency, service, hits, misses, coalesced })
    .flatMap(([name, of]) => of === null ? [] : [{ name, of }]);
  const heads = columns.map(({ name }) => markup`<th scope="col">${name}</th>`);
  const times = [...DISTRIBUTION_COLUMNS, ["std dev", "stdDevMs"] as const].map(([name, field]) =>
    row(name, columns.map(({ of }) => formatMs(timeOf(of, field))))
  );
  return markup`<div class="wide"><table id="distributions">
<thead><tr><th scope="col">ms</th>${heads}</tr></thead>
<tbody>
${times}
${row("calls", columns.map(({ of }) => formatNumber(of.count)))}
</tbody>
</table></div>`;
}

function countsOf(report: BenchReport): (readonly [name: string, value: string])[] {
  const { offeredPerSecond } = report;
  const figures: [name: string, value: number, unit: Unit][] = [
    ["calls", report.calls, "calls"],
    ["rate", report.achievedPerSecond, "calls/s"],
  ];
  if (offeredPerSecond !== null) figures.push(["rate due", offeredPerSecond, "calls/s"]);
  for (const { code, count } of report.errors) figures.push([`errors ${code}`, count, "calls"]);
  figures.push(["bytes sent", report.bytesSent, "bytes"]);
  figures.push(["bytes received", report.bytesReceived, "bytes"]);
  return figures.map(([name, value, unit]) => [name, formatQuantity(value, unit)]);
}

function tile(name: string, value: number, unit: Unit, kind = ""): Markup {
  const text = formatQuantity(value, unit);
  return markup`<div class="tile ${kind}"><span>${name}</span> <strong>${text}</strong></div>`;
}

function chart(id: string, label: string): Markup {
  const words = `${label}; the figures are in the tables below`;
  return markup`<div class="chart" id="${id}" role="img" aria-label="${words}"></div>`;
}

function table(id: string, rows: readonly (readonly [name: string, value: string])[]): Markup {
  return markup`<table id="${id}"><tbody>
${rows.map(([name, value]) => row(name, [value]))}
</tbody></table>`;
}

function row(name: string, values: readonly string[]): Markup {
  const cells = values.map((value) => markup`<td>${value}</td>`);
  return markup`<tr><th scope="row">${name}</th>${cells}</tr>`;
}

/** NaN, which is written as a dash, for a distribution of nothing. */
function timeOf(distribution: Distribution, field: Exclude<keyof Distribution, "curve">): number {
  return distribution.count === 0 ? NaN : distribution[field];
}
