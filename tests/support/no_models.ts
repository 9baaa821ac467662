import { WorkerBoard } from "../../lib/pipeline/worker_board.ts";
import { ModelStatisticsRow } from "../../lib/runtime/model_statistics.ts";
import { allocateThreadWakes } from "../../lib/runtime/thread_wake.ts";
import type { ThreadPoolEvents, ThreadPoolOptions } from "../../lib/serving/thread_pool.ts";

/** What a pool of `threads` needs that serves no models but what is built in, and has no store. */
export function noModels(
  threads: number,
): Pick<ThreadPoolOptions, "models" | "modelMemory" | "pipeline" | "store" | "invocation"> {
  return {
    store: {
      need: () => {},
      join: () => () => {},
    },
    invocation: { model: "mock", storeTimeoutMs: 1_000, needsStore: false },
    models: () => ({ revision: 0, ready: true, generations: [] }),
    modelMemory: {
      linearStatistics: ModelStatisticsRow.allocate(threads + 1),
      wakes: allocateThreadWakes(threads),
    },
    pipeline: { workers: 0, queueMax: 1, board: WorkerBoard.allocate(0) },
  };
}

/** What becomes of models in such a pool, of traces and of the store: nothing. */
export const NO_MODEL_EVENTS: Pick<
  ThreadPoolEvents,
  "onThreadGone" | "onModelCommand" | "onSpansLost" | "onStoreFails" | "onStoreWorks"
> = {
  onStoreFails: () => {},
  onStoreWorks: () => {},
  onThreadGone: () => {},
  onSpansLost: () => {},
  onModelCommand: () =>
    Promise.resolve({ kind: "failed", code: "failed-precondition", message: "There are none" }),
};
