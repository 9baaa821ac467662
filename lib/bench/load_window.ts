import { type LoadLength, shareOf } from "./load_plan.ts";

/** Of which thread a window is, and when the run starts. */
export interface LoadWindowOptions {
  readonly length: LoadLength;
  readonly warmupMs: number;
  readonly thread: number;
  readonly threads: number;
  /** When the warm-up begins. */
  readonly beginMs: number;
}

/**
 * When one thread makes calls, and how many that count: those due from `startMs` on, before `endMs`.
 */
export class LoadWindow {
  readonly beginMs: number;
  /** The end of the warm-up. */
  readonly startMs: number;
  /** Infinity when calls are counted rather than time, until it is told otherwise. */
  endMs: number;
  #left: number;

  constructor({ length, warmupMs, thread, threads, beginMs }: LoadWindowOptions) {
    this.beginMs = beginMs;
    this.startMs = beginMs + warmupMs;
    this.endMs = length.kind === "duration" ? this.startMs + length.durationMs : Infinity;
    this.#left = length.kind === "requests" ? shareOf(length.requests, thread, threads) : Infinity;
  }

  /** Whether a call that is due at `dueMs` is to be made; it then counts as made. */
  take(dueMs: number): boolean {
    if (dueMs >= this.endMs) return false;
    if (dueMs < this.startMs) return true;
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }
}
