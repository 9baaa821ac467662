import { type EncodedHistogram, LatencyHistogram } from "./latency_histogram.ts";
import type { Distribution, ServerSplit } from "./report.ts";
import type { ServerReport } from "./server_report.ts";

/** The server's own times of one second, of the answers that told them. Plain data for another thread. */
export interface ServerRecord {
  readonly queue: EncodedHistogram;
  readonly compute: EncodedHistogram;
  readonly cache: EncodedHistogram;
}

/**
 * How long the server says that calls waited, were computed, and took in its cache.
 *
 * Most servers do not tell: nothing is held before one does.
 */
export class ServerTimes {
  #histograms: Record<keyof ServerRecord, LatencyHistogram> | undefined;

  record({ queueMs, computeMs, cacheMs }: ServerReport): void {
    if (queueMs !== undefined) this.#all().queue.record(queueMs);
    if (computeMs !== undefined) this.#all().compute.record(computeMs);
    if (cacheMs !== undefined) this.#all().cache.record(cacheMs);
  }

  /** Adds what `encode` gave, on this thread or another. */
  add({ queue, compute, cache }: ServerRecord): void {
    const all = this.#all();
    all.queue.add(queue);
    all.compute.add(compute);
    all.cache.add(cache);
  }

  /** Empties it. @returns what was in it; `null` for nothing */
  encode(): ServerRecord | null {
    const all = this.#histograms;
    if (all === undefined || this.#isEmpty()) return null;
    return {
      queue: all.queue.encode(),
      compute: all.compute.encode(),
      cache: all.cache.encode(),
    };
  }

  /** All of it; `null` where no answer told any of it. */
  split(): ServerSplit | null {
    const all = this.#histograms;
    if (all === undefined || this.#isEmpty()) return null;
    return {
      queue: distributionOf(all.queue),
      compute: distributionOf(all.compute),
      cache: distributionOf(all.cache),
    };
  }

  #isEmpty(): boolean {
    return Object.values(this.#histograms ?? {}).every(({ count }) => count === 0);
  }

  #all(): Record<keyof ServerRecord, LatencyHistogram> {
    return this.#histograms ??= {
      queue: new LatencyHistogram(),
      compute: new LatencyHistogram(),
      cache: new LatencyHistogram(),
    };
  }
}

function distributionOf(histogram: LatencyHistogram): Distribution | null {
  return histogram.count === 0 ? null : histogram.distribution();
}
