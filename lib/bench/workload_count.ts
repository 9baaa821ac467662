import { type EncodedHistogram, LatencyHistogram } from "./latency_histogram.ts";
import type { Distribution } from "./report.ts";

/** The calls of one of several workloads in one second. Plain data for another thread. */
export interface WorkloadRecord {
  readonly answered: number;
  /** By the name of the code. */
  readonly errors: Readonly<Record<string, number>>;
  /** From when calls were due, of those that count among the latencies. */
  readonly times: EncodedHistogram;
}

/** What the calls of one of several workloads add up to. */
export interface WorkloadTotals {
  readonly calls: number;
  /** The most frequent first. */
  readonly errors: readonly { readonly code: string; readonly count: number }[];
  readonly latency: Distribution;
}

/** Counts the calls of one of several workloads; on a thread, and over all of them. */
export class WorkloadCount {
  readonly #times = new LatencyHistogram();
  #errors = new Map<string, number>();
  #answered = 0;

  answer(latencyMs: number): void {
    this.#answered++;
    this.#times.record(latencyMs);
  }

  /** @param latencyMs `undefined` where it is none; see `Failure` */
  fail(code: string, latencyMs: number | undefined): void {
    this.#addErrors(code, 1);
    if (latencyMs !== undefined) this.#times.record(latencyMs);
  }

  /** Adds what `encode` gave, on this thread or another. */
  add({ answered, errors, times }: WorkloadRecord): void {
    this.#answered += answered;
    for (const [code, count] of Object.entries(errors)) this.#addErrors(code, count);
    this.#times.add(times);
  }

  /** Empties it. @returns what was in it */
  encode(): WorkloadRecord {
    const record = {
      answered: this.#answered,
      errors: Object.fromEntries(this.#errors),
      times: this.#times.encode(),
    };
    this.#answered = 0;
    this.#errors = new Map();
    return record;
  }

  totals(): WorkloadTotals {
    const errors = [...this.#errors].map(([code, count]) => ({ code, count }))
      .sort((a, b) => b.count - a.count);
    return {
      calls: this.#answered + errors.reduce((sum, { count }) => sum + count, 0),
      errors,
      latency: this.#times.distribution(),
    };
  }

  #addErrors(code: string, count: number): void {
    this.#errors.set(code, (this.#errors.get(code) ?? 0) + count);
  }
}
