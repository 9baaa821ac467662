import type { Run } from "./run.ts";

/** A run as it is listed. */
export interface ListedRun {
  readonly id: number;
  /** Date.now() of when it was saved. */
  readonly savedMs: number;
  /** What `RunPage.after` takes to go on behind this run; opaque. */
  readonly cursor: string;
}

/** A part of all runs, newest first. */
export interface RunPage {
  /** Where the page before ended; undefined for the newest. */
  readonly after: string | undefined;
  /** At most this many. */
  readonly limit: number;
}

/**
 * Keeps runs, each under its input's id.
 *
 * Every method throws or rejects with OperationError: `unavailable` when the store is down, locked, full or read-only,
 * naming what is wrong with it; `deadline-exceeded` when it did not answer in time; `resource-exhausted` when too much
 * waits for it; `invalid-argument` for a cursor that is none. A method that rejects has kept nothing, unless its message says that the
 * outcome is not known.
 */
export interface RunStore {
  /** Keeps a run in place of what was kept under its id; resolves when it is as safe as the store makes it. */
  save(run: Run): Promise<void>;
  /** The last run that was saved under the id; undefined when there is none. */
  find(id: number): Promise<Run | undefined>;
  /** Whether there was one. */
  delete(id: number): Promise<boolean>;
  list(page: RunPage): Promise<readonly ListedRun[]>;
  /** Resolves when the store answers; rejects with why it does not. */
  check(): Promise<void>;
  /** What was asked for before is done; nothing is asked for after it. */
  close(): Promise<void>;
}
