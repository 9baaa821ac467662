/** How a look is shared. */
export interface SharedLookOptions {
  /** How long what was seen stands for what is there, counted from when the look began; 0 for not at all. */
  readonly keptMs: number;
  /** A clock that never jumps. */
  readonly nowMs?: () => number;
}

/**
 * A look at something that costs much, shared by all who want one at the same time: one is under way at most, and
 * one waits.
 *
 * What anybody gets was looked for after they asked, or at most `keptMs` before: who asks while a look is under
 * way waits for the next one, since the first may have passed what they have just changed. One that fails is
 * kept for nobody.
 */
export class SharedLook<Seen> {
  readonly #look: () => Promise<Seen>;
  readonly #keptMs: number;
  readonly #nowMs: () => number;
  #running: Promise<Seen> | undefined;
  #next: Promise<Seen> | undefined;
  #last: { readonly seen: Seen; readonly beganMs: number } | undefined;

  constructor(
    look: () => Promise<Seen>,
    { keptMs, nowMs = () => performance.now() }: SharedLookOptions,
  ) {
    this.#look = look;
    this.#keptMs = keptMs;
    this.#nowMs = nowMs;
  }

  /** @throws what the look does */
  async take(): Promise<Seen> {
    const last = this.#last;
    if (last !== undefined && this.#nowMs() - last.beganMs < this.#keptMs) return last.seen;
    if (this.#next !== undefined) return await this.#next;
    if (this.#running === undefined) return await this.#begin();
    this.#next = this.#afterwards(this.#running);
    return await this.#next;
  }

  async #afterwards(running: Promise<Seen>): Promise<Seen> {
    // Its failure is for those who asked for it.
    await running.catch(() => {});
    this.#next = undefined;
    return await this.#begin();
  }

  async #begin(): Promise<Seen> {
    const beganMs = this.#nowMs();
    this.#running = this.#look();
    try {
      const seen = await this.#running;
      this.#last = { seen, beganMs };
      return seen;
    } finally {
      this.#running = undefined;
    }
  }
}
