import assert from "node:assert/strict";
import { keyHash } from "../../lib/cache/key_hash.ts";
import {
  BLOCK_BYTES,
  BLOCK_WORDS,
  HEAD,
  openViews,
  RECORD,
  RECORD_WORDS,
  type SharedLruViews,
  STAT,
  wordsOf,
} from "../../lib/cache/shared_lru_layout.ts";

/** One entry as it lies in shared memory. */
export interface StoredEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * Everything in the memory of a `SharedLru`, from most to least recent.
 *
 * Reads the memory by its layout alone, and fails on the first broken invariant: ring, buckets,
 * block chains, free lists, counts and bounds must all tell the same story.
 */
export function contentOf(memory: SharedArrayBuffer): StoredEntry[] {
  const views = openViews(memory);
  const { header, stats } = views;
  for (const stat of Object.values(STAT)) {
    assert.ok(Number.isSafeInteger(stats[stat]) && stats[stat] >= 0, "a count is none");
  }
  assert.ok(stats[STAT.epoch] >= 1, "no epoch");
  assert.ok(header[HEAD.entries] <= header[HEAD.entriesMax], "too many entries");
  assert.ok(header[HEAD.blocks] <= header[HEAD.blocksMax], "too many blocks");

  const records = ringOf(views);
  assert.equal(records.length, header[HEAD.entries], "ring and count of entries differ");
  assert.deepEqual(chained(views), new Set(records), "ring and buckets differ");
  const freeRecords = listOf(header[HEAD.freeRecord], header[HEAD.recordBump], (record) => {
    return views.records[record * RECORD_WORDS + RECORD.chainNext];
  });
  assertPartition([records, freeRecords], header[HEAD.recordBump], header[HEAD.entriesMax]);

  const chains = records.map((record) => blocksOf(views, record));
  const freeBlocks = listOf(header[HEAD.freeBlock], header[HEAD.blockBump], (block) => {
    return views.next[block];
  });
  assert.equal(chains.flat().length, header[HEAD.blocks], "chains and count of blocks differ");
  assertPartition([...chains, freeBlocks], header[HEAD.blockBump], header[HEAD.blocksMax]);

  const entries = records.map((record, index) => entryOf(views, record, chains[index]));
  const keys = new Set(entries.map(({ key }) => key.join()));
  assert.equal(keys.size, entries.length, "a key is stored twice");
  return entries;
}

/** The bytes of blocks that an entry occupies. */
export function occupiedBytes(keyBytes: number, valueBytes: number): number {
  const words = wordsOf(keyBytes) + wordsOf(valueBytes);
  return Math.ceil(words / BLOCK_WORDS) * BLOCK_BYTES;
}

function ringOf({ records }: SharedLruViews): number[] {
  const ring: number[] = [];
  const limit = records.length / RECORD_WORDS;
  let prev = 0;
  for (let record = records[RECORD.lruNext]; record !== 0;) {
    assert.equal(records[record * RECORD_WORDS + RECORD.lruPrev], prev, "the ring is torn");
    ring.push(record);
    assert.ok(ring.length < limit, "the ring has a loop");
    prev = record;
    record = records[record * RECORD_WORDS + RECORD.lruNext];
  }
  assert.equal(records[RECORD.lruPrev], prev, "the ring does not end at the least recent");
  return ring;
}

/** The records in the buckets of this epoch, each in the bucket of its hash. */
function chained({ buckets, records, stats }: SharedLruViews): Set<number> {
  const found = new Set<number>();
  const mask = buckets.length / 2 - 1;
  for (let bucket = 0; bucket <= mask; bucket++) {
    if (buckets[2 * bucket] !== (stats[STAT.epoch] | 0)) continue;
    for (let record = buckets[2 * bucket + 1]; record !== 0;) {
      assert.ok(!found.has(record), "a record is in two chains");
      found.add(record);
      assert.equal(records[record * RECORD_WORDS + RECORD.hash] & mask, bucket, "wrong bucket");
      record = records[record * RECORD_WORDS + RECORD.chainNext];
    }
  }
  return found;
}

function listOf(first: number, lengthMax: number, follow: (index: number) => number): number[] {
  const list: number[] = [];
  for (let index = first; index !== 0; index = follow(index)) {
    list.push(index);
    assert.ok(list.length <= lengthMax, "a list has a loop");
  }
  return list;
}

function blocksOf({ records, next, header }: SharedLruViews, record: number): number[] {
  const base = record * RECORD_WORDS;
  const chain = listOf(
    records[base + RECORD.firstBlock],
    header[HEAD.blockBump],
    (block) => next[block],
  );
  const bytes = occupiedBytes(records[base + RECORD.keyBytes], records[base + RECORD.valueBytes]);
  assert.equal(chain.length * BLOCK_BYTES, bytes, "a chain has not the length of its entry");
  return chain;
}

/** The lists hold each number from 1 to `bump` once. */
function assertPartition(lists: number[][], bump: number, max: number): void {
  assert.ok(bump <= max, "more in use than there are");
  const sorted = lists.flat().sort((a, b) => a - b);
  assert.deepEqual(sorted, Array.from({ length: bump }, (_, index) => index + 1));
}

function entryOf(views: SharedLruViews, record: number, chain: number[]): StoredEntry {
  const { arena, records, header } = views;
  const words = new Int32Array(chain.length * BLOCK_WORDS);
  chain.forEach((block, index) => {
    const from = (block - 1) * BLOCK_WORDS;
    words.set(arena.subarray(from, from + BLOCK_WORDS), index * BLOCK_WORDS);
  });
  const base = record * RECORD_WORDS;
  const keyBytes = records[base + RECORD.keyBytes];
  const hash = keyHash(words, keyBytes, header[HEAD.secret0], header[HEAD.secret1]);
  assert.equal(records[base + RECORD.hash], hash, "a key has not its record's hash");
  const bytes = new Uint8Array(words.buffer);
  const valueFrom = 4 * wordsOf(keyBytes);
  return {
    key: bytes.slice(0, keyBytes),
    value: bytes.slice(valueFrom, valueFrom + records[base + RECORD.valueBytes]),
  };
}
