import { clearImmediate, setImmediate } from "node:timers";

/**
 * How long before its time a wake-up is no longer left to a timer. Timers count in milliseconds and fire
 * up to one late when the processor is free.
 */
const POLL_FROM_MS = 2;

/** Wakes somebody up at a time, the next one each time. */
export interface Wakener {
  /** Wakes at `dueMs`, or soon when that is past; never before. One time at once. */
  wakeAt(dueMs: number): void;
  close(): void;
}

/**
 * Wakes up to a few microseconds, where timers do so to a millisecond: sleeps until shortly before, then
 * asks the clock each time the event loop comes around, which reads what has come in meanwhile.
 *
 * Cost: while calls follow each other within POLL_FROM_MS, the whole of a processor.
 */
export class Pacer implements Wakener {
  readonly #onWake: () => void;
  readonly #nowMs: () => number;
  readonly #look = () => this.#wait();
  #dueMs = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #immediate: ReturnType<typeof setImmediate> | undefined;

  constructor(onWake: () => void, nowMs: () => number) {
    this.#onWake = onWake;
    this.#nowMs = nowMs;
  }

  wakeAt(dueMs: number): void {
    this.#dueMs = dueMs;
    if (this.#timer === undefined && this.#immediate === undefined) this.#sleep();
  }

  close(): void {
    clearTimeout(this.#timer);
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    this.#dueMs = Infinity;
  }

  #sleep(): void {
    const leftMs = this.#dueMs - this.#nowMs();
    if (leftMs > POLL_FROM_MS) this.#timer = setTimeout(this.#look, leftMs - POLL_FROM_MS);
    else this.#immediate = setImmediate(this.#look);
  }

  #wait(): void {
    this.#timer = undefined;
    this.#immediate = undefined;
    if (this.#dueMs === Infinity) return;
    if (this.#nowMs() < this.#dueMs) return this.#sleep();
    this.#dueMs = Infinity;
    this.#onWake();
  }
}
