/** Holds the timers that are set while it lives, so that a test says when they fire. */
export class HeldTimers implements Disposable {
  readonly #setTimeout = globalThis.setTimeout;
  readonly #clearTimeout = globalThis.clearTimeout;
  readonly #held = new Map<number, () => void>();
  #lastId = 0;

  constructor() {
    globalThis.setTimeout = ((callback: () => void) => {
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
