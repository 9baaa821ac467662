import { formatCsv } from "./csv.ts";
import { formatHgrm } from "./hgrm.ts";
import { formatHtml } from "./page/html_page.ts";
import type { BenchReport } from "./report.ts";
import { formatTable } from "./report_table.ts";

/** The forms of a report, by the name that `--output` takes: each the text of it, ending in a line break. */
export const OUTPUTS = {
  table: formatTable,
  csv: formatCsv,
  hdr: ({ latency }: BenchReport) => formatHgrm(latency),
  html: formatHtml,
  json: (report: BenchReport) => `${JSON.stringify(report, null, 2)}\n`,
} as const satisfies Readonly<Record<string, (report: BenchReport) => string>>;

/** The name of such a form. */
export type OutputName = keyof typeof OUTPUTS;
