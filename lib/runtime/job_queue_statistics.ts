import { boundsOf, HEAD, type JobQueueViews, openViews, STAT_NUMBERS } from "./job_queue_layout.ts";
import type { JobQueueMemory } from "./job_queue_memory.ts";

/** What a row counts; a thread's and an instance's row leave the other's at 0. */
const NAMES = [
  "submitted",
  "rejected",
  "expired",
  "cancelled",
  "coalesced",
  "recheckHits",
  "done",
  "failed",
  "executions",
  "jobs",
  "rows",
  "queueMs",
  "computeMs",
  "jobsFailed",
] as const;

/** A counter's name. */
export type JobCounterName = (typeof NAMES)[number];

/** Sizes of batches that are counted each for itself; larger ones by the power of two that they fit. */
const EXACT_ROWS = 64;
const BUCKETS = 88;
const COUNTS_FROM = 16;
const TIMES_FROM = COUNTS_FROM + BUCKETS;

/** Batches of one size. */
export interface BatchFigures {
  /** Rows: exactly so many up to 64, then more than the half of it up to it; with 2³⁰ all that are more. */
  readonly rows: number;
  readonly count: number;
  readonly computeMs: number;
}

/** Sums since the queue was allocated. */
export interface JobQueueSums extends Readonly<Record<JobCounterName, number>> {
  /** Sizes that there were, ascending. */
  readonly batches: readonly BatchFigures[];
}

/**
 * One thread's or instance's row of counters in a queue's memory.
 *
 * Each row has one writer at a time, which needs no lock; readers may see it up to a moment late.
 *
 * ```text
 *  threads:   submitted = rejected + recheckHits + those who wait or have been told:
 *             done, failed, expired, cancelled; `coalesced` of them waited for another's job
 *  instances: executions, and of all jobs that were started the ms in line, of all executions the ms at
 *             work; jobs and rows that are through, each once however often it was tried; jobsFailed;
 *             and by rows the executions, and their ms, that were not tried again job by job
 * ```
 */
export class JobQueueStatistics {
  readonly #row: Float64Array<SharedArrayBuffer>;

  private constructor(views: JobQueueViews, row: number) {
    this.#row = views.stats.subarray(row * STAT_NUMBERS, (row + 1) * STAT_NUMBERS);
  }

  static ofThread(views: JobQueueViews, thread: number): JobQueueStatistics {
    return new JobQueueStatistics(views, thread);
  }

  static ofInstance(views: JobQueueViews, instance: number): JobQueueStatistics {
    return new JobQueueStatistics(views, boundsOf(views.header).threads + instance);
  }

  add(name: JobCounterName, amount = 1): void {
    this.#row[INDEX[name]] += amount;
  }

  /** The model has been called with a batch; 0 jobs for one that failed and is run again job by job. */
  executed(jobs: number, rows: number, computeMs: number): void {
    this.add("executions");
    this.add("computeMs", computeMs);
    if (jobs === 0) return;
    this.add("jobs", jobs);
    this.add("rows", rows);
    const bucket = bucketOf(rows);
    this.#row[COUNTS_FROM + bucket]++;
    this.#row[TIMES_FROM + bucket] += computeMs;
  }

  /** The sums over all threads and instances. Takes no lock. */
  static sums(memory: JobQueueMemory): JobQueueSums {
    const { stats } = openViews(memory.table);
    const sums = new Float64Array(STAT_NUMBERS);
    for (let cell = 0; cell < stats.length; cell++) sums[cell % STAT_NUMBERS] += stats[cell];
    const named = Object.fromEntries(NAMES.map((name, index) => [name, sums[index]]));
    const batches: BatchFigures[] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const count = sums[COUNTS_FROM + bucket];
      if (count === 0) continue;
      batches.push({ rows: rowsOf(bucket), count, computeMs: sums[TIMES_FROM + bucket] });
    }
    return { ...named as Record<JobCounterName, number>, batches };
  }
}

function bucketOf(rows: number): number {
  if (rows <= EXACT_ROWS) return rows - 1;
  return Math.min(BUCKETS - 1, EXACT_ROWS + Math.ceil(Math.log2(rows / EXACT_ROWS)) - 1);
}

/** The most rows of a bucket. */
function rowsOf(bucket: number): number {
  return bucket < EXACT_ROWS ? bucket + 1 : EXACT_ROWS * 2 ** (bucket - EXACT_ROWS + 1);
}

const INDEX = Object.fromEntries(NAMES.map((name, index) => [name, index])) as Readonly<
  Record<JobCounterName, number>
>;

/** Jobs that are in line now, up to a moment ago. Takes no lock. */
export function queuedJobs(memory: JobQueueMemory): number {
  return openViews(memory.table).header[HEAD.queued];
}
