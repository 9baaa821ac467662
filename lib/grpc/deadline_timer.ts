import { DEADLINE_STEP_MS } from "../limits.ts";

/** Something that is told when its time is over. */
export interface Expiring {
  onDeadline(): void;
}

/**
 * Deadlines of any number of calls behind one timer.
 *
 * Most calls end long before their deadline, so adding and removing must be cheap: deadlines share
 * buckets of DEADLINE_STEP_MS, rounded up, and the one timer is left to fire on an empty bucket
 * rather than set anew for each call. No call expires early.
 *
 * Cost: one set insertion and one deletion a call.
 */
export class DeadlineTimer {
  readonly #buckets = new Map<number, Set<Expiring>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerBucket = Infinity;

  /**
   * @param deadlineMs on the clock of `performance.now()`
   * @returns the bucket, which `remove` needs
   */
  add(call: Expiring, deadlineMs: number): number {
    const bucket = Math.ceil(deadlineMs / DEADLINE_STEP_MS);
    const calls = this.#buckets.get(bucket);
    if (calls !== undefined) {
      calls.add(call);
      return bucket;
    }
    this.#buckets.set(bucket, new Set([call]));
    if (bucket < this.#timerBucket) this.#arm(bucket);
    return bucket;
  }

  remove(call: Expiring, bucket: number): void {
    const calls = this.#buckets.get(bucket);
    if (calls === undefined) return;
    calls.delete(call);
    if (calls.size === 0) this.#buckets.delete(bucket);
  }

  /** Stops the timer for good; no deadline is told any more, of those added later neither. */
  close(): void {
    clearTimeout(this.#timer);
    this.#timerBucket = -Infinity;
    this.#buckets.clear();
  }

  #arm(bucket: number): void {
    clearTimeout(this.#timer);
    this.#timerBucket = bucket;
    // setTimeout counts in 32 bits; a longer wait is taken in steps.
    const waitMs = Math.min(bucket * DEADLINE_STEP_MS - performance.now(), 0x7fff_ffff);
    this.#timer = setTimeout(() => this.#expire(), Math.max(0, waitMs));
  }

  #expire(): void {
    this.#timer = undefined;
    this.#timerBucket = Infinity;
    const nowMs = performance.now();
    let next = Infinity;
    for (const [bucket, calls] of this.#buckets) {
      if (bucket * DEADLINE_STEP_MS > nowMs) {
        next = Math.min(next, bucket);
        continue;
      }
      this.#buckets.delete(bucket);
      for (const call of calls) call.onDeadline();
    }
    if (next < this.#timerBucket) this.#arm(next);
  }
}
