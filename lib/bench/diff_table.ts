import { type FigureChange, type ReportDiff, SIGNIFICANCE } from "./diff.ts";
import { formatChange, formatQuantity, NONE } from "./quantity.ts";
import { formatRows } from "./text_table.ts";

const HEAD = ["figure", "before", "after", "change", "relative", "p", "verdict"];

/** The diff as text for a terminal: a row for each figure, then what makes the runs hard to compare. */
export function formatDiff({ changes, caveats }: ReportDiff): string {
  return [
    formatRows([HEAD, ...changes.map(rowOf)]),
    `\nbetter, worse: Mann-Whitney test of the seconds, for errors of all calls too, p < ${SIGNIFICANCE}; ` +
    `unsure: not significant, or without a series\n`,
    ...caveats.map((caveat) => `note: ${caveat}\n`),
  ].join("");
}

/** One line for a figure that fails the comparison: `latency p99 got worse by 12.5 %: …`. */
export function formatRegression({ figure, before, after, relative }: FigureChange): string {
  const by = Number.isFinite(relative) ? ` by ${formatChange(Math.abs(relative)).slice(1)}` : "";
  const values = [before, after].map((value) => formatQuantity(value, figure.unit));
  return `${figure.name} got worse${by}: ${values[0]} before, ${values[1]} after`;
}

function rowOf({ figure, before, after, relative, p, verdict }: FigureChange): string[] {
  const difference = after - before;
  return [
    figure.name,
    formatQuantity(before, figure.unit),
    formatQuantity(after, figure.unit),
    `${difference > 0 ? "+" : ""}${formatQuantity(difference, figure.unit)}`,
    verdict === "same" ? NONE : formatChange(relative),
    p === null ? NONE : formatP(p),
    verdict,
  ];
}

function formatP(p: number): string {
  return p < 0.0001 ? "<0.0001" : p.toFixed(4);
}
