import type { ModelStatistics, StatisticDuration } from "../inference/backend.ts";

const NS_PER_MS = 1_000_000;

/**
 * A version's figures as clients of the statistics extension read them, and ours behind those.
 *
 * Inputs and outputs take no time of their own here: that is within `compute_infer`, and they are as often.
 *
 * Source: Triton's statistics extension, `$model_stat`.
 */
export function formatStatistics(figures: ModelStatistics) {
  const copying = withoutTime(figures.compute);
  return {
    name: figures.name,
    version: figures.version,
    last_inference: figures.lastInferenceMs,
    inference_count: figures.inferenceCount,
    execution_count: figures.executionCount,
    inference_stats: {
      success: duration(figures.success),
      fail: duration(figures.fail),
      queue: duration(figures.queue),
      compute_input: copying,
      compute_infer: duration(figures.compute),
      compute_output: copying,
      cache_hit: duration(figures.cacheHit),
      cache_miss: duration(figures.cacheMiss),
    },
    batch_stats: figures.batches.map(({ size, compute }) => ({
      batch_size: size,
      compute_input: withoutTime(compute),
      compute_infer: duration(compute),
      compute_output: withoutTime(compute),
    })),
    coalesced_count: figures.coalesced,
    rejected_count: figures.rejected,
    expired_count: figures.expired,
    queued_count: figures.queued,
    instance_count: figures.instances,
    instances_replaced_count: figures.instancesReplaced,
    recorded: figures.recorded,
  };
}

function withoutTime({ count }: StatisticDuration) {
  return { count, ns: 0 };
}

function duration({ count, totalMs }: StatisticDuration) {
  return { count, ns: Math.round(totalMs * NS_PER_MS) };
}
