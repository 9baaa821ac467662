import { CACHE_POLICIES, type CachePolicy } from "./eviction_policy.ts";

/**
 * Where everything lies in the memory of a `SharedCache`.
 *
 * ```text
 *  byte 0     stats    6 float64 (48 B, padded to 64): epoch, hits, misses, evictions, clears,
 *                      rejected
 *  64         header   16 int32: bounds, policy, secret, and what is in use now
 *  128        buckets  (stamp, first record) × a power of two ≥ 2 × records
 *             records  8 int32 × (1 + records + hinges); record 0 is the first ring's hinge
 *             hashes   3 int32 × (1 + records), words 1 to 3 of each hash; nothing with 32-bit hashes
 *             next     1 int32 × (1 + blocks): the block after this one, 0 = none
 *  128-byte   arena    128 B × blocks: the key, padded to 4 bytes, then the value
 *  boundary
 *
 *  buckets                  records (1-based)                     arena blocks (1-based)
 *  ┌───────┬───────┐        ┌────────────────────────────┐        ┌───────────────────────┐
 *  │ stamp │ first ├──────► │ hash, keyBytes, valueBytes │    ┌─► │ key…                  │
 *  ├───────┼───────┤        │ firstBlock ────────────────┼────┘   └──────────┬────────────┘
 *  │ old   │   ×   │ empty  │ chainNext ──► next in the  │            next[block]
 *  └───────┴───────┘        │               same bucket  │        ┌──────────▼────────────┐
 *   a bucket whose stamp    │ prev, next, mark           │        │ …key │ value          │ next = 0
 *   is not that of the      └──────▲──────────────┬──────┘        └───────────────────────┘
 *   epoch is empty                 │ a ring through its hinge:
 *                                  │ hinge → newest → … → oldest → hinge
 *
 *  free records and free blocks: a list (through chainNext, next) of those given back, and above
 *  it the bump: how many were ever in use since the last clear. So clearing resets a few words.
 *
 *  records:   one for each entry; with s3-fifo nine more for each ten, the ghosts: evicted entries
 *             that have a hash and a length, but no blocks
 *  rings:     lru     0: from most to least recently used
 *             sieve   0: from newest to oldest; the mark is 1 for visited, `hand` a record or 0
 *             s3-fifo 0: the small queue; records + 1: the main queue; records + 2: the ghosts; the
 *                        mark is hits + 4 in the main queue
 * ```
 *
 * 0 means "none" for whatever is not a ring's link. All of it is guarded by the cache's mutex;
 * nothing but `SharedCache`, its parts and its tests reads it.
 */

/**
 * A key of 10 float64 and a value of one float32 (84 B) fit one block; a larger entry wastes half a
 * block on average. Two cache lines, which the processor fetches as a pair.
 */
export const BLOCK_BYTES = 128;
export const BLOCK_WORDS = BLOCK_BYTES / 4;

/** Indexes of the float64 stats: counts since allocation, and the epoch, at least 1. */
export const STAT = { epoch: 0, hits: 1, misses: 2, evictions: 3, clears: 4, rejected: 5 } as const;

/** Indexes of the int32 header words. The first eight never change. */
export const HEAD = {
  entriesMax: 0,
  blocksMax: 1,
  /** An index of `CACHE_POLICIES`. */
  policy: 2,
  /** 32 or 128. */
  hashBits: 3,
  /** The first of four words. */
  secret: 4,
  entries: 8,
  blocks: 9,
  freeRecord: 10,
  recordBump: 11,
  freeBlock: 12,
  blockBump: 13,
  /** Of `sieve`: the record at which the next search begins, 0 = at the oldest. */
  hand: 14,
  /** Of `s3-fifo`: blocks of the entries in the small queue. */
  smallBlocks: 14,
  /** Of `s3-fifo`: records that are ghosts. */
  ghosts: 15,
} as const;
export const SECRET_WORDS = 4;

/** Indexes within a record: it has 8 words, so that none straddles a cache line. */
export const RECORD = {
  /** The first word of the key's hash. */
  hash: 0,
  /** Of a ghost: the complement, which is no length. */
  keyBytes: 1,
  valueBytes: 2,
  firstBlock: 3,
  /** Towards the newer or more recent record of the ring. */
  prev: 4,
  next: 5,
  chainNext: 6,
  /** What the policy notes. */
  mark: 7,
} as const;
export const RECORD_WORDS = 8;

/** Words of a 128-bit hash that lie apart from its record, where there is room for one. */
export const HASH_REST_WORDS = 3;

/** The hinge of the only ring, or of the small queue. */
export const ENTRIES_HINGE = 0;

/** `s3-fifo` has hinges for its main queue and its ghosts behind the records. */
const HINGES_BEHIND = 2;

const STATS_LENGTH = Object.keys(STAT).length;
const HEADER_LENGTH = 16;
const HEADER_OFFSET = 64;
const BUCKETS_OFFSET = 128;

type SharedWords = Int32Array<SharedArrayBuffer>;

/** One thread's typed views of a cache's memory. */
export interface CacheViews {
  readonly stats: Float64Array<SharedArrayBuffer>;
  readonly header: SharedWords;
  readonly buckets: SharedWords;
  readonly records: SharedWords;
  readonly hashes: SharedWords;
  readonly next: SharedWords;
  readonly arena: SharedWords;
}

