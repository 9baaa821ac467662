import type { SharedMutex } from "../lock/shared_mutex.ts";
import { BlockArena } from "./block_arena.ts";
import {
  allocateMemory,
  BLOCK_BYTES,
  blocksForWords,
  type CacheViews,
  HEAD,
  openViews,
  RECORD,
  RECORD_WORDS,
  SECRET_WORDS,
  shapeOf,
  STAT,
  wordsOf,
} from "./cache_layout.ts";
import { shapeFor, type SharedCacheOptions } from "./cache_options.ts";
import { EntryScratch } from "./entry_scratch.ts";
import type { CachePolicy, EvictionPolicy } from "./eviction_policy.ts";
import { KEY_HASH_WORDS } from "./key_hash_128.ts";
import { LruPolicy } from "./lru_policy.ts";
import { RecordTable } from "./record_table.ts";
import { S3FifoPolicy } from "./s3_fifo_policy.ts";
import { SievePolicy } from "./sieve_policy.ts";

/**
 * Most bytes of key and value together that are stored: to copy or hash 1 MiB takes 0.2 to 0.5 ms,
 * during which no other thread gets the lock.
 */
export const ENTRY_BYTES_MAX = 2 ** 20;

type PolicyClass = new (views: CacheViews, table: RecordTable) => EvictionPolicy;

const POLICY_CLASSES: Readonly<Record<CachePolicy, PolicyClass>> = {
  "lru": LruPolicy,
  "s3-fifo": S3FifoPolicy,
  "sieve": SievePolicy,
};

/** What a cache counted since it was allocated, and what it holds now. */
export interface SharedCacheCounters {
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
 * A cache from bytes to bytes in memory that threads share, bounded in entries and in bytes.
 *
 * Each thread opens its own `SharedCache` on the same memory; every method but `hash` demands that its
 * thread holds the mutex and throws a `TypeError` otherwise. Whole keys are compared, never only
 * hashes. Neither keys nor values are kept by reference. Which entry is evicted for a new one is the
 * policy's choice, by default exact LRU. How the memory is divided is drawn in `cache_layout.ts`.
 *
 * `clear()` starts a new epoch, and `put` takes the epoch in which its value was computed, so that
 * a value from before a clear is never stored after it.
 *
 * Long keys can be hashed without the lock: `hash` writes what `get`, `read` and `put` then take.
 *
 * Cost: get, put and clear are O(1), with `s3-fifo` and `sieve` amortized, plus hashing and copying:
 * O(bytes of key and value). Memory is zero pages until it is used, so a large bound costs nothing
 * by itself.
 *
 * @example
 * ```ts
 * import { SharedMutex } from "../lock/shared_mutex.ts";
 * import { SharedCache } from "./shared_cache.ts";
 * const mutex = new SharedMutex(SharedMutex.allocate(), 1);
 * const memory = SharedCache.allocate({ entries: 10, bytes: 65536, policy: "sieve" });
 * const cache = new SharedCache(memory, mutex);
 * const value = new Uint8Array(4);
 * using _ = mutex.acquire();
 * cache.put(Uint8Array.of(1, 2), Uint8Array.of(3, 4, 5), cache.epoch);
 * if (cache.get(Uint8Array.of(1, 2), value) !== 3 || value[0] !== 3) throw new Error("Lost");
 * if (cache.read(Uint8Array.of(1, 2))?.join() !== "3,4,5") throw new Error("Lost");
 * ```
 */
export class SharedCache {
  readonly #mutex: SharedMutex;
  readonly #stats: CacheViews["stats"];
  readonly #header: CacheViews["header"];
  readonly #buckets: CacheViews["buckets"];
  readonly #records: CacheViews["records"];
  readonly #hashes: CacheViews["hashes"];
  readonly #arena: BlockArena;
  readonly #table: RecordTable;
  readonly #order: EvictionPolicy;
  readonly #policy: CachePolicy;
  readonly #entriesMax: number;
  readonly #blocksMax: number;
  readonly #scratch: EntryScratch;
  /** The hash of the key at hand. */
  readonly #ownHash = new Int32Array(KEY_HASH_WORDS);

