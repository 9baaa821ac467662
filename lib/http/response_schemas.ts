import { z } from "zod";
import { DATATYPES } from "../tensor/datatype.ts";
import { tensorHeadSchema } from "./schemas.ts";

/** What each operation answers, for the API's description; nothing is checked by it while serving. */

const count = z.int().nonnegative();

const duration = z.object({ count, ns: count });

const tensorMetadata = z.object({
  name: z.string(),
  datatype: z.enum(DATATYPES),
  shape: z.array(z.int().min(-1)).meta({ description: "-1 stands for any." }),
});

export const errorSchema = z.object({ error: z.string() });

export const liveSchema = z.object({ live: z.boolean() });

export const readySchema = z.object({ ready: z.boolean() });

export const modelReadySchema = z.object({ name: z.string(), ready: z.boolean() });

export const serverMetadataSchema = z.object({
  name: z.string(),
  version: z.string(),
  extensions: z.array(z.string()),
});

export const modelMetadataSchema = z.object({
  name: z.string(),
  versions: z.array(z.string()).meta({ description: "Those that serve, ascending." }),
  platform: z.string(),
  inputs: z.array(tensorMetadata),
  outputs: z.array(tensorMetadata),
});

export const modelConfigSchema = z.record(z.string(), z.unknown()).meta({
  description: "model.json as it is served, defaults filled in.",
});

export const inferResponseSchema = z.object({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().optional(),
  outputs: z.array(tensorHeadSchema.extend({
    parameters: z.object({ binary_data_size: count }).optional(),
    data: z.array(z.unknown()).optional().meta({ description: "Flat, row-major." }),
  })),
});

const batchStatistics = z.object({
  batch_size: count,
  compute_input: duration,
  compute_infer: duration,
  compute_output: duration,
});

const recordedStatistic = z.object({
  count,
  sum: z.number(),
  min: z.number(),
  max: z.number(),
});

export const statisticsSchema = z.object({
  model_stats: z.array(z.object({
    name: z.string(),
    version: z.string(),
    last_inference: count.meta({ description: "Milliseconds since 1970; 0 for none." }),
    inference_count: count,
    execution_count: count,
    inference_stats: z.object({
      success: duration,
      fail: duration,
      queue: duration,
      compute_input: duration,
      compute_infer: duration,
      compute_output: duration,
      cache_hit: duration,
      cache_miss: duration,
    }),
    batch_stats: z.array(batchStatistics),
    coalesced_count: count,
    rejected_count: count,
    expired_count: count,
    queued_count: count,
    instance_count: count,
    instances_replaced_count: count,
    recorded: z.record(z.string(), recordedStatistic),
  })),
});

export const indexSchema = z.array(z.object({
  name: z.string(),
  version: z.string(),
  state: z.enum(["READY", "LOADING", "UNLOADING", "UNAVAILABLE"]),
  reason: z.string(),
}));

export const emptySchema = z.object({});
