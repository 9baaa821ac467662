/**
 * Where everything lies in the memory of a `NumberTable`.
 *
 * ```text
 *  byte 0     header   6 int32 (padded to 64): bounds, secret, which change is current
 *  64         change 0 total int64, value int64, then 3 int32: record, records, words (padded to 64)
 *  128        change 1
 *  192        buckets  1 int32 × a power of two ≥ 2 × keys: the newest record, 0 = none
 *             records  32 B × (1 + keys): value int64, then 4 int32: hash, keyBytes, keyWord, next
 *             arena    4 B × words: the keys one after the other, each padded to 4 bytes
 *
 *  change c = header.current                  records (1-based)               arena
 *  ┌───────────────────────────────────┐      ┌───────────────────────┐      ┌──────────────┐
 *  │ total    the sum as of this change│  ┌─► │ value                 │  ┌─► │ key…         │
 *  │ record ───────────────────────────┼──┘   │ hash, keyBytes        │  │   └──────────────┘
 *  │ value    what the record is set to│      │ keyWord ──────────────┼──┘
 *  │ records  in use, and words of the │      │ next ──► an older one │   buckets
 *  │ words    arena in use             │      │        of its bucket  │ ◄── first
 *  └───────────────────────────────────┘      └───────────────────────┘
 * ```
 *
 * The current change is the one that was made last. A new one is written where the other stands, and
 * storing its index in the header makes it the current one: that single store is the whole of a set,
 * since everything that is written after it follows from the change, and may be written again. What
 * is written before it lies beyond `records` and `words`, where nobody looks.
 *
 * Keys are never removed, so records and keys are taken one after the other, and pages of memory as
 * they are reached. Zero-filled memory is an empty table. All of it is guarded by the table's mutex.
 */

/** Indexes of the int32 header words. The first four never change. */
export const HEAD = {
  keysMax: 0,
  wordsMax: 1,
  secret0: 2,
  secret1: 3,
  current: 4,
} as const;

/** Indexes within a change: of its int64 numbers, and of its int32 words. */
export const CHANGE_NUMBER = { total: 0, value: 1 } as const;
export const CHANGE_WORD = { record: 4, records: 5, words: 6 } as const;

/** Indexes within a record: its one int64 number is the first, its int32 words follow. */
export const RECORD_WORD = { hash: 2, keyBytes: 3, keyWord: 4, next: 5 } as const;

/** A record's lengths; no record straddles a cache line. */
export const RECORD_NUMBERS = 4;
export const RECORD_WORDS = 8;

const HEADER_WORDS = 5;
const CHANGES_OFFSET = 64;
const CHANGE_BYTES = 64;
const BUCKETS_OFFSET = 192;
const RECORD_BYTES = 32;
const WORD_BYTES = 4;

type SharedWords = Int32Array<SharedArrayBuffer>;
type SharedNumbers = BigInt64Array<SharedArrayBuffer>;

/** One thread's typed views of a table's memory. */
export interface NumberTableViews {
  readonly header: SharedWords;
  /** The two changes, as words and as numbers. */
  readonly changeWords: readonly [SharedWords, SharedWords];
  readonly changeNumbers: readonly [SharedNumbers, SharedNumbers];
  readonly buckets: SharedWords;
  /** The records, as words and as numbers. */
  readonly recordWords: SharedWords;
  readonly recordNumbers: SharedNumbers;
  readonly arena: SharedWords;
}

/** Lengths and byte offsets that follow from the two bounds. */
function regionsOf(keysMax: number, wordsMax: number) {
  const bucketsLength = 2 ** Math.ceil(Math.log2(2 * keysMax));
  const recordsOffset = BUCKETS_OFFSET + WORD_BYTES * bucketsLength;
  const arenaOffset = recordsOffset + RECORD_BYTES * (1 + keysMax);
  const memoryBytes = arenaOffset + WORD_BYTES * wordsMax;
  return { bucketsLength, recordsOffset, arenaOffset, memoryBytes };
}

/** Bytes of memory for a table with these bounds. */
export function memoryBytesOf(keysMax: number, wordsMax: number): number {
  return regionsOf(keysMax, wordsMax).memoryBytes;
}

/** The header alone: before its two bounds are known the rest cannot be divided. */
export function openHeader(memory: SharedArrayBuffer): SharedWords {
  return new Int32Array(memory, 0, HEADER_WORDS);
}

/**
 * Views of memory that `NumberTable.allocate` made.
 *
 * @throws {RangeError} if the memory's length is not what its own header says
 */
export function openViews(memory: SharedArrayBuffer): NumberTableViews {
  if (memory.byteLength < BUCKETS_OFFSET) {
    throw new RangeError(
      `Cannot open the numbers: ${memory.byteLength} bytes are not their memory`,
    );
  }
  const header = openHeader(memory);
  const keysMax = header[HEAD.keysMax];
  const wordsMax = header[HEAD.wordsMax];
  const { bucketsLength, recordsOffset, arenaOffset, memoryBytes } = regionsOf(keysMax, wordsMax);
  if (memory.byteLength !== memoryBytes) {
    throw new RangeError(
      `Cannot open the numbers: ${memory.byteLength} bytes of memory, needs ${memoryBytes}`,
    );
  }
  const changeOffsets = [CHANGES_OFFSET, CHANGES_OFFSET + CHANGE_BYTES] as const;
  const changeWords = (change: 0 | 1) => new Int32Array(memory, changeOffsets[change], 7);
  const changeNumbers = (change: 0 | 1) => new BigInt64Array(memory, changeOffsets[change], 2);
  return {
    header,
    changeWords: [changeWords(0), changeWords(1)],
    changeNumbers: [changeNumbers(0), changeNumbers(1)],
    buckets: new Int32Array(memory, BUCKETS_OFFSET, bucketsLength),
    recordWords: new Int32Array(memory, recordsOffset, RECORD_WORDS * (1 + keysMax)),
    recordNumbers: new BigInt64Array(memory, recordsOffset, RECORD_NUMBERS * (1 + keysMax)),
    arena: new Int32Array(memory, arenaOffset, wordsMax),
  };
}