  /**
   * One thread's handle on the cache in `memory`.
   *
   * @param memory made by `SharedCache.allocate`
   * @param mutex this thread's handle on the one lock that guards this memory
   * @throws {RangeError} if the memory was not made for a cache
   */
  constructor(memory: SharedArrayBuffer, mutex: SharedMutex) {
    const views = openViews(memory);
    const shape = shapeOf(views.header);
    this.#mutex = mutex;
    this.#stats = views.stats;
    this.#header = views.header;
    this.#buckets = views.buckets;
    this.#records = views.records;
    this.#hashes = views.hashes;
    this.#arena = new BlockArena(views);
    this.#table = new RecordTable(views, this.#arena);
    this.#order = new POLICY_CLASSES[shape.policy](views, this.#table);
    this.#policy = shape.policy;
    this.#entriesMax = shape.entriesMax;
    this.#blocksMax = shape.blocksMax;
    this.#scratch = new EntryScratch(views.header, shape);
  }

  /**
   * Memory for one empty cache, to be shared by `postMessage`.
   *
   * @throws {RangeError} if an option is out of its range, or the machine has no such address space
   */
  static allocate(options: SharedCacheOptions): SharedArrayBuffer {
    const shape = shapeFor(options);
    const memory = allocateMemory(shape);
    const views = openViews(memory);
    views.header.set(crypto.getRandomValues(new Int32Array(SECRET_WORDS)), HEAD.secret);
    views.stats[STAT.epoch] = 1;
    new POLICY_CLASSES[shape.policy](views, new RecordTable(views, new BlockArena(views))).clear();
    return memory;
  }

  /** What decides which entry is evicted. Needs no lock. */
  get policy(): CachePolicy {
    return this.#policy;
  }

  /** The epoch that `put` has to name: an integer that grows with every clear and reset. */
  get epoch(): number {
    this.#mutex.assertHeld();
    return this.#stats[STAT.epoch];
  }