/** What never changes of a cache, and what the division of its memory follows from. */
export interface CacheShape {
  readonly entriesMax: number;
  readonly blocksMax: number;
  readonly policy: CachePolicy;
  readonly hashBits: 32 | 128;
}

/** How many ghosts `s3-fifo` keeps beside so many entries: as many as are in its main queue then. */
export function ghostsMaxOf(entries: number): number {
  return Math.floor(entries * 9 / 10);
}

/** How many records there are, without hinges: most entries and most ghosts. */
export function recordsMaxOf({ entriesMax, policy }: CacheShape): number {
  return entriesMax + (policy === "s3-fifo" ? ghostsMaxOf(entriesMax) : 0);
}

/** Lengths and byte offsets that follow from the shape. */
function regionsOf(shape: CacheShape) {
  const recordsMax = recordsMaxOf(shape);
  const hinges = 1 + (shape.policy === "s3-fifo" ? HINGES_BEHIND : 0);
  const bucketsLength = 2 * 2 ** Math.ceil(Math.log2(2 * recordsMax));
  const recordsLength = RECORD_WORDS * (recordsMax + hinges);
  const hashesLength = shape.hashBits === 128 ? HASH_REST_WORDS * (1 + recordsMax) : 0;
  const nextLength = 1 + shape.blocksMax;
  const recordsOffset = BUCKETS_OFFSET + 4 * bucketsLength;
  const hashesOffset = recordsOffset + 4 * recordsLength;
  const nextOffset = hashesOffset + 4 * hashesLength;
  const arenaOffset = Math.ceil((nextOffset + 4 * nextLength) / BLOCK_BYTES) * BLOCK_BYTES;
  const arenaLength = BLOCK_WORDS * shape.blocksMax;
  const memoryBytes = arenaOffset + 4 * arenaLength;
  return {
    bucketsLength,
    recordsLength,
    hashesLength,
    nextLength,
    arenaLength,
    recordsOffset,
    hashesOffset,
    nextOffset,
    arenaOffset,
    memoryBytes,
  };
}

/** How many words hold so many bytes. */
export function wordsOf(bytes: number): number {
  return (bytes + 3) >>> 2;
}

/** How many blocks hold so many words. */
export function blocksForWords(words: number): number {
  return Math.ceil(words / BLOCK_WORDS);
}

/** How many blocks the entry of a record occupies. */
export function blocksOf(records: Int32Array, record: number): number {
  const base = record * RECORD_WORDS;
  return blocksForWords(
    wordsOf(records[base + RECORD.keyBytes]) + wordsOf(records[base + RECORD.valueBytes]),
  );
}

/** The hinge of the main queue of `s3-fifo`. */
export function mainHingeOf({ records }: CacheViews): number {
  return records.length / RECORD_WORDS - HINGES_BEHIND;
}

/** The hinge of the ghosts of `s3-fifo`. */
export function ghostsHingeOf(views: CacheViews): number {
  return mainHingeOf(views) + 1;
}

/** Memory for a cache of this shape, all zero but for the shape. */
export function allocateMemory(shape: CacheShape): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(regionsOf(shape).memoryBytes);
  const header = openHeader(memory);
  header[HEAD.entriesMax] = shape.entriesMax;
  header[HEAD.blocksMax] = shape.blocksMax;
  header[HEAD.policy] = CACHE_POLICIES.indexOf(shape.policy);
  header[HEAD.hashBits] = shape.hashBits;
  return memory;
}

/**
 * What a header says of the memory around it.
 *
 * @throws {RangeError} if no cache has such a header
 */
export function shapeOf(header: Int32Array): CacheShape {
  const policy = CACHE_POLICIES[header[HEAD.policy]];
  const hashBits = header[HEAD.hashBits];
  const entriesMax = header[HEAD.entriesMax];
  if (policy === undefined || (hashBits !== 32 && hashBits !== 128)) {
    throw new RangeError("Cannot open the cache: the memory does not start with a cache's header");
  }
  return { entriesMax, blocksMax: header[HEAD.blocksMax], policy, hashBits };
}

/**
 * Views of memory that `SharedCache.allocate` made.
 *
 * @throws {RangeError} if the memory's length is not what its own header says
 */
export function openViews(memory: SharedArrayBuffer): CacheViews {
  if (memory.byteLength < BUCKETS_OFFSET) {
    throw new RangeError(`Cannot open the cache: ${memory.byteLength} bytes are not its memory`);
  }
  const header = openHeader(memory);
  const regions = regionsOf(shapeOf(header));
  if (memory.byteLength !== regions.memoryBytes) {
    throw new RangeError(
      `Cannot open the cache: ${memory.byteLength} bytes of memory, needs ${regions.memoryBytes}`,
    );
  }
  return {
    stats: new Float64Array(memory, 0, STATS_LENGTH),
    header,
    buckets: new Int32Array(memory, BUCKETS_OFFSET, regions.bucketsLength),
    records: new Int32Array(memory, regions.recordsOffset, regions.recordsLength),
    hashes: new Int32Array(memory, regions.hashesOffset, regions.hashesLength),
    next: new Int32Array(memory, regions.nextOffset, regions.nextLength),
    arena: new Int32Array(memory, regions.arenaOffset, regions.arenaLength),
  };
}

/** The header alone: before it is read the rest cannot be divided. */
function openHeader(memory: SharedArrayBuffer): SharedWords {
  return new Int32Array(memory, HEADER_OFFSET, HEADER_LENGTH);
}
