/**
 * What can decide which entry has to go: `lru`, the one not used for longest; `sieve` and `s3-fifo`,
 * which keep what is used again and again from being swept out by what is used once.
 */
export const CACHE_POLICIES = ["lru", "s3-fifo", "sieve"] as const;

export type CachePolicy = typeof CACHE_POLICIES[number];

/**
 * The order in which a cache's entries have to go.
 *
 * The cache finds, stores and counts; the policy keeps each record in one of its rings and may write
 * the record's mark. All it knows is in shared memory, so every thread's policy is the same one. The
 * caller holds the mutex.
 */
export interface EvictionPolicy {
  /** Notes a hit. */
  touch(record: number): void;
  /** Gives the record of a new entry its place. */
  admit(record: number): void;
  /** Takes a record whose value is to be replaced from its place; returns its mark. */
  take(record: number): number;
  /** Makes a record the newest of the ring of the one that it replaces, with that one's mark. */
  readmit(record: number, mark: number): void;
  /**
   * Removes one entry. There is one.
   *
   * Cost: amortized O(1): what it passes over has had a hit for each time that it can be passed over,
   * once with `sieve`, three times with `s3-fifo`. So one call may pass over all, if all were hit.
   */
  evict(): void;
  /** Makes the rings empty without reading what they were; the header's words are 0 already. */
  clear(): void;
}
