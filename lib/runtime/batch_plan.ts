import { SLOT, TIME } from "./job_queue_layout.ts";
import type { JobTable } from "./job_table.ts";

/** How jobs are put together. */
export interface BatchRules {
  /** The most rows of a batch; a job that has more by itself runs alone. 1: each job runs alone. */
  readonly maxBatchRows: number;
  /** How long the oldest job of a batch waits for others; 0: batches are of what is there. */
  readonly maxDelayMs: number;
  /** A batch of exactly so many rows waits no longer; ascending or not. */
  readonly preferredRows: readonly number[];
}

/** What is to be done with the line. */
export type BatchPlan =
  | { readonly kind: "run"; readonly slots: readonly number[] }
  /** Until `untilMs`, or until `rows` more are in line. */
  | { readonly kind: "wait"; readonly untilMs: number; readonly rows: number }
  | { readonly kind: "empty" };

/** Jobs that may share a batch. */
interface Gathering {
  readonly slots: number[];
  rows: number;
  dueMs: number;
  /** Nothing more fits. */
  isFull: boolean;
  /** How many of the jobs make a preferred batch; 0 if none do. */
  preferredJobs: number;
}

/**
 * Decides on the next batch, by the jobs in line: the first group that makes one now.
 *
 * Groups stand in the order of their first job, higher levels first, and jobs in a group likewise: none
 * overtakes another of its group, so one that does not fit closes the batch. A group makes a batch when nothing
 * more fits, when it has a preferred number of rows, or when its oldest job has waited for `maxDelayMs`.
 * Jobs whose deadline has passed fail on the way.
 *
 * The caller holds the lock. Cost: O(jobs in line), O(jobs of the batch) if the first group fills one.
 *
 * @param nowMs on the shared clock
 */
export function planBatch(
  table: JobTable,
  { maxBatchRows, maxDelayMs, preferredRows }: BatchRules,
  nowMs: number,
): BatchPlan {
  const gatherings = new Map<number, Gathering>();
  let first: Gathering | undefined;
  for (let level = 1; level <= table.bounds.priorityLevels; level++) {
    let behind = table.lines.first(level);
    while (behind !== 0) {
      const slot = behind;
      behind = table.lines.behind(slot);
      if (table.time(slot, TIME.deadline) <= nowMs) {
        table.fail(slot, EXPIRED, nowMs);
        continue;
      }
      const rows = table.get(slot, SLOT.rows);
      const alone = table.isAlone(slot) || rows >= maxBatchRows;
      // Its own group, of which nobody else knows: no int32.
      const group = alone ? 0.5 + slot : table.get(slot, SLOT.group);
      let gathering = gatherings.get(group);
      if (gathering === undefined) {
        gathering = { slots: [], rows: 0, dueMs: Infinity, isFull: false, preferredJobs: 0 };
        gatherings.set(group, gathering);
        first ??= gathering;
      }
      if (gathering.isFull) continue;
      if (gathering.rows > 0 && gathering.rows + rows > maxBatchRows) {
        gathering.isFull = true;
      } else {
        gathering.slots.push(slot);
        gathering.rows += rows;
        gathering.dueMs = Math.min(gathering.dueMs, table.time(slot, TIME.arrival) + maxDelayMs);
        gathering.isFull = alone || gathering.rows >= maxBatchRows;
        if (preferredRows.includes(gathering.rows)) {
          gathering.preferredJobs = gathering.slots.length;
        }
      }
      if (gathering.isFull && gathering === first) return { kind: "run", slots: gathering.slots };
    }
  }
  return choose([...gatherings.values()], { maxBatchRows, preferredRows }, nowMs, table.isClosing);
}

function choose(
  gatherings: readonly Gathering[],
  { maxBatchRows, preferredRows }: Pick<BatchRules, "maxBatchRows" | "preferredRows">,
  nowMs: number,
  isClosing: boolean,
): BatchPlan {
  if (gatherings.length === 0) return { kind: "empty" };
  let untilMs = Infinity;
  let rows = Infinity;
  for (const gathering of gatherings) {
    if (gathering.isFull || gathering.dueMs <= nowMs || isClosing) {
      return { kind: "run", slots: gathering.slots };
    }
    if (gathering.preferredJobs > 0) {
      return { kind: "run", slots: gathering.slots.slice(0, gathering.preferredJobs) };
    }
    untilMs = Math.min(untilMs, gathering.dueMs);
    rows = Math.min(rows, rowsMissing(gathering.rows, maxBatchRows, preferredRows));
  }
  // A group that is not there yet has all of its rows to come.
  return {
    kind: "wait",
    untilMs,
    rows: Math.min(rows, rowsMissing(0, maxBatchRows, preferredRows)),
  };
}

/** How many rows more make a preferred batch, or a full one. */
function rowsMissing(rows: number, maxBatchRows: number, preferredRows: readonly number[]): number {
  let missing = maxBatchRows - rows;
  for (const preferred of preferredRows) {
    if (preferred > rows) missing = Math.min(missing, preferred - rows);
  }
  return missing;
}

const EXPIRED = {
  code: "deadline-exceeded",
  message: "Cannot run the job: its deadline passed while it was in line",
} as const;
