import { BENCH_LAG_MS } from "../limits.ts";

/** How often the event loop is looked at: a thousand times in a run of ten seconds. */
const TICK_MS = 10;

/** How long the event loop kept its timers waiting. */
export interface LagRecord {
  readonly ticks: number;
  /** Of them, those more than BENCH_LAG_MS late. */
  readonly lateTicks: number;
  readonly maxMs: number;
}

/** Measures how late a thread's timers are: whatever comes in meanwhile is handled as late. */
export class LagMeter implements Disposable {
  readonly #nowMs: () => number;
  readonly #onTick: (nowMs: number) => void;
  readonly #timer: ReturnType<typeof setInterval>;
  #lastMs: number;
  #ticks = 0;
  #lateTicks = 0;
  #maxMs = 0;

  constructor(nowMs: () => number, onTick: (nowMs: number) => void) {
    this.#nowMs = nowMs;
    this.#onTick = onTick;
    this.#lastMs = nowMs();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get record(): LagRecord {
    return { ticks: this.#ticks, lateTicks: this.#lateTicks, maxMs: this.#maxMs };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const nowMs = this.#nowMs();
    const lagMs = nowMs - this.#lastMs - TICK_MS;
    this.#lastMs = nowMs;
    this.#ticks++;
    if (lagMs > BENCH_LAG_MS) this.#lateTicks++;
    this.#maxMs = Math.max(this.#maxMs, lagMs);
    this.#onTick(nowMs);
  }
}
