import { z } from "zod";
import { type BenchReport, REPORT_SCHEMA } from "./report.ts";

const count = z.int().nonnegative();
const ms = z.number().nonnegative();
const perSecond = z.number().nonnegative();

const distributionSchema = z.strictObject({
  count,
  minMs: ms,
  meanMs: ms,
  stdDevMs: ms,
  p50Ms: ms,
  p90Ms: ms,
  p99Ms: ms,
  p999Ms: ms,
  p9999Ms: ms,
  maxMs: ms,
  curve: z.array(z.strictObject({ percentile: z.number().min(0).max(100), valueMs: ms, count })),
});

const optionsSchema = z.strictObject({
  workload: z.string(),
  loop: z.enum(["closed", "open"]),
  connections: z.int().positive(),
  inflight: z.int().positive().nullable(),
  ratePerSecond: perSecond.nullable(),
  arrivals: z.enum(["constant", "poisson"]).nullable(),
  durationMs: ms.nullable(),
  requests: count.nullable(),
  warmupMs: ms,
  threads: z.int().positive(),
  seed: count,
  deadlineMs: ms.nullable(),
  inputs: z.int().positive().nullable(),
  distinct: z.int().positive().nullable(),
  zipf: z.number().nonnegative().nullable(),
  tls: z.boolean(),
});

/** A report as JSON text holds it; nothing beside the known fields is accepted. */
export const benchReportSchema: z.ZodType<BenchReport> = z.strictObject({
  schema: z.literal(REPORT_SCHEMA),
  startedAt: z.iso.datetime(),
  target: z.string(),
  client: z.strictObject({
    version: z.string(),
    deno: z.string(),
    processors: z.int().positive(),
  }),
  options: optionsSchema,
  elapsedMs: ms,
  offeredPerSecond: perSecond.nullable(),
  achievedPerSecond: perSecond,
  calls: count,
  errors: z.array(z.strictObject({ code: z.string(), count })),
  latency: distributionSchema,
  service: distributionSchema,
  hits: distributionSchema.nullable(),
  misses: distributionSchema.nullable(),
  bytesSent: count,
  bytesReceived: count,
  series: z.array(
    z.strictObject({ second: count, calls: count, errors: count, p50Ms: ms, p99Ms: ms }),
  ),
  warnings: z.array(z.string()),
});
