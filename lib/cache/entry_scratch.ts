import { type CacheShape, type CacheViews, HEAD, SECRET_WORDS, wordsOf } from "./cache_layout.ts";
import { keyHash } from "./key_hash.ts";
import { keyHash128 } from "./key_hash_128.ts";

/** Room for keys and values of this length is there from the start; larger ones let it grow. */
const SCRATCH_BYTES = 4096;

/** Up to this length a loop copies faster than `set`, which needs a view of the source. */
const LOOP_COPY_BYTES_MAX = 64;

/** One thread's aligned copy of the key at hand, from word 0 on, and behind it the value's. */
export class EntryScratch {
  readonly #isWide: boolean;
  readonly #secret: Int32Array;
  #words = new Int32Array(SCRATCH_BYTES / 4);
  #bytes = new Uint8Array(this.#words.buffer);

  constructor(header: CacheViews["header"], shape: CacheShape) {
    this.#isWide = shape.hashBits === 128;
    this.#secret = Int32Array.from(header.subarray(HEAD.secret, HEAD.secret + SECRET_WORDS));
  }

  /** Makes room for so many words. What was loaded is lost if there was too little. */
  reserve(words: number): Int32Array {
    if (words > this.#words.length) {
      this.#words = new Int32Array(2 ** Math.ceil(Math.log2(words)));
      this.#bytes = new Uint8Array(this.#words.buffer);
    }
    return this.#words;
  }

  /** Copies a key to the start, zero-padded to whole words. @returns the scratch */
  loadKey(key: Uint8Array): Int32Array {
    const bytes = key.length;
    const words = this.reserve(wordsOf(bytes));
    if ((bytes & 3) !== 0) words[bytes >>> 2] = 0;
    this.#bytes.set(key);
    return words;
  }

  /**
   * Copies a key to the start and a value behind it. The bytes after the value stay what they were: whole
   * words are stored, and what is behind a value is never read.
   *
   * @returns the scratch
   */
  loadEntry(key: Uint8Array, value: Uint8Array): Int32Array {
    const bytes = key.length;
    const valueWord = wordsOf(bytes);
    const words = this.reserve(valueWord + wordsOf(value.length));
    if ((bytes & 3) !== 0) words[bytes >>> 2] = 0;
    this.#bytes.set(key);
    this.#bytes.set(value, 4 * valueWord);
    return words;
  }

  /** Copies so many bytes from `word` on to the start of `into`. */
  copyValue(word: number, bytes: number, into: Uint8Array): void {
    const source = this.#bytes;
    const from = 4 * word;
    if (bytes > LOOP_COPY_BYTES_MAX) into.set(source.subarray(from, from + bytes));
    else for (let index = 0; index < bytes; index++) into[index] = source[from + index];
  }

  /** Hashes the key that is loaded, to 4 words or to the first of them. @returns `into` */
  hashKey(bytes: number, into: Int32Array): Int32Array {
    if (this.#isWide) {
      keyHash128(this.#words, bytes, this.#secret, into);
      return into;
    }
    into[0] = keyHash(this.#words, bytes, this.#secret[0], this.#secret[1]);
    return into;
  }
}
