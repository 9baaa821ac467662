import type { Run } from "../invocation/run.ts";
import type { ListedRun, RunPage } from "../invocation/run_store.ts";

/** Runs that are kept, as the routes tell them. Rejects with OperationError. */
export interface KeptRuns {
  /** The last run of an id; undefined when none is kept. */
  find(id: number): Promise<Run | undefined>;
  /** Whether there was one. */
  delete(id: number): Promise<boolean>;
  /** Newest first. */
  list(page: RunPage): Promise<readonly ListedRun[]>;
  /** Why the server is not ready for invocations; undefined when it is. */
  problem(): Promise<string | undefined>;
}
