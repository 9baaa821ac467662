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

/** When a meter looks at the event loop, and who looks with it. */
export interface LagMeterOptions {
  readonly nowMs: () => number;
  /** Lags that began before this are not counted: code is compiled in a warm-up. */
  readonly fromMs: number;
  /** Told at every tick, from the first. */
  readonly onTick: (nowMs: number) => void;
}

/** Measures how late a thread's timers are: whatever comes in meanwhile is handled as late. */
export class LagMeter implements Disposable {
  readonly #options: LagMeterOptions;
  readonly #timer: ReturnType<typeof setInterval>;
  #lastMs: number;
  #ticks = 0;
  #lateTicks = 0;
  #maxMs = 0;

  constructor(options: LagMeterOptions) {
    this.#options = options;
    this.#lastMs = options.nowMs();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get record(): LagRecord {
    return { ticks: this.#ticks, lateTicks: this.#lateTicks, maxMs: this.#maxMs };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const { fromMs, onTick } = this.#options;
    const nowMs = this.#options.nowMs();
    const lagMs = nowMs - this.#lastMs - TICK_MS;
    const counts = this.#lastMs >= fromMs;
    this.#lastMs = nowMs;
    if (counts) this.#count(lagMs);
    onTick(nowMs);
  }

  #count(lagMs: number): void {
    this.#ticks++;
    if (lagMs > BENCH_LAG_MS) this.#lateTicks++;
    this.#maxMs = Math.max(this.#maxMs, lagMs);
  }
}
