import { z } from "zod";
import {
  CACHE_BYTES_MAX,
  CACHE_ENTRIES_MAX,
  MODEL_BATCH_DELAY_MS_MAX,
  MODEL_BATCH_ROWS_MAX,
  MODEL_CACHE_BYTES_MIN,
  MODEL_CACHE_ROUND_MAX,
  MODEL_INSTANCES_MAX,
  MODEL_PREFERRED_SIZES_MAX,
  MODEL_PRIORITY_LEVELS_MAX,
  MODEL_QUEUE_BYTES_MAX,
  MODEL_QUEUE_BYTES_MIN,
  MODEL_QUEUE_SIZE_MAX,
  MODEL_SOURCE_URL_CHARS_MAX,
  MODEL_TENSOR_NAME_CHARS_MAX,
  MODEL_TENSOR_RANK_MAX,
  MODEL_TENSORS_MAX,
  MODEL_TIMEOUT_MS_MAX,
  MODEL_VERSIONS_MAX,
  MODEL_WARMUP_COUNT_MAX,
  MODEL_WARMUP_SAMPLES_MAX,
} from "../limits.ts";
import { DATATYPES } from "../tensor/datatype.ts";
import { checkConfig } from "./config_checks.ts";
import type { ModelConfig } from "./model_config.ts";
import { isVersion, VERSION_NEEDED } from "./model_name.ts";
import { ADDRESS_NEEDED, parseAddress } from "./sources/address.ts";

const VERSIONS_NEEDED = '{"latest": 1}, "all" or {"named": ["1", "3"]}';

/** An object of these keys and no others. */
function object<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const keys = Object.keys(shape).join(", ");
  const error = ({ code }: { code: string }) =>
    code === "unrecognized_keys" ? `one of ${keys}` : `an object with ${keys}`;
  return z.strictObject(shape, { error });
}

function array<Element extends z.ZodType>(element: Element, min: number, max: number) {
  const error = `an array of ${min === 0 ? "at most" : `${min} to`} ${max}`;
  return z.array(element, { error }).min(min, { error }).max(max, { error });
}

function integer(min: number, max: number) {
  const error = `an integer from ${min} to ${max}`;
  return z.int({ error }).min(min, { error }).max(max, { error });
}

function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  const quoted = values.map((value) => JSON.stringify(value));
  const error = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return z.enum(values, { error });
}

function text(charsMax: number, error: string) {
  return z.string({ error }).min(1, { error }).max(charsMax, { error })
    .refine((value) => value.isWellFormed(), { error });
}

const nameSchema = text(
  MODEL_TENSOR_NAME_CHARS_MAX,
  `a string of 1 to ${MODEL_TENSOR_NAME_CHARS_MAX} characters`,
);
const datatypeSchema = oneOf(DATATYPES as readonly [typeof DATATYPES[number]]);

const DIMENSION_NEEDED = "-1 for any size, or an integer of at least 1";
const dimensionSchema = z.int({ error: DIMENSION_NEEDED })
  .refine((size) => size === -1 || size >= 1, { error: DIMENSION_NEEDED });

const tensorsSchema = array(
  object({
    name: nameSchema,
    datatype: datatypeSchema,
    shape: array(dimensionSchema, 0, MODEL_TENSOR_RANK_MAX),
  }),
  1,
  MODEL_TENSORS_MAX,
);

const versionSchema = z.string({ error: VERSION_NEEDED })
  .refine(isVersion, { error: VERSION_NEEDED });

const versionsSchema = z.union([
  z.literal("all"),
  object({ latest: integer(1, MODEL_VERSIONS_MAX) }),
  object({ named: array(versionSchema, 1, MODEL_VERSIONS_MAX) }),
], { error: VERSIONS_NEEDED });

const DELAY_NEEDED = `a number from 0 to ${MODEL_BATCH_DELAY_MS_MAX}`;
const batchingSchema = object({
  maxBatchSize: integer(1, MODEL_BATCH_ROWS_MAX).default(32),
  maxDelayMs: z.number({ error: DELAY_NEEDED }).min(0, { error: DELAY_NEEDED })
    .max(MODEL_BATCH_DELAY_MS_MAX, { error: DELAY_NEEDED }).default(2),
  preferredBatchSizes: array(integer(1, MODEL_BATCH_ROWS_MAX), 0, MODEL_PREFERRED_SIZES_MAX)
    .default([]),
});

const queueSchema = object({
  size: integer(1, MODEL_QUEUE_SIZE_MAX).default(1_024),
  bytes: integer(MODEL_QUEUE_BYTES_MIN, MODEL_QUEUE_BYTES_MAX).default(67_108_864),
  priorityLevels: integer(1, MODEL_PRIORITY_LEVELS_MAX).default(1),
  defaultPriority: integer(1, MODEL_PRIORITY_LEVELS_MAX).default(1),
});

const cacheSchema = object({
  entries: integer(1, CACHE_ENTRIES_MAX).default(10_000),
  bytes: integer(MODEL_CACHE_BYTES_MIN, CACHE_BYTES_MAX).default(67_108_864),
  policy: oneOf(["lru", "s3-fifo", "sieve"]).default("lru"),
});

// The elements are looked at by the cross-check, which knows the datatype, and stops at the first.
const warmupDataSchema = z.array(z.custom<number | boolean | string>(() => true), {
  error: "an array of values, row after row, without nesting",
});
const sampleShapeSchema = array(
  integer(0, Number.MAX_SAFE_INTEGER),
  0,
  MODEL_TENSOR_RANK_MAX,
);
const warmupSchema = object({
  inputs: array(
    object({
      name: nameSchema,
      datatype: datatypeSchema,
      shape: sampleShapeSchema,
      data: warmupDataSchema,
    }),
    1,
    MODEL_TENSORS_MAX,
  ),
  count: integer(1, MODEL_WARMUP_COUNT_MAX).default(1),
});

const SHA256_NEEDED = "64 hex digits, the SHA-256 of the file";
const sourceSchema = object({
  url: text(MODEL_SOURCE_URL_CHARS_MAX, ADDRESS_NEEDED)
    .refine((url) => parseAddress(url) !== undefined, { error: ADDRESS_NEEDED }),
  sha256: z.string({ error: SHA256_NEEDED })
    .regex(/^[0-9a-f]{64}$/i, { error: SHA256_NEEDED }).toLowerCase().optional(),
});

/** The keys of a model.json; the messages say what is needed. */
export const modelConfigObject = object({
  platform: oneOf(["onnx", "mlp", "script", "linear"]),
  inputs: tensorsSchema.optional(),
  outputs: tensorsSchema.optional(),
  versions: versionsSchema.default({ latest: 1 }),
  batching: batchingSchema.optional(),
  queue: queueSchema.prefault({}),
  cache: cacheSchema.optional(),
  cacheRound: integer(0, MODEL_CACHE_ROUND_MAX).optional(),
  instances: integer(1, MODEL_INSTANCES_MAX).default(1),
  timeoutMs: integer(1, MODEL_TIMEOUT_MS_MAX).default(10_000),
  warmup: array(warmupSchema, 0, MODEL_WARMUP_SAMPLES_MAX).default([]),
  source: sourceSchema.optional(),
  options: z.record(z.string(), z.unknown(), { error: "an object" }).default({}),
});

/** A model.json as a whole: its keys, and what they ask of one another. */
export const modelConfigSchema: z.ZodType<ModelConfig> = modelConfigObject
  .superRefine((config, context) => {
    const wrong = checkConfig(config);
    if (wrong === undefined) return;
    context.addIssue({ code: "custom", path: [...wrong.path], message: wrong.needed });
  });
