import type { SharedMutex } from "../lock/shared_mutex.ts";
import { CACHE_BYTES_MAX, CACHE_ENTRIES_MAX } from "../limits.ts";
import { BlockArena } from "./block_arena.ts";
import { keyHash } from "./key_hash.ts";
import { leastRecent, touch } from "./recency_ring.ts";
import { RecordTable } from "./record_table.ts";
import {
  BLOCK_BYTES,
  BLOCK_WORDS,
  HEAD,
  memoryBytesOf,
  openHeader,
  openViews,
  RECORD,
  RECORD_WORDS,
  type SharedLruViews,
  STAT,
  wordsOf,
} from "./shared_lru_layout.ts";

/**
 * Most bytes of key and value together that are stored: to copy or hash 1 MiB takes 0.2 to 0.5 ms,
 * during which no other thread gets the lock.
 */
export const ENTRY_BYTES_MAX = 2 ** 20;

/** Room for keys and values of this length is there from the start; larger ones let it grow. */
const SCRATCH_BYTES = 4096;

/** Up to this length a loop copies faster than `set`, which needs a view of the source. */
const LOOP_COPY_BYTES_MAX = 64;

/** How much a cache may hold; it evicts the least recent entries until both bounds are kept. */
export interface SharedLruLimits {
  /** Most entries, 1 to 2²⁴. */
  readonly entries: number;
  /** Most bytes of blocks, 128 to 2³², rounded down to whole blocks of 128. */
  readonly bytes: number;
}

/** What a cache counted since it was allocated, and what it holds now. */
export interface SharedLruCounters {
  readonly hits: number;
  readonly misses: number;
  /** Entries dropped to make room, not those that a clear dropped or a put replaced. */
  readonly evictions: number;
  readonly clears: number;
  /** Puts that were too large to be stored. */
  readonly rejected: number;
  readonly entries: number;
  /** The blocks in use × 128: what the entries occupy, not the sum of their lengths. */
  readonly bytes: number;
}

/**
 * An exact LRU cache from bytes to bytes in memory that threads share.
 *
 * Each thread opens its own `SharedLru` on the same memory; every method demands that its thread
 * holds the mutex and throws a `TypeError` otherwise. Whole keys are compared, never only hashes.
 * Neither keys nor values are kept by reference. How the memory is divided is drawn in
 * `shared_lru_layout.ts`.
 *
 * `clear()` starts a new epoch, and `put` takes the epoch in which its value was computed, so that
 * a value from before a clear is never stored after it.
 *
 * Cost: get, put and clear are O(1) plus hashing and copying: O(bytes of key and value). Memory is
 * zero pages until it is used, so a large bound costs nothing by itself.
 *
 * @example
 * ```ts
 * import { SharedMutex } from "../lock/shared_mutex.ts";
 * import { SharedLru } from "./shared_lru.ts";
 * const mutex = new SharedMutex(SharedMutex.allocate(), 1);
 * const cache = new SharedLru(SharedLru.allocate({ entries: 10, bytes: 65536 }), mutex);
 * const value = new Uint8Array(4);
 * using _ = mutex.acquire();
 * cache.put(Uint8Array.of(1, 2), Uint8Array.of(3, 4, 5), cache.epoch);
 * if (cache.get(Uint8Array.of(1, 2), value) !== 3 || value[0] !== 3) throw new Error("Lost");
 * ```
 */
export class SharedLru {
  readonly #mutex: SharedMutex;
  readonly #stats: SharedLruViews["stats"];
  readonly #header: SharedLruViews["header"];
  readonly #buckets: SharedLruViews["buckets"];
  readonly #records: SharedLruViews["records"];
  readonly #arena: BlockArena;
  readonly #table: RecordTable;
  readonly #entriesMax: number;
  readonly #blocksMax: number;
  readonly #secret0: number;
  readonly #secret1: number;
  /** This thread's aligned copy of the key at hand and, after it, the value. */
  #scratch = new Int32Array(SCRATCH_BYTES / 4);
  #scratchBytes = new Uint8Array(this.#scratch.buffer);

