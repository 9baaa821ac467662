/** Holds the timers that are set while it lives, so that a test says when they fire. */
export class HeldTimers implements Disposable {
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;
  readonly #held = new Map<number, () => void>();
  readonly #waitsMs: number[] = [];
  #lastId = 0;

  constructor() {
    globalThis.setTimeout = ((callback: () => void, ms: number) => {
      this.#waitsMs.push(ms);
      this.#held.set(++this.#lastId, callback);
      return this.#lastId;
    }) as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((id?: number) => {
      if (id !== undefined) this.#held.delete(id);
    }) as unknown as typeof clearTimeout;
  }

  /** Timers that are set now. */
  get count(): number {
    return this.#held.size;
  }

  /** How long each was to wait, of all that were ever set. */
  get waitsMs(): readonly number[] {
    return this.#waitsMs;
  }

  /** Fires all timers that are set now. */
  fire(): void {
    const due = [...this.#held.values()];
    this.#held.clear();
    for (const callback of due) callback();
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#setTimeout;
    globalThis.clearTimeout = this.#clearTimeout;
  }
}
