import type { ModelStatistics, StatisticDuration } from "../inference/backend.ts";

/** A StatisticDuration as it travels: nanoseconds. */
interface DurationMessage {
  readonly count: number;
  readonly ns: number;
}

/** A ModelStatistics message. */
export interface ModelStatisticsMessage {
  readonly name: string;
  readonly version: string;
  readonly last_inference: number;
  readonly inference_count: number;
  readonly execution_count: number;
  readonly inference_stats: Readonly<Record<string, DurationMessage>>;
  readonly batch_stats: readonly {
    readonly batch_size: number;
    readonly compute_input: DurationMessage;
    readonly compute_infer: DurationMessage;
    readonly compute_output: DurationMessage;
  }[];
}

const NS_PER_MS = 1_000_000;

/**
 * What was counted of a version, as Triton's clients read it. Copying in and out of a batch is a part of
 * `compute_infer`; its own durations, which Triton has, are as often and 0.
 */
export function statisticsMessage(statistics: ModelStatistics): ModelStatisticsMessage {
  const { name, version, compute } = statistics;
  return {
    name,
    version,
    last_inference: Math.floor(statistics.lastInferenceMs),
    inference_count: statistics.inferenceCount,
    execution_count: statistics.executionCount,
    inference_stats: {
      success: durationMessage(statistics.success),
      fail: durationMessage(statistics.fail),
      queue: durationMessage(statistics.queue),
      compute_input: copying(compute),
      compute_infer: durationMessage(compute),
      compute_output: copying(compute),
      cache_hit: durationMessage(statistics.cacheHit),
      cache_miss: durationMessage(statistics.cacheMiss),
    },
    batch_stats: statistics.batches.map(({ size, compute }) => ({
      batch_size: size,
      compute_input: copying(compute),
      compute_infer: durationMessage(compute),
      compute_output: copying(compute),
    })),
  };
}

function durationMessage({ count, totalMs }: StatisticDuration): DurationMessage {
  return { count, ns: Math.round(totalMs * NS_PER_MS) };
}

function copying({ count }: StatisticDuration): DurationMessage {
  return { count, ns: 0 };
}
