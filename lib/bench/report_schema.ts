import { z } from "zod";
import { OperationError } from "../errors.ts";
import { type BenchReport, REPORT_SCHEMA } from "./report.ts";

const amount = z.number().nonnegative();
const count = z.int().nonnegative();
const text = z.string();

const distribution = z.object({
  count,
  minMs: amount,
  meanMs: amount,
  stdDevMs: amount,
  p50Ms: amount,
  p90Ms: amount,
  p99Ms: amount,
  p999Ms: amount,
  p9999Ms: amount,
  maxMs: amount,
  curve: z.array(z.object({ percentile: amount.max(100), valueMs: amount, count })),
});

const options = z.object({
  workload: text,
  loop: z.enum(["closed", "open"]),
  connections: count,
  inflight: count.nullable(),
  ratePerSecond: amount.nullable(),
  arrivals: z.enum(["constant", "poisson"]).nullable(),
  durationMs: amount.nullable(),
  requests: count.nullable(),
  warmupMs: amount,
  threads: count,
  seed: count,
  deadlineMs: amount.nullable(),
  inputs: count.nullable(),
  distinct: count.nullable(),
  zipf: amount.nullable(),
  tls: z.boolean(),
});

/**
 * The shape of `BenchReport`. What it does not know is left out, so that a report may hold more.
 */
export const reportSchema = z.object({
  schema: z.literal(REPORT_SCHEMA),
  startedAt: z.iso.datetime({ offset: true }),
  target: text,
  client: z.object({ version: text, deno: text, processors: count }),
  options,
  elapsedMs: amount,
  offeredPerSecond: amount.nullable(),
  achievedPerSecond: amount,
  calls: count,
  errors: z.array(z.object({ code: text, count })),
  latency: distribution,
  service: distribution,
  hits: distribution.nullable(),
  misses: distribution.nullable(),
  bytesSent: count,
  bytesReceived: count,
  series: z.array(
    z.object({ second: count, calls: count, errors: count, p50Ms: amount, p99Ms: amount }),
  ),
  server: z.object({ queueMs: amount, computeMs: amount, cacheMs: amount }).nullable(),
  warnings: z.array(text),
});

/**
 * The report that a file holds.
 *
 * @param json the file's content
 * @param file its name, for error messages only
 * @throws {OperationError} invalid-argument, if it is none of this version; the message names the file,
 *   the first wrong field, what was found there and what is expected
 */
export function parseReport(json: string, file: string): BenchReport {
  const content = parseJson(json, file);
  const version = versionOf(content);
  if (version !== REPORT_SCHEMA) {
    const found = version === undefined ? "no schema" : `schema ${JSON.stringify(version)}`;
    throw unreadable(file, `found ${found}, need ${JSON.stringify(REPORT_SCHEMA)}`);
  }
  const report = reportSchema.safeParse(content);
  if (report.success) return report.data;
  const [{ path, message }] = report.error.issues;
  throw unreadable(file, `${formatPath(path)}: ${message}`);
}

function parseJson(json: string, file: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    // V8 quotes the text around the error, line breaks included.
    const reason = (error as SyntaxError).message.replaceAll(/\s+/g, " ");
    throw unreadable(file, `expected JSON: ${reason}`, error);
  }
}

function versionOf(content: unknown): unknown {
  if (typeof content !== "object" || content === null || !("schema" in content)) return undefined;
  return content.schema;
}

/** `["series", 3, "calls"]` as `series[3].calls`. */
function formatPath(path: readonly PropertyKey[]): string {
  return path.map((step) => typeof step === "number" ? `[${step}]` : `.${String(step)}`).join("")
    .replace(/^\./, "");
}

function unreadable(file: string, reason: string, cause?: unknown): OperationError {
  return new OperationError("invalid-argument", `Cannot read report ${file}: ${reason}`, { cause });
}
