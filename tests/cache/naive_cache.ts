import { BLOCK_BYTES } from "../../lib/cache/cache_layout.ts";
import type { SharedCacheOptions } from "../../lib/cache/cache_options.ts";
import type { CachePolicy } from "../../lib/cache/eviction_policy.ts";
import { ENTRY_BYTES_MAX } from "../../lib/cache/shared_cache.ts";
import { occupiedBytes, type StoredEntry } from "./cache_content.ts";

/** An entry, and how often it was hit as far as its policy counts. */
interface NaiveEntry extends StoredEntry {
  hits: number;
}

/** A policy said as simply as possible, on plain arrays from newest to oldest. */
interface NaivePolicy {
  readonly queues: readonly NaiveEntry[][];
  touch(entry: NaiveEntry): void;
  admit(entry: NaiveEntry): void;
  /** Takes an entry out; what it returns puts a successor in its stead. */
  take(replaced: NaiveEntry): (entry: NaiveEntry) => void;
  evict(): void;
}

function sizeOf(entries: readonly StoredEntry[]): number {
  return entries.reduce((sum, { key, value }) => sum + occupiedBytes(key.length, value.length), 0);
}

function drop(queue: NaiveEntry[], entry: NaiveEntry): number {
  const index = queue.indexOf(entry);
  if (index >= 0) queue.splice(index, 1);
  return index;
}

class NaiveLru implements NaivePolicy {
  readonly #queue: NaiveEntry[] = [];
  readonly queues = [this.#queue];

  touch(entry: NaiveEntry): void {
    drop(this.#queue, entry);
    this.#queue.unshift(entry);
  }

  admit(entry: NaiveEntry): void {
    this.#queue.unshift(entry);
  }

  take(replaced: NaiveEntry): (entry: NaiveEntry) => void {
    drop(this.#queue, replaced);
    return (entry) => this.admit(entry);
  }

  evict(): void {
    this.#queue.pop();
  }
}

class NaiveSieve implements NaivePolicy {
  readonly #queue: NaiveEntry[] = [];
  readonly queues = [this.#queue];
  /** Where the hand is; below 0 it starts at the oldest. */
  #hand = -1;

  touch(entry: NaiveEntry): void {
    entry.hits = 1;
  }

  admit(entry: NaiveEntry): void {
    this.#queue.unshift(entry);
    if (this.#hand >= 0) this.#hand++;
  }

  take(replaced: NaiveEntry): (entry: NaiveEntry) => void {
    // What the hand was at goes away: it is at the next newer one. All older ones move up.
    if (drop(this.#queue, replaced) <= this.#hand) this.#hand--;
    return (entry) => {
      entry.hits = replaced.hits;
      this.admit(entry);
    };
  }

  evict(): void {
    let at = this.#hand < 0 ? this.#queue.length - 1 : this.#hand;
    while (this.#queue[at].hits > 0) {
      this.#queue[at].hits = 0;
      at = at === 0 ? this.#queue.length - 1 : at - 1;
    }
    this.#queue.splice(at, 1);
    this.#hand = at - 1;
  }
}

class NaiveS3Fifo implements NaivePolicy {
  readonly #small: NaiveEntry[] = [];
  readonly #main: NaiveEntry[] = [];
  readonly queues = [this.#small, this.#main];
  #ghosts: string[] = [];

  touch(entry: NaiveEntry): void {
    entry.hits = Math.min(3, entry.hits + 1);
  }

  admit(entry: NaiveEntry): void {
    const key = entry.key.join();
    const isGhost = this.#ghosts.includes(key);
    this.#ghosts = this.#ghosts.filter((ghost) => ghost !== key);
    (isGhost ? this.#main : this.#small).unshift(entry);
  }

  take(replaced: NaiveEntry): (entry: NaiveEntry) => void {
    const queue = this.#small.includes(replaced) ? this.#small : this.#main;
    drop(queue, replaced);
    return (entry) => {
      entry.hits = replaced.hits;
      queue.unshift(entry);
    };
  }

  evict(): void {
    const small = this.#small;
    const main = this.#main;
    const entries = small.length + main.length;
    for (;;) {
      const isLarge = 10 * sizeOf(small) >= sizeOf([...small, ...main]);
      if (small.length > 0 && (main.length === 0 || isLarge)) {
        const oldest = small.splice(-1)[0];
        if (oldest.hits <= 1) {
          this.#ghosts.unshift(oldest.key.join());
          this.#ghosts.splice(Math.floor(entries * 9 / 10));
          return;
        }
        oldest.hits = 0;
        main.unshift(oldest);
      } else {
        const oldest = main.splice(-1)[0];
        if (oldest.hits === 0) return;
        oldest.hits--;
        main.unshift(oldest);
      }
    }
  }
}

const NAIVE_POLICIES = { "lru": NaiveLru, "sieve": NaiveSieve, "s3-fifo": NaiveS3Fifo } as const;

/** What `SharedCache` should do, said as simply as possible. */
export class NaiveCache {
  readonly #limits: SharedCacheOptions;
  readonly #name: CachePolicy;
  #policy: NaivePolicy;
  readonly counters = { hits: 0, misses: 0, evictions: 0, clears: 0, rejected: 0 };

  constructor(limits: SharedCacheOptions) {
    this.#limits = limits;
    this.#name = limits.policy ?? "lru";
    this.#policy = new NAIVE_POLICIES[this.#name]();
  }

  get bytes(): number {
    return sizeOf(this.#entries);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const entry = this.#find(key);
    if (entry === undefined) {
      this.counters.misses++;
      return undefined;
    }
    this.counters.hits++;
    this.#policy.touch(entry);
    return entry.value;
  }

  put(key: Uint8Array, value: Uint8Array): boolean {
    const bytes = occupiedBytes(key.length, value.length);
    const bytesMax = Math.floor(this.#limits.bytes / BLOCK_BYTES) * BLOCK_BYTES;
    if (key.length + value.length > ENTRY_BYTES_MAX || bytes > bytesMax) {
      this.counters.rejected++;
      return false;
    }
    const entry = { key: key.slice(), value: value.slice(), hits: 0 };
    const replaced = this.#find(key);
    const readmit = replaced === undefined ? undefined : this.#policy.take(replaced);
    while (this.#entries.length >= this.#limits.entries || this.bytes + bytes > bytesMax) {
      this.#policy.evict();
      this.counters.evictions++;
    }
    if (readmit === undefined) this.#policy.admit(entry);
    else readmit(entry);
    return true;
  }

  clear(): void {
    this.reset();
    this.counters.clears++;
  }

  reset(): void {
    this.#policy = new NAIVE_POLICIES[this.#name]();
  }

  /** Queue by queue, each from newest or most recent to oldest. */
  content(): StoredEntry[] {
    return this.#entries.map(({ key, value }) => ({ key, value }));
  }

  get #entries(): NaiveEntry[] {
    return this.#policy.queues.flat();
  }

  #find(key: Uint8Array): NaiveEntry | undefined {
    return this.#entries.find((entry) => entry.key.join() === key.join());
  }
}
