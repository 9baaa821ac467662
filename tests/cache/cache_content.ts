import assert from "node:assert/strict";
import {
  BLOCK_BYTES,
  BLOCK_WORDS,
  type CacheViews,
  ENTRIES_HINGE,
  ghostsHingeOf,
  HASH_REST_WORDS,
  HEAD,
  mainHingeOf,
  openViews,
  RECORD,
  RECORD_WORDS,
  recordsMaxOf,
  SECRET_WORDS,
  shapeOf,
  STAT,
  wordsOf,
} from "../../lib/cache/cache_layout.ts";
import { keyHash } from "../../lib/cache/key_hash.ts";
import { keyHash128 } from "../../lib/cache/key_hash_128.ts";

/** One entry as it lies in shared memory. */
export interface StoredEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * Everything in the memory of a `SharedCache`, ring by ring, from newest or most recent to oldest: of
 * `s3-fifo` the small queue and then the main one.
 *
 * Reads the memory by its layout alone, and fails on the first broken invariant: rings, buckets,
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

  const { records, ghosts } = ringsOf(views);
  assert.equal(records.length, header[HEAD.entries], "rings and count of entries differ");
  assert.deepEqual(chained(views), new Set([...records, ...ghosts]), "rings and buckets differ");
  const freeRecords = listOf(header[HEAD.freeRecord], header[HEAD.recordBump], (record) => {
    return views.records[record * RECORD_WORDS + RECORD.chainNext];
  });
  const recordsMax = recordsMaxOf(shapeOf(header));
  assertPartition([records, ghosts, freeRecords], header[HEAD.recordBump], recordsMax);

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

/** The records of entries and of ghosts; what the policy notes beside its rings must fit these. */
function ringsOf(views: CacheViews): { records: number[]; ghosts: number[] } {
  const { header, records } = views;
  const first = ringOf(views, ENTRIES_HINGE);
  const { policy, entriesMax } = shapeOf(header);
  if (policy !== "s3-fifo") {
    const hand = header[HEAD.hand];
    assert.ok(hand === 0 || first.includes(hand), "the hand points out of the ring");
    for (const record of first) {
      assert.ok([0, 1].includes(records[record * RECORD_WORDS + RECORD.mark]), "a mark is none");
    }
    return { records: first, ghosts: [] };
  }
  const main = ringOf(views, mainHingeOf(views));
  const ghosts = ringOf(views, ghostsHingeOf(views));
  assert.equal(ghosts.length, header[HEAD.ghosts], "ring and count of ghosts differ");
  assert.ok(ghosts.length <= 0.9 * entriesMax, "too many ghosts");
  const smallBlocks = first.flatMap((record) => blocksOf(views, record)).length;
  assert.equal(smallBlocks, header[HEAD.smallBlocks], "the small queue and its count differ");
  for (const [index, record] of [...first, ...main].entries()) {
    const mark = records[record * RECORD_WORDS + RECORD.mark];
    assert.equal(mark >> 2, index < first.length ? 0 : 1, "a mark names another queue");
  }
  for (const ghost of ghosts) {
    assert.ok(records[ghost * RECORD_WORDS + RECORD.keyBytes] < 0, "a ghost looks like an entry");
    assert.equal(records[ghost * RECORD_WORDS + RECORD.firstBlock], 0, "a ghost has blocks");
  }
  return { records: [...first, ...main], ghosts };
}

function ringOf({ records }: CacheViews, hinge: number): number[] {
  const ring: number[] = [];
  const limit = records.length / RECORD_WORDS;
  let prev = hinge;
  let record = records[hinge * RECORD_WORDS + RECORD.next];
  while (record !== hinge) {
    assert.equal(records[record * RECORD_WORDS + RECORD.prev], prev, "a ring is torn");
    ring.push(record);
    assert.ok(ring.length < limit, "a ring has a loop");
    prev = record;
    record = records[record * RECORD_WORDS + RECORD.next];
  }
  assert.equal(
    records[hinge * RECORD_WORDS + RECORD.prev],
    prev,
    "a ring does not end at its last",
  );
  return ring;
}

/** The records in the buckets of this epoch, each in the bucket of its hash. */
function chained({ buckets, records, stats }: CacheViews): Set<number> {
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

function blocksOf({ records, next, header }: CacheViews, record: number): number[] {
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

function entryOf(views: CacheViews, record: number, chain: number[]): StoredEntry {
  const { arena, records, hashes } = views;
  const words = new Int32Array(chain.length * BLOCK_WORDS);
  chain.forEach((block, index) => {
    const from = (block - 1) * BLOCK_WORDS;
    words.set(arena.subarray(from, from + BLOCK_WORDS), index * BLOCK_WORDS);
  });
  const base = record * RECORD_WORDS;
  const keyBytes = records[base + RECORD.keyBytes];
  const hash = hashOf(views, words, keyBytes);
  assert.equal(records[base + RECORD.hash], hash[0], "a key has not its record's hash");
  const rest = record * HASH_REST_WORDS;
  assert.deepEqual(
    hashes.subarray(rest, rest + HASH_REST_WORDS),
    hash.subarray(1, 1 + hashes.length),
  );
  const bytes = new Uint8Array(words.buffer);
  const valueFrom = 4 * wordsOf(keyBytes);
  return {
    key: bytes.slice(0, keyBytes),
    value: bytes.slice(valueFrom, valueFrom + records[base + RECORD.valueBytes]),
  };
}

function hashOf({ header }: CacheViews, words: Int32Array, keyBytes: number): Int32Array {
  const secret = Int32Array.from(header.subarray(HEAD.secret, HEAD.secret + SECRET_WORDS));
  const hash = new Int32Array(4);
  if (header[HEAD.hashBits] === 128) keyHash128(words, keyBytes, secret, hash);
  else hash[0] = keyHash(words, keyBytes, secret[0], secret[1]);
  return hash;
}
