import { keyHash } from "../cache/key_hash.ts";
import { OperationError } from "../errors.ts";
import { NUM_STORE_BYTES_MAX, NUM_STORE_KEY_BYTES_MAX, NUM_STORE_KEYS_MAX } from "../limits.ts";
import type { SharedMutex } from "../lock/shared_mutex.ts";
import {
  CHANGE_NUMBER,
  CHANGE_WORD,
  HEAD,
  memoryBytesOf,
  type NumberTableViews,
  openHeader,
  openViews,
  RECORD_NUMBERS,
  RECORD_WORD,
  RECORD_WORDS,
} from "./number_table_layout.ts";

const WORD_BYTES = 4;

/** How much a table may hold. */
export interface NumberTableLimits {
  /** Most keys, 1 to 2²⁴. */
  readonly keys: number;
  /** Most bytes of keys, each padded to 4: 4 to 2³². */
  readonly bytes: number;
}

/**
 * An int64 for each key, and the sum of them all, in memory that threads share.
 *
 * Each thread opens its own `NumberTable` on the same memory; every method demands that its thread
 * holds the mutex and throws a `TypeError` otherwise. Keys are bytes, compared whole. Once set, a key
 * stays. How the memory is divided is drawn in `number_table_layout.ts`.
 *
 * A thread that dies in `set` leaves the table as it was before or as it is after, once the
 * thread that takes the lock over has called `recover`: one store decides.
 *
 * Cost: get and set are O(1) plus O(bytes of the key). Memory is zero pages until it is used, so
 * large bounds cost nothing by themselves.
 *
 * @example
 * ```ts
 * import { SharedMutex } from "../lock/shared_mutex.ts";
 * import { NumberTable } from "./number_table.ts";
 * const mutex = new SharedMutex(SharedMutex.allocate(), 1);
 * const table = new NumberTable(NumberTable.allocate({ keys: 10, bytes: 4096 }), mutex);
 * const key = new TextEncoder().encode("A");
 * {
 *   using _ = mutex.acquire();
 *   table.set(key, 2n ** 53n + 1n);
 *   if (table.get(key) !== 9007199254740993n || table.total !== 9007199254740993n) throw new Error();
 * }
 * ```
 */
export class NumberTable {
  readonly #mutex: SharedMutex;
  readonly #views: NumberTableViews;
  readonly #keysMax: number;
  readonly #wordsMax: number;
  readonly #secret0: number;
  readonly #secret1: number;
  readonly #bucketMask: number;
  readonly #scratch = new Int32Array(NUM_STORE_KEY_BYTES_MAX / WORD_BYTES);
  readonly #scratchBytes = new Uint8Array(this.#scratch.buffer);

  /**
   * One thread's handle on the table in `memory`.
   *
   * @param memory made by `NumberTable.allocate`
   * @param mutex this thread's handle on the one lock that guards this memory
   * @throws {RangeError} if the memory was not made for a table
   */
  constructor(memory: SharedArrayBuffer, mutex: SharedMutex) {
    this.#mutex = mutex;
    this.#views = openViews(memory);
    const { header, buckets } = this.#views;
    this.#keysMax = header[HEAD.keysMax];
    this.#wordsMax = header[HEAD.wordsMax];
    this.#secret0 = header[HEAD.secret0];
    this.#secret1 = header[HEAD.secret1];
    this.#bucketMask = buckets.length - 1;
  }

  /**
   * Memory for one empty table, to be shared by `postMessage`.
   *
   * @throws {RangeError} if a limit is out of its range
   */
  static allocate({ keys, bytes }: NumberTableLimits): SharedArrayBuffer {
    requireInteger("keys", keys, 1, NUM_STORE_KEYS_MAX);
    requireInteger("bytes", bytes, WORD_BYTES, NUM_STORE_BYTES_MAX);
    const words = Math.floor(bytes / WORD_BYTES);
    const memory = new SharedArrayBuffer(memoryBytesOf(keys, words));
    const header = openHeader(memory);
    header[HEAD.keysMax] = keys;
    header[HEAD.wordsMax] = words;
    const secret = crypto.getRandomValues(new Int32Array(2));
    header[HEAD.secret0] = secret[0];
    header[HEAD.secret1] = secret[1];
    return memory;
  }

  /** The sum of all numbers. */
  get total(): bigint {
    this.#mutex.assertHeld();
    return this.#views.changeNumbers[this.#current][CHANGE_NUMBER.total];
  }

  /** How many keys there are. */
  get keys(): number {
    this.#mutex.assertHeld();
    return this.#views.changeWords[this.#current][CHANGE_WORD.records];
  }

  /** The number of a key, undefined if it was never set. */
  get(key: Uint8Array): bigint | undefined {
    this.#mutex.assertHeld();
    if (key.length > NUM_STORE_KEY_BYTES_MAX) return undefined;
    const record = this.#find(this.#hash(key), key.length);
    return record === 0 ? undefined : this.#views.recordNumbers[record * RECORD_NUMBERS];
  }

