import { openInline } from "../platforms/inline_definition.ts";
import { GenerationCache } from "./generation_cache.ts";
import type { GenerationDescriptor } from "./generation.ts";
import { generationStatistics } from "./generation_statistics.ts";
import { InlineModel } from "./inline_model.ts";
import { JobClient } from "./job_client.ts";
import { ModelStatisticsRow } from "./model_statistics.ts";
import type { OpenGeneration } from "./model_table.ts";
import { QueuedModel } from "./queued_model.ts";
import type { ServedModel } from "./served_model.ts";
import type { ThreadWake } from "./thread_wake.ts";

/** Which serving thread opens a generation. */
export interface GenerationThread {
  /** Its row in what generations count, and its place in their queues. */
  readonly thread: number;
  /** Its name as an owner of locks. */
  readonly owner: number;
  readonly wake: ThreadWake;
}

/** Opens a generation on a serving thread. */
export function openGeneration(
  descriptor: GenerationDescriptor,
  thread: GenerationThread,
): OpenGeneration {
  const { id, model, version, platform, metadata, config } = descriptor;
  const counted = new ModelStatisticsRow(descriptor.statistics, thread.thread);
  return {
    id,
    model,
    version,
    platform,
    metadata,
    config,
    served: serve(descriptor, thread, counted),
    counted,
    statistics: () => generationStatistics(descriptor),
  };
}

function serve(
  descriptor: GenerationDescriptor,
  thread: GenerationThread,
  counted: ModelStatisticsRow,
): ServedModel {
  const { execution } = descriptor;
  const cache = descriptor.cache && new GenerationCache(descriptor.cache, thread.owner);
  if (execution.kind === "inline") {
    const model = openInline(execution.definition);
    return new InlineModel(descriptor, model, cache, counted);
  }
  return new QueuedModel(descriptor, new JobClient(execution.memory, thread), cache);
}
