import type { InferResponse } from "../inference/infer.ts";

/** What a serving thread counts of a generation: sums since it was loaded. Times in milliseconds. */
const FIELDS = [
  "lastInferenceMs",
  "successCount",
  "successMs",
  "failCount",
  "failMs",
  "queueMs",
  "computeCount",
  "computeMs",
  "hitCount",
  "hitMs",
  "missCount",
  "missMs",
  "coalescedCount",
  "inlineRows",
  "inlineExecutions",
  "instancesReplaced",
] as const;

/** The name of a sum. */
export type StatisticName = (typeof FIELDS)[number];

/** Upper bounds of the latency histogram: from a cache hit to a slow model. */
export const LATENCY_BOUNDS_MS: readonly number[] = [
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
  25,
  50,
  100,
  250,
  500,
  1_000,
  2_500,
  5_000,
  10_000,
  Infinity,
];

/** A whole number of cache lines, so that threads do not contend. */
const ROW_LENGTH = Math.ceil((FIELDS.length + LATENCY_BOUNDS_MS.length) / 8) * 8;

const INDEX = Object.fromEntries(FIELDS.map((name, index) => [name, index])) as Readonly<
  Record<StatisticName, number>
>;

/** Sums of all threads, and how many requests took at most each bound, not cumulative. */
export type StatisticSums = Readonly<Record<StatisticName, number>> & {
  readonly latencyCounts: readonly number[];
};

/**
 * What one serving thread counts of one generation, in shared memory.
 *
 * ```text
 *  row of thread 0                          row of thread 1
 *  ┌─────────────────┬──────────────────┬──┬─────
 *  │ sums  float64[] │ counts of latency│  │ …
 *  └─────────────────┴──────────────────┴──┴─────
 * ```
 *
 * A row has one writer, so there is no lock; readers may see it up to a moment late.
 */
export class ModelStatisticsRow {
  readonly #row: Float64Array;

  constructor(memory: SharedArrayBuffer, thread: number) {
    this.#row = new Float64Array(memory, thread * ROW_LENGTH * 8, ROW_LENGTH);
  }

  /** Memory for `rows` rows, all zero: one for each serving thread, one for the main thread. */
  static allocate(rows: number): SharedArrayBuffer {
    return new SharedArrayBuffer(rows * ROW_LENGTH * 8);
  }

  /** A request was answered after `elapsedMs`. */
  countAnswer({ cache, timing }: InferResponse, elapsedMs: number): void {
    const row = this.#row;
    row[INDEX.lastInferenceMs] = Date.now();
    row[INDEX.successCount]++;
    row[INDEX.successMs] += elapsedMs;
    if (cache === "hit") {
      row[INDEX.hitCount]++;
      row[INDEX.hitMs] += timing.cacheMs;
    } else {
      row[INDEX.queueMs] += timing.queueMs;
      row[INDEX.computeCount]++;
      row[INDEX.computeMs] += timing.computeMs;
      if (cache === "miss") {
        row[INDEX.missCount]++;
        row[INDEX.missMs] += timing.cacheMs;
      } else if (cache === "coalesced") row[INDEX.coalescedCount]++;
    }
    row[FIELDS.length + bucketOf(elapsedMs)]++;
  }

  countFailure(elapsedMs: number): void {
    this.#row[INDEX.failCount]++;
    this.#row[INDEX.failMs] += elapsedMs;
  }

  /** The thread itself has run the model. */
  countInline(rows: number): void {
    this.#row[INDEX.inlineRows] += rows;
    this.#row[INDEX.inlineExecutions]++;
  }

  /** An instance is replaced; for the row of the main thread, which is the last. */
  countReplacement(): void {
    this.#row[INDEX.instancesReplaced]++;
  }

  static sums(memory: SharedArrayBuffer): StatisticSums {
    const cells = new Float64Array(memory);
    const totals = new Float64Array(ROW_LENGTH);
    for (let start = 0; start < cells.length; start += ROW_LENGTH) {
      for (let index = 1; index < ROW_LENGTH; index++) totals[index] += cells[start + index];
      totals[0] = Math.max(totals[0], cells[start]);
    }
    const sums = Object.fromEntries(FIELDS.map((name, index) => [name, totals[index]]));
    return {
      ...sums as Record<StatisticName, number>,
      latencyCounts: [...totals.subarray(FIELDS.length, FIELDS.length + LATENCY_BOUNDS_MS.length)],
    };
  }
}

function bucketOf(elapsedMs: number): number {
  let bucket = 0;
  while (elapsedMs > LATENCY_BOUNDS_MS[bucket]) bucket++;
  return bucket;
}
