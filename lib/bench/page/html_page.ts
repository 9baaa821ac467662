import { createHash } from "node:crypto";
import chartLicense from "uplot/LICENSE" with { type: "text" };
import chartStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import chartScript from "uplot/dist/uPlot.iife.min.js" with { type: "text" };
import type { BenchReport } from "../report.ts";
import {
  charts,
  figures,
  header,
  options,
  serverTimes,
  tiles,
  warnings,
  workloads,
} from "./sections.ts";
import { jsonForScript, markup, trusted } from "./markup.ts";
import pageScript from "./page.js" with { type: "text" };
import pageStyle from "./page.css" with { type: "text" };

/**
 * A report as one page of HTML that needs nothing beside itself: figures and options as tables, the
 * latency curve and the course of the run as charts, light or dark as the reader's system is.
 *
 * The page makes no request: its policy forbids every one, and runs no script but the two that are in
 * it, told by their hashes, so that not even an escaping mistake could run what a server's error text
 * says. The whole report is in the page, as the JSON of `#report`.
 *
 * Cost: 65 kB beside the report.
 */
export function formatHtml(report: BenchReport): string {
  const { workload } = report.options;
  const page = markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${workload} on ${report.target}: load report</title>
<link rel="icon" href="data:,">
<style>${trusted(chartStyle)}</style>
<style>${trusted(pageStyle)}</style>
</head>
<body>
${header(report)}
<main>
${warnings(report)}
${tiles(report)}
${charts(report)}
${serverTimes(report)}
${workloads(report)}
${figures(report)}
${options(report)}
</main>
<script type="application/json" id="report">${jsonForScript(report)}</script>
<!-- uPlot, which draws the charts:
${trusted(chartLicense)}-->
<script>${trusted(chartScript)}</script>
<script>${trusted(pageScript)}</script>
</body>
</html>
`;
  return page.toString();
}

/** The icon is an empty one of the page's own: a browser would ask the server for it otherwise. */
function policy(): string {
  return [
    "default-src 'none'",
    "img-src data:",
    `script-src ${hashOf(chartScript)} ${hashOf(pageScript)}`,
    `style-src ${hashOf(chartStyle)} ${hashOf(pageStyle)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
}

/** Source: Content Security Policy Level 3, §2.3.1. */
function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
