import { BENCH_SECONDS_KEPT } from "../limits.ts";
import { type EncodedHistogram, LatencyHistogram } from "./latency_histogram.ts";
import type { Distribution, SecondOfRun, ServerSplit } from "./report.ts";
import type { LateRecord, SecondRecord } from "./second_record.ts";
import { ServerTimes } from "./server_times.ts";
import { WorkloadCount, type WorkloadTotals } from "./workload_count.ts";

/**
 * One second of the run, as somebody who watches it wants to know it: with the calls that were given up in
 * it, whenever they were due, since their own second has been told of.
 */
export interface SecondSeen extends SecondOfRun {
  /** Of the answers that tell; `null` when none does. */
  readonly hitRate: number | null;
}

/** What a run's seconds add up to. */
export interface RunTotals {
  /** Calls that have ended, one way or the other, and those of them that were answered. */
  readonly calls: number;
  readonly answered: number;
  /** Of those that were answered, the ones for which that was before the end of the run. */
  readonly inTime: number;
  readonly errors: readonly { readonly code: string; readonly count: number }[];
  readonly latency: Distribution;
  readonly service: Distribution;
  readonly hits: Distribution | null;
  readonly misses: Distribution | null;
  readonly coalesced: Distribution | null;
  readonly server: ServerSplit | null;
  /** One for each workload of several, in order; none where there is but one. */
  readonly workloads: readonly WorkloadTotals[];
  readonly series: readonly SecondOfRun[];
}

/**
 * Adds up what the threads tell: all of the run, and each second once every thread has told of it that has not
 * ended before.
 *
 * Seconds that some thread has still to tell of are held, 300 kB each; threads are at most a few apart.
 * Of the last BENCH_SECONDS_KEPT the counts are held, since calls of theirs may yet be given up.
 */
export class RunTally {
  readonly #threads: number;
  readonly #onSecond: (second: SecondSeen) => void;
  /** In ascending order, as every thread tells of them. */
  readonly #open = new Map<number, OpenSecond>();
  /** Of the threads that have ended. */
  readonly #lastSeconds: number[] = [];
  readonly #errors = new Map<string, number>();
  readonly #series: SecondOfRun[] = [];
  readonly #counts = new Map<number, EncodedHistogram>();
  readonly #late = new Map<number, LateSecond>();
  readonly #hits = new LatencyHistogram();
  readonly #misses = new LatencyHistogram();
  readonly #coalesced = new LatencyHistogram();
  readonly #others = new LatencyHistogram();
  readonly #service = new LatencyHistogram();
  readonly #server = new ServerTimes();
  readonly #workloads: WorkloadCount[] = [];
  #hasService = false;
  #answered = 0;
  #inTime = 0;

  constructor(threads: number, onSecond: (second: SecondSeen) => void) {
    this.#threads = threads;
    this.#onSecond = onSecond;
  }

