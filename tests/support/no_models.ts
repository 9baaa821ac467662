import { WorkerBoard } from "../../lib/pipeline/worker_board.ts";
import { ModelStatisticsRow } from "../../lib/runtime/model_statistics.ts";
import { allocateThreadWakes } from "../../lib/runtime/thread_wake.ts";
import type { ThreadPoolEvents, ThreadPoolOptions } from "../../lib/serving/thread_pool.ts";

/** What a pool of `threads` needs that serves no models but what is built in. */
export function noModels(
  threads: number,
): Pick<ThreadPoolOptions, "models" | "modelMemory" | "pipeline"> {
  return {
    models: () => ({ revision: 0, ready: true, generations: [] }),
    modelMemory: {
      linearStatistics: ModelStatisticsRow.allocate(threads + 1),
      wakes: allocateThreadWakes(threads),
    },
    pipeline: { workers: 0, queueMax: 1, board: WorkerBoard.allocate(0) },
  };
}

/** What becomes of models in such a pool, and of traces: nothing. */
export const NO_MODEL_EVENTS: Pick<
  ThreadPoolEvents,
  "onThreadGone" | "onModelCommand" | "onSpansLost"
> = {
  onThreadGone: () => {},
  onSpansLost: () => {},
  onModelCommand: () =>
    Promise.resolve({ kind: "failed", code: "failed-precondition", message: "There are none" }),
};
