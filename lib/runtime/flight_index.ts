import { type JobQueueViews, SLOT, SLOT_WORDS } from "./job_queue_layout.ts";

/**
 * A hash of a request's bytes. It only has to spread: the bytes themselves are compared. Where requests come
 * from strangers it must be one that they cannot aim, such as the cache's `keyHash`.
 */
export interface RequestHash {
  /** An int32, which alone decides on the bucket. */
  readonly hash0: number;
  /** An int32 more. */
  readonly hash1: number;
}

/**
 * Queued and running slots by the hash of their request, so that the same request is found in flight.
 *
 * The caller holds the lock and compares the bytes.
 */
export class FlightIndex {
  readonly #buckets: JobQueueViews["buckets"];
  readonly #slots: JobQueueViews["slots"];

  constructor({ buckets, slots }: JobQueueViews) {
    this.#buckets = buckets;
    this.#slots = slots;
  }

  /** The first slot with this hash and length of which `isSame` is true; 0 if there is none. */
  find({ hash0, hash1 }: RequestHash, bytes: number, isSame: (slot: number) => boolean): number {
    const slots = this.#slots;
    let slot = this.#buckets[this.#bucketOf(hash0)];
    while (slot !== 0) {
      const base = slot * SLOT_WORDS;
      if (
        slots[base + SLOT.hash0] === hash0 && slots[base + SLOT.hash1] === hash1 &&
        slots[base + SLOT.requestBytes] === (bytes | 0) && isSame(slot)
      ) return slot;
      slot = slots[base + SLOT.bucketNext];
    }
    return 0;
  }

  insert(slot: number, { hash0, hash1 }: RequestHash): void {
    const slots = this.#slots;
    const base = slot * SLOT_WORDS;
    const bucket = this.#bucketOf(hash0);
    slots[base + SLOT.hash0] = hash0;
    slots[base + SLOT.hash1] = hash1;
    slots[base + SLOT.bucketNext] = this.#buckets[bucket];
    slots[base + SLOT.isIndexed] = 1;
    this.#buckets[bucket] = slot;
  }

  /** Takes a slot out of the index if it is in it. */
  remove(slot: number): void {
    const slots = this.#slots;
    const base = slot * SLOT_WORDS;
    if (slots[base + SLOT.isIndexed] === 0) return;
    slots[base + SLOT.isIndexed] = 0;
    const following = slots[base + SLOT.bucketNext];
    const bucket = this.#bucketOf(slots[base + SLOT.hash0]);
    let previous = this.#buckets[bucket];
    if (previous === slot) {
      this.#buckets[bucket] = following;
      return;
    }
    while (slots[previous * SLOT_WORDS + SLOT.bucketNext] !== slot) {
      previous = slots[previous * SLOT_WORDS + SLOT.bucketNext];
    }
    slots[previous * SLOT_WORDS + SLOT.bucketNext] = following;
  }

  #bucketOf(hash0: number): number {
    return hash0 & (this.#buckets.length - 1);
  }
}
