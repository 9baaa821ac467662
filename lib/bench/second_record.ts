import { BENCH_SECONDS_KEPT } from "../limits.ts";
import { type EncodedHistogram, LatencyHistogram } from "./latency_histogram.ts";
import type { ServerReport } from "./server_report.ts";
import { type ServerRecord, ServerTimes } from "./server_times.ts";
import { WorkloadCount, type WorkloadRecord } from "./workload_count.ts";

const MS_PER_SECOND = 1_000;

/** Calls that were given up in a later second than the one in which they were due. */
export interface LateRecord {
  /** In which they were due, or the earliest that is kept. */
  readonly second: number;
  /** By the name of the code. */
  readonly errors: Readonly<Record<string, number>>;
  /** From when they were due until they were given up. */
  readonly times: EncodedHistogram;
}

/**
 * What one thread counted in one second: calls by when they ended, but for those that were given up, which
 * are the trouble of the second in which they were due. Plain data for another thread.
 */
export interface SecondRecord {
  /** From the end of the warm-up, 0 for the first. */
  readonly second: number;
  /** Whether the thread tells of no other. */
  readonly isLast: boolean;
  /** Calls that were answered, and without an error. */
  readonly answered: number;
  /** Of them, those that were answered before the end of the window. */
  readonly inTime: number;
  /** By the name of the code. */
  readonly errors: Readonly<Record<string, number>>;
  /** From when calls were due: of hits, of misses, of coalesced calls, and of those that are none. */
  readonly hits: EncodedHistogram;
  readonly misses: EncodedHistogram;
  readonly coalesced: EncodedHistogram;
  readonly others: EncodedHistogram;
  /** Of earlier seconds, told of in this one; one of them may be in it more than once. */
  readonly late: readonly LateRecord[];
  /** From when calls were sent; `null` in a closed loop, where that is when they were due. */
  readonly service: EncodedHistogram | null;
  /** What the server told of its own time; `null` where it told nothing. */
  readonly server: ServerRecord | null;
  /** One for each workload of several; none where there is but one. */
  readonly workloads: readonly WorkloadRecord[];
}

/** What an answer counts as; see `Outcome` for an error. */
export type AnswerKind = "ok" | "hit" | "miss" | "coalesced";

/** What an answer was, and what the server told of it. */
export interface Answer {
  /** The index of the call's workload. */
  readonly workload: number;
  readonly kind: AnswerKind;
  readonly server: ServerReport | undefined;
}

/** How a call ended that has no answer. */
export interface Failure {
  /** The index of the call's workload. */
  readonly workload: number;
  /** The name of a status code. */
  readonly code: string;
  /**
   * Whether its time is at least as long as the answer would have taken: then it counts among the
   * latencies, of the second in which it was due. The time of a quick refusal does not.
   */
  readonly late: boolean;
}

/** How a recorder works. */
export interface SecondRecorderOptions {
  /**
   * The end of the warm-up, before which nothing that was due is recorded, and the end of what is
   * measured, which may move. On the clock of all other times.
   */
  readonly window: { readonly startMs: number; readonly endMs: number };
  /** Whether calls are sent when they are due, so that there is one time to record rather than two. */
  readonly closed: boolean;
  /** How many workloads the calls are of. */
  readonly workloads: number;
  readonly onSecond: (record: SecondRecord) => void;
}

/**
 * Records the calls of one thread, second by second: only the current one is held.
 *
 * Every second is told of, also one without a call, in order and once.
 */
export class SecondRecorder {
  readonly #startMs: number;
  readonly #window: SecondRecorderOptions["window"];
  readonly #onSecond: (record: SecondRecord) => void;
  readonly #hits = new LatencyHistogram();
  readonly #misses = new LatencyHistogram();
  readonly #coalesced = new LatencyHistogram();
  readonly #others = new LatencyHistogram();
  readonly #server = new ServerTimes();
  readonly #service: LatencyHistogram | undefined;
  readonly #workloads: readonly WorkloadCount[];
  readonly #lateTimes = new LatencyHistogram();
  #errors = new Map<string, number>();
  #late: LateRecord[] = [];
  #lateSecond = 0;
  #lateErrors = new Map<string, number>();
  #answered = 0;
  #inTime = 0;
  #second = 0;
  #secondEndMs: number;
  /** When the last call that counts ended; the start before there is one. */
  lastEndMs: number;
  /** Calls answered without an error. */
  answeredTotal = 0;

