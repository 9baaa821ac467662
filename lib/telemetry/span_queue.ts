import type { InferenceRecord } from "./inference_record.ts";
import type { ExportSpans } from "./span_exporter.ts";
import type { TraceSettings } from "./trace_settings.ts";

/** Who hears of what was lost. */
export interface SpanQueueEvents {
  /** For the first time, or at the end: how many inferences' spans were lost so far, and why the last were. */
  onSpansLost(lost: number, reason: string): void;
}

/** How a queue works: see TraceSettings. */
export interface SpanQueueOptions
  extends Pick<TraceSettings, "queueMax" | "batchMax" | "delayMs" | "timeoutMs"> {
  readonly exportSpans: ExportSpans;
  readonly encode: (records: readonly InferenceRecord[]) => Promise<string>;
  readonly events: SpanQueueEvents;
}

/**
 * Inferences that wait for the export of their spans, in batches, one export at a time.
 *
 * Never throws and never waits: what does not fit is dropped, and what a collector does not take is lost;
 * both are counted. Its timer runs only while something waits.
 *
 * Cost: an array's `push` for each inference.
 */
export class SpanQueue {
  readonly #options: SpanQueueOptions;
  #waiting: InferenceRecord[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #exporting: Promise<void> | undefined;
  #aborter: AbortController | undefined;
  #lost = 0;
  #lostReason = "";
  #closed = false;

  constructor(options: SpanQueueOptions) {
    this.#options = options;
  }

  /** Inferences whose spans were lost so far. */
  get lost(): number {
    return this.#lost;
  }

  add(record: InferenceRecord): void {
    const { queueMax, batchMax, delayMs } = this.#options;
    if (this.#closed || this.#waiting.length >= queueMax) {
      return this.#lose(1, `more than ${queueMax} inferences wait for export`);
    }
    const { length } = this.#waiting;
    this.#waiting.push(record);
    // Not in the turn of the inference that fills the batch: it would be the one that waits for it.
    if (length + 1 === batchMax) this.#schedule(0);
    else if (length === 0) this.#schedule(delayMs);
  }

  /**
   * Exports what waits, for at most `boundMs`, and takes nothing more. Never rejects.
   *
   * What was lost in all is told then, if anything was.
   */
  async close(boundMs: number): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    let over = false;
    const timer = setTimeout(() => {
      over = true;
      this.#aborter?.abort();
    }, boundMs);
    await this.#exporting;
    while (this.#waiting.length > 0 && !over) await this.#exportBatch();
    clearTimeout(timer);
    this.#lost += this.#waiting.length;
    if (this.#waiting.length > 0) this.#lostReason = "there was no time left to export them";
    this.#waiting = [];
    if (this.#lost > 0) this.#options.events.onSpansLost(this.#lost, this.#lostReason);
  }

  #schedule(delayMs: number): void {
    if (this.#exporting !== undefined) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), delayMs);
  }

  #run(): void {
    this.#exporting = this.#exportBatch().then(() => {
      this.#exporting = undefined;
      if (this.#closed || this.#waiting.length === 0) return;
      const { batchMax, delayMs } = this.#options;
      this.#schedule(this.#waiting.length >= batchMax ? 0 : delayMs);
    });
  }

  /** Never rejects. */
  async #exportBatch(): Promise<void> {
    const { batchMax, timeoutMs, encode, exportSpans } = this.#options;
    const batch = this.#waiting.splice(0, batchMax);
    const aborter = new AbortController();
    this.#aborter = aborter;
    const timer = setTimeout(() => aborter.abort(), timeoutMs);
    try {
      await exportSpans(await encode(batch), aborter.signal);
    } catch (error) {
      // A bug here is no reason to serve worse either.
      this.#lose(batch.length, error instanceof Error ? error.message : String(error));
    } finally {
      clearTimeout(timer);
    }
  }

  #lose(count: number, reason: string): void {
    const isFirst = this.#lost === 0;
    this.#lost += count;
    this.#lostReason = reason;
    if (isFirst) this.#options.events.onSpansLost(count, reason);
  }
}
