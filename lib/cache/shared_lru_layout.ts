/**
 * Where everything lies in the memory of a `SharedLru`.
 *
 * ```text
 *  byte 0     stats    6 float64 (48 B, padded to 64): epoch, hits, misses, evictions, clears,
 *                      rejected
 *  64         header   10 int32 (padded to 64): bounds, secret, and what is in use now
 *  128        buckets  (stamp, first record) × a power of two ≥ 2 × entries
 *             records  8 int32 × (1 + entries); record 0 is the ring's hinge
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
 *   a bucket whose stamp    │ lruPrev, lruNext           │        │ …key │ value          │ next = 0
 *   is not that of the      └──────▲──────────────┬──────┘        └───────────────────────┘
 *   epoch is empty                 │ a ring through record 0:
 *                                  │ 0 → most recent → … → least recent → 0
 *
 *  free records and free blocks: a list (through chainNext, next) of those given back, and above
 *  it the bump: how many were ever in use since the last clear. So clearing resets four words.
 * ```
 *
 * 0 means "none" everywhere, so zero-filled memory is an empty cache. All of it is guarded by the
 * cache's mutex; nothing but `SharedLru` and its tests reads it.
 */

/**
 * A key of 10 float64 and a value of one float32 (84 B) fit one block; a larger entry wastes half a
 * block on average. Two cache lines, which the processor fetches as a pair.
 */
export const BLOCK_BYTES = 128;
export const BLOCK_WORDS = BLOCK_BYTES / 4;

/** Indexes of the float64 stats: counts since allocation, and the epoch, at least 1. */
export const STAT = { epoch: 0, hits: 1, misses: 2, evictions: 3, clears: 4, rejected: 5 } as const;

/** Indexes of the int32 header words. The first four never change. */
export const HEAD = {
  entriesMax: 0,
  blocksMax: 1,
  secret0: 2,
  secret1: 3,
  entries: 4,
  blocks: 5,
  freeRecord: 6,
  recordBump: 7,
  freeBlock: 8,
  blockBump: 9,
} as const;

/** Indexes within a record. The eighth word is unused: no record straddles a cache line. */
export const RECORD = {
  hash: 0,
  keyBytes: 1,
  valueBytes: 2,
  firstBlock: 3,
  lruPrev: 4,
  lruNext: 5,
  chainNext: 6,
} as const;
export const RECORD_WORDS = 8;

const STATS_LENGTH = Object.keys(STAT).length;
const HEADER_LENGTH = Object.keys(HEAD).length;
const HEADER_OFFSET = 64;
const BUCKETS_OFFSET = 128;

type SharedWords = Int32Array<SharedArrayBuffer>;

/** One thread's typed views of a cache's memory. */
export interface SharedLruViews {
  readonly stats: Float64Array<SharedArrayBuffer>;
  readonly header: SharedWords;
  readonly buckets: SharedWords;
  readonly records: SharedWords;
  readonly next: SharedWords;
  readonly arena: SharedWords;
}

/** Lengths and byte offsets that follow from the two bounds. */
function regionsOf(entriesMax: number, blocksMax: number) {
  const bucketsLength = 2 * 2 ** Math.ceil(Math.log2(2 * entriesMax));
  const recordsLength = RECORD_WORDS * (1 + entriesMax);
  const nextLength = 1 + blocksMax;
  const recordsOffset = BUCKETS_OFFSET + 4 * bucketsLength;
  const nextOffset = recordsOffset + 4 * recordsLength;
  const arenaOffset = Math.ceil((nextOffset + 4 * nextLength) / BLOCK_BYTES) * BLOCK_BYTES;
  const arenaLength = BLOCK_WORDS * blocksMax;
  const memoryBytes = arenaOffset + 4 * arenaLength;
  return {
    bucketsLength,
    recordsLength,
    nextLength,
    arenaLength,
    recordsOffset,
    nextOffset,
    arenaOffset,
    memoryBytes,
  };
}

/** How many words hold so many bytes. */
export function wordsOf(bytes: number): number {
  return (bytes + 3) >>> 2;
}

/** Bytes of memory for a cache with these bounds. */
export function memoryBytesOf(entriesMax: number, blocksMax: number): number {
  return regionsOf(entriesMax, blocksMax).memoryBytes;
}

/** The header alone: before its two bounds are known the rest cannot be divided. */
export function openHeader(memory: SharedArrayBuffer): SharedWords {
  return new Int32Array(memory, HEADER_OFFSET, HEADER_LENGTH);
}

/**
 * Views of memory that `SharedLru.allocate` made.
 *
 * @throws {RangeError} if the memory's length is not what its own header says
 */
export function openViews(memory: SharedArrayBuffer): SharedLruViews {
  if (memory.byteLength < BUCKETS_OFFSET) {
    throw new RangeError(`Cannot open the cache: ${memory.byteLength} bytes are not its memory`);
  }
  const header = openHeader(memory);
  const regions = regionsOf(header[HEAD.entriesMax], header[HEAD.blocksMax]);
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
    next: new Int32Array(memory, regions.nextOffset, regions.nextLength),
    arena: new Int32Array(memory, regions.arenaOffset, regions.arenaLength),
  };
}