  constructor({ window, closed, workloads, onSecond }: SecondRecorderOptions) {
    const { startMs } = window;
    this.#startMs = startMs;
    this.#window = window;
    this.#onSecond = onSecond;
    this.#service = closed ? undefined : new LatencyHistogram();
    this.#workloads = Array.from(
      { length: workloads > 1 ? workloads : 0 },
      () => new WorkloadCount(),
    );
    this.#secondEndMs = startMs + MS_PER_SECOND;
    this.lastEndMs = startMs;
  }

  /** A call has its answer. */
  answer(dueMs: number, sentMs: number, endMs: number, answer: Answer): void {
    if (dueMs < this.#startMs) return;
    this.advance(endMs);
    this.lastEndMs = endMs;
    this.#answered++;
    if (endMs < this.#window.endMs) this.#inTime++;
    this.answeredTotal++;
    this.#service?.record(endMs - sentMs);
    this.#histogramOf(answer.kind).record(endMs - dueMs);
    if (answer.server !== undefined) this.#server.record(answer.server);
    if (this.#workloads.length > 0) this.#workloads[answer.workload].answer(endMs - dueMs);
  }

  /** A call has failed. @param sentMs `undefined` when it was not sent at all */
  fail(dueMs: number, sentMs: number | undefined, endMs: number, failure: Failure): void {
    if (dueMs < this.#startMs) return;
    this.advance(endMs);
    this.lastEndMs = endMs;
    const { workload, code, late } = failure;
    if (this.#workloads.length > 0) {
      this.#workloads[workload].fail(code, late ? endMs - dueMs : undefined);
    }
    if (!late) return addOne(this.#errors, code);
    if (sentMs !== undefined) this.#service?.record(endMs - sentMs);
    const dueSecond = Math.floor((dueMs - this.#startMs) / MS_PER_SECOND);
    if (dueSecond < this.#second) return this.#failLate(dueSecond, endMs - dueMs, code);
    addOne(this.#errors, code);
    this.#others.record(endMs - dueMs);
  }

  /** Tells of the seconds that are over. */
  advance(nowMs: number): void {
    while (nowMs >= this.#secondEndMs) this.flush();
  }

  /** Tells of the current second, over or not, and begins the next. */
  flush(): void {
    this.#tell({ isLast: false });
  }

  /** Tells of the current second, over or not: it is the last. */
  end(): void {
    this.#tell({ isLast: true });
  }

  #tell({ isLast }: Pick<SecondRecord, "isLast">): void {
    this.#closeLate();
    this.#onSecond({
      second: this.#second++,
      isLast,
      answered: this.#answered,
      inTime: this.#inTime,
      errors: Object.fromEntries(this.#errors),
      hits: this.#hits.encode(),
      misses: this.#misses.encode(),
      coalesced: this.#coalesced.encode(),
      others: this.#others.encode(),
      late: this.#late,
      service: this.#service?.encode() ?? null,
      server: this.#server.encode(),
      workloads: this.#workloads.map((workload) => workload.encode()),
    });
    this.#secondEndMs += MS_PER_SECOND;
    this.#answered = 0;
    this.#inTime = 0;
    this.#errors = new Map();
    this.#late = [];
  }

  #histogramOf(kind: AnswerKind): LatencyHistogram {
    switch (kind) {
      case "hit":
        return this.#hits;
      case "miss":
        return this.#misses;
      case "coalesced":
        return this.#coalesced;
      case "ok":
        return this.#others;
    }
  }

  /** Calls are given up in the order in which they were due, so that one second is collected at a time. */
  #failLate(dueSecond: number, latencyMs: number, code: string): void {
    const second = Math.max(dueSecond, this.#second - BENCH_SECONDS_KEPT);
    if (second !== this.#lateSecond) this.#closeLate();
    this.#lateSecond = second;
    addOne(this.#lateErrors, code);
    this.#lateTimes.record(latencyMs);
  }

  #closeLate(): void {
    if (this.#lateErrors.size === 0) return;
    this.#late.push({
      second: this.#lateSecond,
      errors: Object.fromEntries(this.#lateErrors),
      times: this.#lateTimes.encode(),
    });
    this.#lateErrors = new Map();
  }
}

function addOne(counts: Map<string, number>, code: string): void {
  counts.set(code, (counts.get(code) ?? 0) + 1);
}