  /**
   * Hashes a key as this cache does in every thread. Needs no lock: so a long key is hashed once, and
   * not while others wait.
   *
   * Cost: 0.5 ms for 1 MiB with 32 bits, 0.8 ms with 128.
   *
   * @param key read during the call only, at any alignment, also if it is too long to be stored
   * @param into gets 4 words, of which a 32-bit hash uses the first and leaves the others 0
   * @throws {RangeError} if `into` has not 4 words
   */
  hash(key: Uint8Array, into: Int32Array): void {
    requireHash(into);
    // What is too long to be stored does not make the scratch grow for good.
    const scratch = key.length > ENTRY_BYTES_MAX
      ? new EntryScratch(this.#header, shapeOf(this.#header))
      : this.#scratch;
    scratch.loadKey(key);
    scratch.hashKey(key.length, into.fill(0));
  }

  /**
   * Copies the value stored under `key` to the start of `into`, a hit for the policy.
   *
   * @param key read during the call only, at any alignment
   * @param into owned by the caller; the bytes after the value stay as they were
   * @param hash what `hash` wrote for this key, left out to have it hashed; another one is a miss
   * @returns the value's length in bytes, undefined if the key is not in the cache
   * @throws {RangeError} if `into` is shorter than the value; then nothing changed or was counted.
   *   `read` needs no room
   */
  get(key: Uint8Array, into: Uint8Array, hash?: Int32Array): number | undefined {
    this.#mutex.assertHeld();
    const record = this.#lookUp(key, hash);
    if (record === 0) return undefined;
    const valueBytes = this.#records[record * RECORD_WORDS + RECORD.valueBytes];
    if (valueBytes > into.length) {
      throw new RangeError(`Cannot get: a value of ${valueBytes} bytes, room for ${into.length}`);
    }
    this.#hit(record, valueBytes, into);
    return valueBytes;
  }

  /**
   * The value stored under `key`, a hit for the policy, for callers that do not know its length.
   *
   * @param key as for `get`
   * @param hash as for `get`
   * @returns a copy that is the caller's, undefined if the key is not in the cache
   */
  read(key: Uint8Array, hash?: Int32Array): Uint8Array<ArrayBuffer> | undefined {
    this.#mutex.assertHeld();
    const record = this.#lookUp(key, hash);
    if (record === 0) return undefined;
    const valueBytes = this.#records[record * RECORD_WORDS + RECORD.valueBytes];
    const value = new Uint8Array(valueBytes);
    this.#hit(record, valueBytes, value);
    return value;
  }

  /**
   * Stores a copy of `value` under a copy of `key`, after evicting what the policy gives up for it. In
   * place of the key's old value, if there is one, it keeps what the policy noted of that, but counts
   * as the newest entry.
   *
   * @param epoch the `epoch` read before the value was computed
   * @param hash what `hash` wrote for this key, left out to have it hashed; with another one the entry
   *   is not found by its key
   * @returns false, and the cache unchanged, if the epoch is over or the entry is too large: more
   *   than `ENTRY_BYTES_MAX` or than all blocks (then it is counted as rejected)
   */
  put(key: Uint8Array, value: Uint8Array, epoch: number, hash?: Int32Array): boolean {
    this.#mutex.assertHeld();
    if (hash !== undefined) requireHash(hash);
    if (epoch !== this.#stats[STAT.epoch]) return false;
    const words = wordsOf(key.length) + wordsOf(value.length);
    const blocks = blocksForWords(words);
    if (key.length + value.length > ENTRY_BYTES_MAX || blocks > this.#blocksMax) {
      this.#stats[STAT.rejected]++;
      return false;
    }
    const entry = this.#scratch.loadEntry(key, value);
    const hashed = hash ?? this.#scratch.hashKey(key.length, this.#ownHash);
    const replaced = this.#table.find(hashed, entry, key.length);
    const mark = replaced === 0 ? undefined : this.#order.take(replaced);
    if (replaced !== 0) this.#table.remove(replaced);
    this.#makeRoom(blocks);
    const firstBlock = this.#arena.store(entry, words);
    const record = this.#table.insert(hashed, key.length, value.length, firstBlock);
    if (mark === undefined) this.#order.admit(record);
    else this.#order.readmit(record, mark);
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
   * Only the shape, the secret and the epoch are trusted: no method writes the first two, and the
   * epoch with a single store. Counters are kept. Cost: O(entries bound).
   */
  reset(): void {
    this.#mutex.assertHeld();
    this.#buckets.fill(0);
    this.#records.fill(0);
    this.#hashes.fill(0);
    this.#stats[STAT.epoch] = this.#nextEpoch();
    this.#empty();
  }

  /** What the cache counted and holds, as a new object. */
  counters(): SharedCacheCounters {
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
    this.#order.clear();
  }

  /** The record of a key; 0 if it is not there, which is counted. */
  #lookUp(key: Uint8Array, hash: Int32Array | undefined): number {
    if (hash !== undefined) requireHash(hash);
    const record = key.length > ENTRY_BYTES_MAX ? 0 : this.#find(key, hash);
    if (record === 0) this.#stats[STAT.misses]++;
    return record;
  }

  #find(key: Uint8Array, hash: Int32Array | undefined): number {
    const words = this.#scratch.loadKey(key);
    const hashed = hash ?? this.#scratch.hashKey(key.length, this.#ownHash);
    return this.#table.find(hashed, words, key.length);
  }

  #hit(record: number, valueBytes: number, into: Uint8Array): void {
    const base = record * RECORD_WORDS;
    const from = wordsOf(this.#records[base + RECORD.keyBytes]);
    const to = from + wordsOf(valueBytes);
    const words = this.#scratch.reserve(to);
    this.#arena.load(this.#records[base + RECORD.firstBlock], from, to, words);
    this.#scratch.copyValue(from, valueBytes, into);
    this.#order.touch(record);
    this.#stats[STAT.hits]++;
  }

  #makeRoom(blocks: number): void {
    const header = this.#header;
    while (
      header[HEAD.entries] >= this.#entriesMax || header[HEAD.blocks] + blocks > this.#blocksMax
    ) {
      this.#order.evict();
      this.#stats[STAT.evictions]++;
    }
  }
}

function requireHash(hash: Int32Array): void {
  if (hash.length === KEY_HASH_WORDS) return;
  throw new RangeError(`Cannot use a hash of ${hash.length} words: needs ${KEY_HASH_WORDS}`);
}
