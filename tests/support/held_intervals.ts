/** Holds the intervals that are set while it lives, so that a test says when a round of them is over. */
export class HeldIntervals implements Disposable {
  readonly #setInterval = globalThis.setInterval;
  readonly #clearInterval = globalThis.clearInterval;
  readonly #held = new Map<number, () => void>();
  #lastId = 0;

  constructor() {
    globalThis.setInterval = ((callback: () => void) => {
      this.#held.set(++this.#lastId, callback);
      return this.#lastId;
    }) as unknown as typeof setInterval;
    globalThis.clearInterval = ((id?: number) => {
      if (id !== undefined) this.#held.delete(id);
    }) as unknown as typeof clearInterval;
  }

  /** Intervals that are set now. */
  get count(): number {
    return this.#held.size;
  }

  /** Fires all intervals that are set now, once. */
  fire(): void {
    for (const callback of [...this.#held.values()]) callback();
  }

  [Symbol.dispose](): void {
    globalThis.setInterval = this.#setInterval;
    globalThis.clearInterval = this.#clearInterval;
  }
}
