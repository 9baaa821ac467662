import type { ModelStatistics } from "../inference/backend.ts";
import type { Execution } from "./generation.ts";
import { JobQueueStatistics, queuedJobs } from "./job_queue_statistics.ts";
import { RecordedBoard } from "./recorded_board.ts";
import { LATENCY_BOUNDS_MS, ModelStatisticsRow } from "./model_statistics.ts";

/** What is told of a generation, put together from all of its counters. */
export function generationStatistics(generation: CountedGeneration): ModelStatistics {
  const { model, version, execution, rules, statistics, recorded } = generation;
  const sums = ModelStatisticsRow.sums(statistics);
  const queue = execution.kind === "queue" ? JobQueueStatistics.sums(execution.memory) : undefined;
  const answers = sums.computeCount;
  return {
    name: model,
    version,
    lastInferenceMs: sums.lastInferenceMs,
    inferenceCount: queue?.rows ?? sums.inlineRows,
    executionCount: queue?.executions ?? sums.inlineExecutions,
    success: { count: sums.successCount, totalMs: sums.successMs },
    fail: { count: sums.failCount, totalMs: sums.failMs },
    queue: { count: answers, totalMs: sums.queueMs },
    compute: { count: answers, totalMs: sums.computeMs },
    cacheHit: { count: sums.hitCount, totalMs: sums.hitMs },
    cacheMiss: { count: sums.missCount, totalMs: sums.missMs },
    coalesced: sums.coalescedCount,
    rejected: queue?.rejected ?? 0,
    expired: (queue?.expired ?? 0) + (queue?.cancelled ?? 0),
    queued: execution.kind === "queue" ? queuedJobs(execution.memory) : 0,
    instances: execution.kind === "queue" ? rules.instances : 0,
    instancesReplaced: sums.instancesReplaced,
    batches: (queue?.batches ?? []).map(({ rows, count, computeMs }) => ({
      size: rows,
      compute: { count, totalMs: computeMs },
    })),
    latency: cumulative(sums.latencyCounts),
    recorded: recorded === undefined ? {} : new RecordedBoard(recorded).read(),
  };
}

/** What is needed of a generation to tell what was counted. */
interface CountedGeneration {
  readonly model: string;
  readonly version: string;
  readonly execution: { readonly kind: "inline" } | Extract<Execution, { kind: "queue" }>;
  readonly rules: { readonly instances: number };
  readonly statistics: SharedArrayBuffer;
  readonly recorded?: SharedArrayBuffer;
}

function cumulative(counts: readonly number[]): ModelStatistics["latency"] {
  let count = 0;
  return LATENCY_BOUNDS_MS.map((leMs, index) => ({ leMs, count: count += counts[index] }));
}