  add(record: SecondRecord): void {
    const { hits, misses, coalesced, others, service, server, errors, answered, inTime } = record;
    this.#hits.add(hits);
    this.#misses.add(misses);
    this.#coalesced.add(coalesced);
    this.#others.add(others);
    if (service !== null) {
      this.#hasService = true;
      this.#service.add(service);
    }
    if (server !== null) this.#server.add(server);
    for (const [index, workload] of record.workloads.entries()) {
      (this.#workloads[index] ??= new WorkloadCount()).add(workload);
    }
    this.#answered += answered;
    this.#inTime += inTime;
    this.#addErrors(errors);
    for (const late of record.late) this.#addLate(late);
    this.#addToSecond(record);
    if (record.isLast) this.#lastSeconds.push(record.second);
    this.#closeTold();
  }

  /** All that was added; the last seconds may be those of some threads only. */
  totals(): RunTotals {
    for (const second of [...this.#open.keys()].sort((a, b) => a - b)) this.#close(second);
    this.#amend();
    dropEmptyEnd(this.#series);
    const kinds = [this.#hits, this.#misses, this.#coalesced];
    const all = merged([...kinds, this.#others]).distribution();
    const tells = kinds.some(({ count }) => count > 0);
    const errors = [...this.#errors].map(([code, count]) => ({ code, count }))
      .sort((a, b) => b.count - a.count);
    return {
      calls: this.#answered + errors.reduce((sum, { count }) => sum + count, 0),
      answered: this.#answered,
      inTime: this.#inTime,
      errors,
      latency: all,
      service: this.#hasService ? this.#service.distribution() : all,
      hits: tells ? this.#hits.distribution() : null,
      misses: tells ? this.#misses.distribution() : null,
      coalesced: this.#coalesced.count > 0 ? this.#coalesced.distribution() : null,
      server: this.#server.split(),
      workloads: this.#workloads.map((workload) => workload.totals()),
      series: this.#series,
    };
  }

  #addErrors(errors: Readonly<Record<string, number>>): void {
    for (const [code, count] of Object.entries(errors)) {
      this.#errors.set(code, (this.#errors.get(code) ?? 0) + count);
    }
  }

  #addLate({ second, errors, times }: LateRecord): void {
    this.#others.add(times);
    this.#addErrors(errors);
    const late = this.#late.get(second) ?? { errors: 0, times: [] };
    this.#late.set(second, late);
    late.errors += sumOf(errors);
    late.times.push(times);
  }

  /** Adds to each second the calls that were due in it and given up later. */
  #amend(): void {
    for (const [index, seen] of this.#series.entries()) {
      const late = this.#late.get(seen.second);
      if (late === undefined) continue;
      const latency = new LatencyHistogram();
      const counts = this.#counts.get(seen.second);
      for (const times of [...(counts === undefined ? [] : [counts]), ...late.times]) {
        latency.add(times);
      }
      this.#series[index] = {
        second: seen.second,
        calls: seen.calls + late.errors,
        errors: seen.errors + late.errors,
        p50Ms: latency.percentileMs(50),
        p99Ms: latency.percentileMs(99),
      };
    }
    this.#late.clear();
  }

  #addToSecond(record: SecondRecord): void {
    const open = this.#open.get(record.second) ?? new OpenSecond();
    this.#open.set(record.second, open);
    open.add(record);
  }

  /** Closes the seconds that every thread has told of which is to. */
  #closeTold(): void {
    for (const [second, { told }] of this.#open) {
      const ended = this.#lastSeconds.filter((last) => last < second).length;
      if (told < this.#threads - ended) return;
      this.#close(second);
    }
  }

  #close(second: number): void {
    const open = this.#open.get(second);
    if (open === undefined) return;
    this.#open.delete(second);
    const seen = open.seen(second);
    const { hitRate: _, ...ofRun } = seen;
    this.#series.push(ofRun);
    this.#counts.set(second, open.encode());
    this.#counts.delete(second - BENCH_SECONDS_KEPT - 1);
    const { late } = open;
    this.#onSecond({ ...seen, calls: seen.calls + late, errors: seen.errors + late });
  }
}

/** Calls of one second that were given up in later ones. */
interface LateSecond {
  errors: number;
  readonly times: EncodedHistogram[];
}

/** A second that some threads have told of. */
class OpenSecond {
  readonly #latency = new LatencyHistogram();
  #answered = 0;
  #errors = 0;
  #hits = 0;
  #toldOfCache = 0;
  told = 0;
  /** Calls of earlier seconds that were given up in this one. */
  late = 0;

  add({ hits, misses, coalesced, others, answered, errors, late }: SecondRecord): void {
    this.told++;
    for (const encoded of [hits, misses, coalesced, others]) this.#latency.add(encoded);
    this.#answered += answered;
    this.#errors += sumOf(errors);
    for (const { errors } of late) this.late += sumOf(errors);
    this.#hits += countOf(hits);
    for (const encoded of [hits, misses, coalesced]) this.#toldOfCache += countOf(encoded);
  }

  seen(second: number): SecondSeen {
    return {
      second,
      calls: this.#answered + this.#errors,
      errors: this.#errors,
      p50Ms: this.#latency.percentileMs(50),
      p99Ms: this.#latency.percentileMs(99),
      hitRate: this.#toldOfCache === 0 ? null : this.#hits / this.#toldOfCache,
    };
  }

  /** Empties it. */
  encode(): EncodedHistogram {
    return this.#latency.encode();
  }
}

function sumOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

function countOf(encoded: EncodedHistogram): number {
  let count = 0;
  for (let i = 1; i < encoded.length; i += 2) count += encoded[i];
  return count;
}

function merged(histograms: readonly LatencyHistogram[]): LatencyHistogram {
  const sum = new LatencyHistogram();
  for (const histogram of histograms) sum.addAll(histogram);
  return sum;
}

/** The second after the last call, which threads tell of as they end. */
function dropEmptyEnd(series: SecondOfRun[]): void {
  while (series.length > 0 && series[series.length - 1].calls === 0) series.pop();
}
