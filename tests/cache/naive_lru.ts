import { ENTRY_BYTES_MAX, type SharedLruLimits } from "../../lib/cache/shared_lru.ts";
import { BLOCK_BYTES } from "../../lib/cache/shared_lru_layout.ts";
import { occupiedBytes, type StoredEntry } from "./shared_lru_content.ts";

/** What `SharedLru` should do, said as simply as possible: a `Map` from least to most recent. */
export class NaiveLru {
  readonly #limits: SharedLruLimits;
  readonly #entries = new Map<string, StoredEntry>();
  readonly counters = { hits: 0, misses: 0, evictions: 0, clears: 0, rejected: 0 };

  constructor(limits: SharedLruLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    let sum = 0;
    for (const { key, value } of this.#entries.values()) {
      sum += occupiedBytes(key.length, value.length);
    }
    return sum;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const entry = this.#entries.get(key.join());
    if (entry === undefined) {
      this.counters.misses++;
      return undefined;
    }
    this.counters.hits++;
    this.#entries.delete(key.join());
    this.#entries.set(key.join(), entry);
    return entry.value;
  }

  put(key: Uint8Array, value: Uint8Array): boolean {
    const bytes = occupiedBytes(key.length, value.length);
    const bytesMax = Math.floor(this.#limits.bytes / BLOCK_BYTES) * BLOCK_BYTES;
    if (key.length + value.length > ENTRY_BYTES_MAX || bytes > bytesMax) {
      this.counters.rejected++;
      return false;
    }
    this.#entries.delete(key.join());
    while (this.#entries.size >= this.#limits.entries || this.bytes + bytes > bytesMax) {
      const [oldest] = this.#entries.keys();
      this.#entries.delete(oldest);
      this.counters.evictions++;
    }
    this.#entries.set(key.join(), { key: key.slice(), value: value.slice() });
    return true;
  }

  clear(): void {
    this.reset();
    this.counters.clears++;
  }

  reset(): void {
    this.#entries.clear();
  }

  /** From most to least recent. */
  content(): StoredEntry[] {
    return [...this.#entries.values()].reverse();
  }
}
