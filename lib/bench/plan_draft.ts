import { defaultThreads, type LoadPlan } from "./load_plan.ts";

/** The word for a number of threads that fits the load of each run. */
export const AUTO_THREADS = "auto";

/** What all runs of a search share; the load, and so the threads that it takes, may differ. */
export interface PlanDraft extends Omit<LoadPlan, "threads"> {
  readonly threads: number | typeof AUTO_THREADS;
}

/** The plan of a run at the draft's own load. @param processors of this machine */
export function planOf(draft: PlanDraft, processors: number): LoadPlan {
  const { loop, connections, threads } = draft;
  if (threads !== AUTO_THREADS) return { ...draft, threads };
  return { ...draft, threads: defaultThreads(loop, connections, processors) };
}

/**
 * The plan of a run at another load: calls per second of an open loop, connections of a closed one.
 *
 * @param load of a closed loop, at least the draft's number of threads
 * @param processors of this machine
 */
export function planAt(draft: PlanDraft, load: number, processors: number): LoadPlan {
  const { loop } = draft;
  const changed = loop.kind === "open"
    ? { ...draft, loop: { ...loop, ratePerSecond: load } }
    : { ...draft, connections: load };
  return planOf(changed, processors);
}