  /**
   * Sets the number of a key.
   *
   * @param key read during the call only
   * @param value an int64
   * @returns the sum of all numbers now
   * @throws {OperationError} with nothing changed: `invalid-argument` for a key that is too long,
   *   `out-of-range` if the sum would leave int64, `resource-exhausted` if a new key has no room
   */
  set(key: Uint8Array, value: bigint): bigint {
    this.#mutex.assertHeld();
    if (key.length > NUM_STORE_KEY_BYTES_MAX) throw keyTooLong(key.length);
    const { changeWords, changeNumbers, recordNumbers } = this.#views;
    const hash = this.#hash(key);
    const found = this.#find(hash, key.length);
    const before = found === 0 ? 0n : recordNumbers[found * RECORD_NUMBERS];
    const total = changeNumbers[this.#current][CHANGE_NUMBER.total] - before + value;
    if (BigInt.asIntN(64, total) !== total) throw totalOutOfRange(total);
    const current = changeWords[this.#current];
    let records = current[CHANGE_WORD.records];
    let words = current[CHANGE_WORD.words];
    let record = found;
    if (record === 0) {
      this.#requireRoom(records, words + wordsOf(key.length), key.length);
      record = ++records;
      words = this.#writeRecord(record, hash, key.length, words);
    }
    const next = this.#current === 0 ? 1 : 0;
    const change = changeWords[next];
    change[CHANGE_WORD.record] = record;
    change[CHANGE_WORD.records] = records;
    change[CHANGE_WORD.words] = words;
    changeNumbers[next][CHANGE_NUMBER.value] = value;
    changeNumbers[next][CHANGE_NUMBER.total] = total;
    this.#views.header[HEAD.current] = next;
    this.#apply();
    return total;
  }

  /**
   * Makes the table whole after a thread died while it held the lock: whatever that thread did not
   * get to is done, and what it had not decided on is forgotten. Harmless at any other time.
   *
   * Cost: O(1).
   */
  recover(): void {
    this.#mutex.assertHeld();
    this.#apply();
  }

  /** Which of the two changes is the current one. */
  get #current(): 0 | 1 {
    return this.#views.header[HEAD.current] === 0 ? 0 : 1;
  }

  /** Does what the current change says; doing it again changes nothing. */
  #apply(): void {
    const { changeWords, changeNumbers, recordWords, recordNumbers, buckets } = this.#views;
    const change = changeWords[this.#current];
    const record = change[CHANGE_WORD.record];
    if (record === 0) return;
    recordNumbers[record * RECORD_NUMBERS] = changeNumbers[this.#current][CHANGE_NUMBER.value];
    // The newest of all records is the newest of its bucket; any other was put there long ago.
    if (record !== change[CHANGE_WORD.records]) return;
    buckets[recordWords[record * RECORD_WORDS + RECORD_WORD.hash] & this.#bucketMask] = record;
  }

  /** Copies the key to the start of the scratch, zero-padded to whole words, and hashes it. */
  #hash(key: Uint8Array): number {
    const bytes = key.length;
    if ((bytes & 3) !== 0) this.#scratch[bytes >>> 2] = 0;
    this.#scratchBytes.set(key);
    return keyHash(this.#scratch, bytes, this.#secret0, this.#secret1);
  }

  /** The record of the key in the scratch; 0 if there is none. */
  #find(hash: number, keyBytes: number): number {
    const { buckets, recordWords } = this.#views;
    let record = buckets[hash & this.#bucketMask];
    while (record !== 0) {
      const base = record * RECORD_WORDS;
      if (
        recordWords[base + RECORD_WORD.hash] === hash &&
        recordWords[base + RECORD_WORD.keyBytes] === keyBytes &&
        this.#isKeyAt(recordWords[base + RECORD_WORD.keyWord], wordsOf(keyBytes))
      ) return record;
      record = recordWords[base + RECORD_WORD.next];
    }
    return 0;
  }

  #isKeyAt(from: number, words: number): boolean {
    const { arena } = this.#views;
    for (let word = 0; word < words; word++) {
      if (arena[from + word] !== this.#scratch[word]) return false;
    }
    return true;
  }

  #requireRoom(records: number, words: number, keyBytes: number): void {
    if (records >= this.#keysMax) {
      throw noRoom(`there are ${records} keys, at most ${this.#keysMax} allowed`);
    }
    if (words > this.#wordsMax) {
      const bytesMax = this.#wordsMax * WORD_BYTES;
      throw noRoom(`no room for its ${keyBytes} bytes, all keys together have ${bytesMax}`);
    }
  }

  /** Writes a record of the key in the scratch where nobody looks yet; returns the arena's new end. */
  #writeRecord(record: number, hash: number, keyBytes: number, from: number): number {
    const { arena, recordWords, buckets } = this.#views;
    const words = wordsOf(keyBytes);
    for (let word = 0; word < words; word++) arena[from + word] = this.#scratch[word];
    const base = record * RECORD_WORDS;
    recordWords[base + RECORD_WORD.hash] = hash;
    recordWords[base + RECORD_WORD.keyBytes] = keyBytes;
    recordWords[base + RECORD_WORD.keyWord] = from;
    recordWords[base + RECORD_WORD.next] = buckets[hash & this.#bucketMask];
    return from + words;
  }
}

function wordsOf(bytes: number): number {
  return (bytes + 3) >>> 2;
}

function keyTooLong(bytes: number): OperationError {
  return new OperationError(
    "invalid-argument",
    `Cannot set a number: the key has ${bytes} bytes, at most ${NUM_STORE_KEY_BYTES_MAX} allowed`,
  );
}

function totalOutOfRange(total: bigint): OperationError {
  return new OperationError(
    "out-of-range",
    `Cannot set a number: the total would be ${total}, needs to fit in int64`,
  );
}

function noRoom(reason: string): OperationError {
  return new OperationError("resource-exhausted", `Cannot set a new key: ${reason}`);
}

function requireInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot allocate numbers: ${name} is ${value}, needs an integer from ${min} to ${max}`,
  );
}
