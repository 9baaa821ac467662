import type { BlockArena } from "./block_arena.ts";
import {
  type CacheViews,
  HASH_REST_WORDS,
  HEAD,
  RECORD,
  RECORD_WORDS,
  STAT,
  wordsOf,
} from "./cache_layout.ts";

/**
 * The hash table of a cache: finds, inserts and removes the records of entries and ghosts. In which
 * ring a record is, is the policy's.
 *
 * Records are numbers from 1. The caller holds the mutex and keeps the bounds.
 */
export class RecordTable {
  readonly #stats: CacheViews["stats"];
  readonly #header: CacheViews["header"];
  readonly #buckets: CacheViews["buckets"];
  readonly #records: CacheViews["records"];
  readonly #hashes: CacheViews["hashes"];
  readonly #arena: BlockArena;
  readonly #bucketMask: number;
  readonly #isWide: boolean;

  constructor(views: CacheViews, arena: BlockArena) {
    this.#stats = views.stats;
    this.#header = views.header;
    this.#buckets = views.buckets;
    this.#records = views.records;
    this.#hashes = views.hashes;
    this.#arena = arena;
    this.#bucketMask = views.buckets.length / 2 - 1;
    this.#isWide = views.hashes.length > 0;
  }

  /** The record of the key at the start of `words`, zero-padded to whole words; 0 if there is none. */
  find(hash: Int32Array, words: Int32Array, keyBytes: number): number {
    const buckets = this.#buckets;
    const records = this.#records;
    const first = hash[0];
    const bucket = 2 * (first & this.#bucketMask);
    if (buckets[bucket] !== this.#stamp) return 0;
    let record = buckets[bucket + 1];
    while (record !== 0) {
      const base = record * RECORD_WORDS;
      if (
        records[base + RECORD.hash] === first && records[base + RECORD.keyBytes] === keyBytes &&
        (!this.#isWide || this.#hasRest(record, hash)) &&
        this.#arena.startsWith(records[base + RECORD.firstBlock], words, wordsOf(keyBytes))
      ) return record;
      record = records[base + RECORD.chainNext];
    }
    return 0;
  }

  /** Makes a record of what is stored from `firstBlock` on. */
  insert(hash: Int32Array, keyBytes: number, valueBytes: number, firstBlock: number): number {
    const buckets = this.#buckets;
    const records = this.#records;
    const bucket = 2 * (hash[0] & this.#bucketMask);
    if (buckets[bucket] !== this.#stamp) {
      buckets[bucket] = this.#stamp;
      buckets[bucket + 1] = 0;
    }
    const record = this.#takeRecord();
    this.#header[HEAD.entries]++;
    const base = record * RECORD_WORDS;
    records[base + RECORD.hash] = hash[0];
    records[base + RECORD.keyBytes] = keyBytes;
    records[base + RECORD.valueBytes] = valueBytes;
    records[base + RECORD.firstBlock] = firstBlock;
    records[base + RECORD.chainNext] = buckets[bucket + 1];
    if (this.#isWide) this.#storeRest(record, hash);
    buckets[bucket + 1] = record;
    return record;
  }

  /** Drops an entry's record, which is in no ring any more, and gives its blocks back. */
  remove(record: number): void {
    this.#unchain(record);
    this.#arena.free(this.#records[record * RECORD_WORDS + RECORD.firstBlock]);
    this.#freeRecord(record);
    this.#header[HEAD.entries]--;
  }

  /** Drops an entry, but keeps its record, in no ring, as a ghost that tells its key if it comes again. */
  makeGhost(record: number): void {
    const base = record * RECORD_WORDS;
    this.#arena.free(this.#records[base + RECORD.firstBlock]);
    this.#records[base + RECORD.firstBlock] = 0;
    this.#records[base + RECORD.keyBytes] = ~this.#records[base + RECORD.keyBytes];
    this.#header[HEAD.entries]--;
  }

  /** Drops a ghost that is in no ring any more. */
  removeGhost(ghost: number): void {
    this.#unchain(ghost);
    this.#freeRecord(ghost);
  }

  /** The ghost with the hash and the length of a record's key, 0 if there is none. */
  findGhostOf(record: number): number {
    const records = this.#records;
    const hash = records[record * RECORD_WORDS + RECORD.hash];
    const keyBytes = ~records[record * RECORD_WORDS + RECORD.keyBytes];
    let ghost = this.#buckets[2 * (hash & this.#bucketMask) + 1];
    while (ghost !== 0) {
      const base = ghost * RECORD_WORDS;
      if (records[base + RECORD.hash] === hash && records[base + RECORD.keyBytes] === keyBytes) {
        return ghost;
      }
      ghost = records[base + RECORD.chainNext];
    }
    return 0;
  }

  #unchain(record: number): void {
    const records = this.#records;
    const base = record * RECORD_WORDS;
    const following = records[base + RECORD.chainNext];
    const bucket = 2 * (records[base + RECORD.hash] & this.#bucketMask);
    let prev = this.#buckets[bucket + 1];
    if (prev === record) {
      this.#buckets[bucket + 1] = following;
      return;
    }
    while (records[prev * RECORD_WORDS + RECORD.chainNext] !== record) {
      prev = records[prev * RECORD_WORDS + RECORD.chainNext];
    }
    records[prev * RECORD_WORDS + RECORD.chainNext] = following;
  }

  #takeRecord(): number {
    const header = this.#header;
    const record = header[HEAD.freeRecord];
    if (record === 0) return ++header[HEAD.recordBump];
    header[HEAD.freeRecord] = this.#records[record * RECORD_WORDS + RECORD.chainNext];
    return record;
  }

  #freeRecord(record: number): void {
    this.#records[record * RECORD_WORDS + RECORD.chainNext] = this.#header[HEAD.freeRecord];
    this.#header[HEAD.freeRecord] = record;
  }

  #hasRest(record: number, hash: Int32Array): boolean {
    const hashes = this.#hashes;
    const base = record * HASH_REST_WORDS;
    return hashes[base] === hash[1] && hashes[base + 1] === hash[2] && hashes[base + 2] === hash[3];
  }

  #storeRest(record: number, hash: Int32Array): void {
    const hashes = this.#hashes;
    const base = record * HASH_REST_WORDS;
    hashes[base] = hash[1];
    hashes[base + 1] = hash[2];
    hashes[base + 2] = hash[3];
  }

  /** The stamp of every bucket in use: the low 32 bits of the epoch, as an int32, never 0. */
  get #stamp(): number {
    return this.#stats[STAT.epoch] | 0;
  }
}
