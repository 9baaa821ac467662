import { z } from "zod";
import { type BenchReport, REPORT_SCHEMA } from "./report.ts";

/** The version before, which is read still: it has no field that is not in this one. */
export const REPORT_SCHEMA_1 = "modelserver-bench/1";

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

const splitSchema = z.strictObject({
  queue: distributionSchema.nullable(),
  compute: distributionSchema.nullable(),
  cache: distributionSchema.nullable(),
});

const errorsSchema = z.array(z.strictObject({ code: z.string(), count }));

const workloadSchema = z.strictObject({
  workload: z.string(),
  weight: z.number().positive(),
  calls: count,
  errors: errorsSchema,
  latency: distributionSchema,
});

/** What both versions have. */
const fields = {
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
  errors: errorsSchema,
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
};

/** A report as JSON text holds it; nothing beside the known fields is accepted. */
export const benchReportSchema: z.ZodType<BenchReport> = z.strictObject({
  schema: z.literal(REPORT_SCHEMA),
  ...fields,
  coalesced: distributionSchema.nullable(),
  server: splitSchema.nullable(),
  workloads: z.array(workloadSchema).nullable(),
});

/** A report of version 1, read as one of this version: what was not measured then was not told. */
export const benchReport1Schema: z.ZodType<BenchReport> = z.strictObject({
  schema: z.literal(REPORT_SCHEMA_1),
  ...fields,
}).transform((report) => ({
  ...report,
  schema: REPORT_SCHEMA,
  coalesced: null,
  server: null,
  workloads: null,
}));
