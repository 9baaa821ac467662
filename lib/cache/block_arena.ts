import { BLOCK_WORDS, type CacheViews, HEAD } from "./cache_layout.ts";

/**
 * Fixed blocks of shared memory, chained to hold strings of words of any length.
 *
 * A chain is named by its first block; 0 is the chain of no words. The caller remembers the length
 * and holds the mutex. `blocks` of the header says how many are in use.
 */
export class BlockArena {
  readonly #header: CacheViews["header"];
  readonly #next: CacheViews["next"];
  readonly #arena: CacheViews["arena"];

  constructor(views: CacheViews) {
    this.#header = views.header;
    this.#next = views.next;
    this.#arena = views.arena;
  }

  /**
   * Stores the first `length` words of `words` in a new chain.
   *
   * The caller has made sure that enough blocks are free.
   *
   * @returns the chain's first block, 0 if there are no words
   */
  store(words: Int32Array, length: number): number {
    const arena = this.#arena;
    let first = 0;
    let last = 0;
    for (let position = 0; position < length;) {
      const block = this.#take();
      if (last === 0) first = block;
      else this.#next[last] = block;
      last = block;
      const end = Math.min(length, position + BLOCK_WORDS);
      for (let word = (block - 1) * BLOCK_WORDS; position < end; word++, position++) {
        arena[word] = words[position];
      }
    }
    if (last !== 0) this.#next[last] = 0;
    return first;
  }

  /** Gives the blocks of a chain back. Cost: O(blocks). */
  free(first: number): void {
    const header = this.#header;
    const next = this.#next;
    for (let block = first; block !== 0;) {
      const following = next[block];
      next[block] = header[HEAD.freeBlock];
      header[HEAD.freeBlock] = block;
      header[HEAD.blocks]--;
      block = following;
    }
  }

  /** Whether the chain starts with the first `length` words of `words`. */
  startsWith(first: number, words: Int32Array, length: number): boolean {
    const arena = this.#arena;
    let block = first;
    for (let position = 0; position < length;) {
      const end = Math.min(length, position + BLOCK_WORDS);
      for (let word = (block - 1) * BLOCK_WORDS; position < end; word++, position++) {
        if (arena[word] !== words[position]) return false;
      }
      block = this.#next[block];
    }
    return true;
  }

  /** Copies the words from `from` to before `to` of the chain to the same indexes of `into`. */
  load(first: number, from: number, to: number, into: Int32Array): void {
    const arena = this.#arena;
    let block = first;
    let start = 0;
    for (; start + BLOCK_WORDS <= from && block !== 0; start += BLOCK_WORDS) {
      block = this.#next[block];
    }
    for (let position = from; position < to; start += BLOCK_WORDS) {
      const end = Math.min(to, start + BLOCK_WORDS);
      const base = (block - 1) * BLOCK_WORDS - start;
      for (; position < end; position++) into[position] = arena[base + position];
      block = this.#next[block];
    }
  }

  #take(): number {
    const header = this.#header;
    header[HEAD.blocks]++;
    const block = header[HEAD.freeBlock];
    if (block === 0) return ++header[HEAD.blockBump];
    header[HEAD.freeBlock] = this.#next[block];
    return block;
  }
}