  /**
   * One thread's handle on the cache in `memory`.
   *
   * @param memory made by `SharedLru.allocate`
   * @param mutex this thread's handle on the one lock that guards this memory
   * @throws {RangeError} if the memory was not made for a cache
   */
  constructor(memory: SharedArrayBuffer, mutex: SharedMutex) {
    const views = openViews(memory);
    this.#mutex = mutex;
    this.#stats = views.stats;
    this.#header = views.header;
    this.#buckets = views.buckets;
    this.#records = views.records;
    this.#arena = new BlockArena(views);
    this.#table = new RecordTable(views, this.#arena);
    this.#entriesMax = views.header[HEAD.entriesMax];
    this.#blocksMax = views.header[HEAD.blocksMax];
    this.#secret0 = views.header[HEAD.secret0];
    this.#secret1 = views.header[HEAD.secret1];
  }

  /**
   * Memory for one empty cache, to be shared by `postMessage`.
   *
   * @throws {RangeError} if a bound is out of its range, or the machine has no such address space
   */
  static allocate({ entries, bytes }: SharedLruLimits): SharedArrayBuffer {
    requireInteger("entries", entries, 1, CACHE_ENTRIES_MAX);
    requireInteger("bytes", bytes, BLOCK_BYTES, CACHE_BYTES_MAX);
    const blocks = Math.floor(bytes / BLOCK_BYTES);
    const memory = new SharedArrayBuffer(memoryBytesOf(entries, blocks));
    const header = openHeader(memory);
    header[HEAD.entriesMax] = entries;
    header[HEAD.blocksMax] = blocks;
    const secret = crypto.getRandomValues(new Int32Array(2));
    header[HEAD.secret0] = secret[0];
    header[HEAD.secret1] = secret[1];
    openViews(memory).stats[STAT.epoch] = 1;
    return memory;
  }

  /** The epoch that `put` has to name: an integer that grows with every clear and reset. */
  get epoch(): number {
    this.#mutex.assertHeld();
    return this.#stats[STAT.epoch];
  }

