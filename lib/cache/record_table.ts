import type { BlockArena } from "./block_arena.ts";
import { linkMostRecent, unlink } from "./recency_ring.ts";
import {
  HEAD,
  RECORD,
  RECORD_WORDS,
  type SharedLruViews,
  STAT,
  wordsOf,
} from "./shared_lru_layout.ts";

/**
 * The hash table of a cache: finds, inserts and removes records, which stay linked in the ring too.
 *
 * Records are numbers from 1. The caller holds the mutex and keeps the bounds.
 */
export class RecordTable {
  readonly #stats: SharedLruViews["stats"];
  readonly #header: SharedLruViews["header"];
  readonly #buckets: SharedLruViews["buckets"];
  readonly #records: SharedLruViews["records"];
  readonly #arena: BlockArena;
  readonly #bucketMask: number;

  constructor(views: SharedLruViews, arena: BlockArena) {
    this.#stats = views.stats;
    this.#header = views.header;
    this.#buckets = views.buckets;
    this.#records = views.records;
    this.#arena = arena;
    this.#bucketMask = views.buckets.length / 2 - 1;
  }

  /** The record of the key at the start of `words`, zero-padded to whole words; 0 if there is none. */
  find(hash: number, words: Int32Array, keyBytes: number): number {
    const buckets = this.#buckets;
    const records = this.#records;
    const bucket = 2 * (hash & this.#bucketMask);
    if (buckets[bucket] !== this.#stamp) return 0;
    let record = buckets[bucket + 1];
    while (record !== 0) {
      const base = record * RECORD_WORDS;
      if (
        records[base + RECORD.hash] === hash && records[base + RECORD.keyBytes] === keyBytes &&
        this.#arena.startsWith(records[base + RECORD.firstBlock], words, wordsOf(keyBytes))
      ) return record;
      record = records[base + RECORD.chainNext];
    }
    return 0;
  }

  /** Makes a record of what is stored from `firstBlock` on; it becomes the most recent. */
  insert(hash: number, keyBytes: number, valueBytes: number, firstBlock: number): void {
    const buckets = this.#buckets;
    const records = this.#records;
    const bucket = 2 * (hash & this.#bucketMask);
    if (buckets[bucket] !== this.#stamp) {
      buckets[bucket] = this.#stamp;
      buckets[bucket + 1] = 0;
    }
    const record = this.#takeRecord();
    const base = record * RECORD_WORDS;
    records[base + RECORD.hash] = hash;
    records[base + RECORD.keyBytes] = keyBytes;
    records[base + RECORD.valueBytes] = valueBytes;
    records[base + RECORD.firstBlock] = firstBlock;
    records[base + RECORD.chainNext] = buckets[bucket + 1];
    buckets[bucket + 1] = record;
    linkMostRecent(records, record);
  }

  /** Drops the record and gives its blocks back. */
  remove(record: number): void {
    const records = this.#records;
    const base = record * RECORD_WORDS;
    this.#unchain(record, records[base + RECORD.chainNext]);
    unlink(records, record);
    this.#arena.free(records[base + RECORD.firstBlock]);
    records[base + RECORD.chainNext] = this.#header[HEAD.freeRecord];
    this.#header[HEAD.freeRecord] = record;
    this.#header[HEAD.entries]--;
  }

  #unchain(record: number, following: number): void {
    const records = this.#records;
    const hash = records[record * RECORD_WORDS + RECORD.hash];
    const bucket = 2 * (hash & this.#bucketMask);
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
    header[HEAD.entries]++;
    const record = header[HEAD.freeRecord];
    if (record === 0) return ++header[HEAD.recordBump];
    header[HEAD.freeRecord] = this.#records[record * RECORD_WORDS + RECORD.chainNext];
    return record;
  }

  /** The stamp of every bucket in use: the low 32 bits of the epoch, as an int32, never 0. */
  get #stamp(): number {
    return this.#stats[STAT.epoch] | 0;
  }
}
