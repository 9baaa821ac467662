import { DEADLINE_STEP_MS } from "../limits.ts";

/** How far ahead the next deadline is looked for: then it is looked for again. */
const BUCKETS_AHEAD = Math.ceil(1_000 / DEADLINE_STEP_MS);

/** Something that is told when its time is over. */
export interface Expiring {
  onDeadline(): void;
}

/**
 * Deadlines of any number of calls behind one timer.
 *
 * Most calls end long before their deadline, so adding and removing must be cheap: deadlines share
 * buckets of DEADLINE_STEP_MS, rounded up, and the one timer is left to fire on an empty bucket
 * rather than set anew for each call. Calls in a row mostly have the same bucket, so the last one is at
 * hand, and stays when it is empty. No call expires early.
 *
 * Cost: one set insertion and one deletion a call; a look at a second of buckets each time it fires.
 */
export class DeadlineTimer {
  readonly #buckets = new Map<number, Set<Expiring>>();
  #lastBucket = -Infinity;
  #lastCalls = new Set<Expiring>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerBucket = Infinity;
  /** No bucket before this one holds a call. */
  #from = -Infinity;

  /**
   * @param deadlineMs on the clock of `performance.now()`
   * @returns the bucket, which `remove` needs
   */
  add(call: Expiring, deadlineMs: number): number {
    const bucket = Math.ceil(deadlineMs / DEADLINE_STEP_MS);
    if (bucket !== this.#lastBucket) this.#turnTo(bucket);
    this.#lastCalls.add(call);
    return bucket;
  }

  remove(call: Expiring, bucket: number): void {
    if (bucket === this.#lastBucket) {
      this.#lastCalls.delete(call);
      return;
    }
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

  #turnTo(bucket: number): void {
    if (this.#lastCalls.size === 0) this.#buckets.delete(this.#lastBucket);
    this.#lastBucket = bucket;
    if (bucket < this.#from || this.#buckets.size === 0) this.#from = bucket;
    this.#lastCalls = this.#buckets.get(bucket) ?? new Set();
    this.#buckets.set(bucket, this.#lastCalls);
    if (bucket < this.#timerBucket) this.#arm(bucket);
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
    const due = Math.floor(performance.now() / DEADLINE_STEP_MS);
    // A call that ends may add another, which may be due as well.
    while (this.#from <= due && this.#buckets.size > 0) this.#expireBucket(this.#from++);
    this.#armNext();
  }

  #expireBucket(bucket: number): void {
    const calls = this.#buckets.get(bucket);
    if (calls === undefined) return;
    this.#buckets.delete(bucket);
    if (bucket === this.#lastBucket) this.#lastBucket = -Infinity;
    for (const call of calls) call.onDeadline();
  }

  /** Looks ahead a second at most, rather than at all buckets: there may be as many as calls. */
  #armNext(): void {
    if (this.#buckets.size === 0) return;
    let next = this.#from;
    while (next < this.#from + BUCKETS_AHEAD && !this.#buckets.has(next)) next++;
    if (next < this.#timerBucket) this.#arm(next);
  }
}