  /**
   * Copies the value stored under `key` to the start of `into` and makes the entry most recent.
   *
   * @param key read during the call only, at any alignment
   * @param into owned by the caller; the bytes after the value stay as they were
   * @returns the value's length in bytes, undefined if the key is not in the cache
   * @throws {RangeError} if `into` is shorter than the value; then nothing changed or was counted
   */
  get(key: Uint8Array, into: Uint8Array): number | undefined {
    this.#mutex.assertHeld();
    const record = key.length > ENTRY_BYTES_MAX
      ? 0
      : this.#table.find(this.#hash(key), this.#scratch, key.length);
    if (record === 0) {
      this.#stats[STAT.misses]++;
      return undefined;
    }
    const valueBytes = this.#records[record * RECORD_WORDS + RECORD.valueBytes];
    if (valueBytes > into.length) {
      throw new RangeError(`Cannot get: a value of ${valueBytes} bytes, room for ${into.length}`);
    }
    this.#copyValue(record, into, valueBytes);
    touch(this.#records, record);
    this.#stats[STAT.hits]++;
    return valueBytes;
  }

  /**
   * Stores a copy of `value` under a copy of `key` as the most recent entry, in place of the key's
   * old value if there is one, after evicting the least recent entries that stand in the way.
   *
   * @param epoch the `epoch` read before the value was computed
   * @returns false, and the cache unchanged, if the epoch is over or the entry is too large: more
   *   than `ENTRY_BYTES_MAX` or than all blocks (then it is counted as rejected)
   */
  put(key: Uint8Array, value: Uint8Array, epoch: number): boolean {
    this.#mutex.assertHeld();
    if (epoch !== this.#stats[STAT.epoch]) return false;
    const keyWords = wordsOf(key.length);
    const words = keyWords + wordsOf(value.length);
    const blocks = blocksOf(words);
    if (key.length + value.length > ENTRY_BYTES_MAX || blocks > this.#blocksMax) {
      this.#stats[STAT.rejected]++;
      return false;
    }
    this.#reserve(words);
    const hash = this.#hash(key);
    // Whole words are stored, so after the value comes what the scratch held; it is never read.
    this.#scratchBytes.set(value, 4 * keyWords);
    const replaced = this.#table.find(hash, this.#scratch, key.length);
    if (replaced !== 0) this.#table.remove(replaced);
    this.#makeRoom(blocks);
    const firstBlock = this.#arena.store(this.#scratch, words);
    this.#table.insert(hash, key.length, value.length, firstBlock);
    return true;
  }

  /** Drops every entry and starts a new epoch. Cost: O(1), but for every 2³²th. */
  clear(): void {
    this.#mutex.assertHeld();
    this.#stats[STAT.epoch] = this.#nextEpoch();
    this.#empty();
    this.#stats[STAT.clears]++;
  }

  /**
   * Makes the cache usable after a thread died while it held the lock: drops every entry, rebuilds
   * every structure without reading the old one, and starts an epoch that never was before.
   *
   * Only the bounds, the secret and the epoch are trusted: no method writes the first two, and the
   * epoch with a single store. Counters are kept. Cost: O(entries bound).
   */
  reset(): void {
    this.#mutex.assertHeld();
    this.#buckets.fill(0);
    this.#records.fill(0);
    this.#stats[STAT.epoch] = this.#nextEpoch();
    this.#empty();
  }

  /** What the cache counted and holds, as a new object. */
  counters(): SharedLruCounters {
    this.#mutex.assertHeld();
    const stats = this.#stats;
    return {
      hits: stats[STAT.hits],
      misses: stats[STAT.misses],
      evictions: stats[STAT.evictions],
      clears: stats[STAT.clears],
      rejected: stats[STAT.rejected],
      entries: this.#header[HEAD.entries],
      bytes: this.#header[HEAD.blocks] * BLOCK_BYTES,
    };
  }

  /** The next epoch. Before stamps come round to those of old buckets, all of these are wiped. */
  #nextEpoch(): number {
    const next = this.#stats[STAT.epoch] + 1;
    if ((next | 0) !== 0) return next;
    this.#buckets.fill(0);
    return next + 1;
  }

  #empty(): void {
    this.#header.fill(0, HEAD.entries);
    this.#records[RECORD.lruPrev] = 0;
    this.#records[RECORD.lruNext] = 0;
  }

  /** Copies the key to the start of the scratch, zero-padded to whole words, and hashes it. */
  #hash(key: Uint8Array): number {
    const bytes = key.length;
    this.#reserve(wordsOf(bytes));
    if ((bytes & 3) !== 0) this.#scratch[bytes >>> 2] = 0;
    this.#scratchBytes.set(key);
    return keyHash(this.#scratch, bytes, this.#secret0, this.#secret1);
  }

  #copyValue(record: number, into: Uint8Array, valueBytes: number): void {
    const base = record * RECORD_WORDS;
    const from = wordsOf(this.#records[base + RECORD.keyBytes]);
    const to = from + wordsOf(valueBytes);
    this.#reserve(to);
    this.#arena.load(this.#records[base + RECORD.firstBlock], from, to, this.#scratch);
    const bytes = this.#scratchBytes;
    if (valueBytes > LOOP_COPY_BYTES_MAX) {
      into.set(bytes.subarray(4 * from, 4 * from + valueBytes));
      return;
    }
    for (let index = 0; index < valueBytes; index++) into[index] = bytes[4 * from + index];
  }

  #makeRoom(blocks: number): void {
    const header = this.#header;
    while (
      header[HEAD.entries] >= this.#entriesMax || header[HEAD.blocks] + blocks > this.#blocksMax
    ) {
      this.#table.remove(leastRecent(this.#records));
      this.#stats[STAT.evictions]++;
    }
  }

  #reserve(words: number): void {
    if (words <= this.#scratch.length) return;
    this.#scratch = new Int32Array(2 ** Math.ceil(Math.log2(words)));
    this.#scratchBytes = new Uint8Array(this.#scratch.buffer);
  }
}

function blocksOf(words: number): number {
  return Math.ceil(words / BLOCK_WORDS);
}

function requireInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot allocate a cache: ${name} is ${value}, needs an integer from ${min} to ${max}`,
  );
}
