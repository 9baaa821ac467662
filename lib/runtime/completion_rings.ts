import { type JobQueueViews, THREAD, THREAD_WORDS } from "./job_queue_layout.ts";

/**
 * For each serving thread the slots that are done and that it has not picked up: a ring, so that a thread
 * with a thousand jobs under way looks at those that are done alone.
 *
 * A slot is pushed once for each thread that waits for it and is not free before each has popped it: so a ring
 * as long as there are slots is never full. The caller holds the lock, but for `hasAny`.
 */
export class CompletionRings {
  readonly #threads: JobQueueViews["threads"];
  readonly #rings: JobQueueViews["rings"];
  readonly #length: number;

  constructor({ threads, rings }: JobQueueViews) {
    this.#threads = threads;
    this.#rings = rings;
    this.#length = rings.length / (threads.length / THREAD_WORDS);
  }

  /** Whether there is something to pop: perhaps not any more, or already again. */
  hasAny(thread: number): boolean {
    const base = thread * THREAD_WORDS;
    return Atomics.load(this.#threads, base + THREAD.pushed) !==
      Atomics.load(this.#threads, base + THREAD.popped);
  }

  push(thread: number, slot: number): void {
    const word = thread * THREAD_WORDS + THREAD.pushed;
    this.#rings[this.#placeOf(thread, this.#threads[word])] = slot;
    this.#threads[word] = this.#following(this.#threads[word]);
  }

  /** The slot that was pushed first; 0 if there is none. */
  pop(thread: number): number {
    const base = thread * THREAD_WORDS;
    const popped = this.#threads[base + THREAD.popped];
    if (popped === this.#threads[base + THREAD.pushed]) return 0;
    this.#threads[base + THREAD.popped] = this.#following(popped);
    return this.#rings[this.#placeOf(thread, popped)];
  }

  /** Forgets what was pushed for a thread. */
  empty(thread: number): void {
    const base = thread * THREAD_WORDS;
    this.#threads[base + THREAD.popped] = this.#threads[base + THREAD.pushed];
  }

  #placeOf(thread: number, count: number): number {
    return thread * this.#length + count % this.#length;
  }

  /** Counts go round at twice the length, so that a full ring is not an empty one. */
  #following(count: number): number {
    return (count + 1) % (2 * this.#length);
  }
}
