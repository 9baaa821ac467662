/** The least that is given out, and what every region is aligned to: a cache line. */
export const ARENA_BLOCK_BYTES = 64;

/** Orders of regions: 2⁰ to 2²⁶ blocks, 64 bytes to 4 GiB. */
const ORDERS = 27;

/** The header: the first free region of each order, then how many blocks are in use. */
const USED = ORDERS;
const HEADER_WORDS = 32;

/** Words for each block: what begins there, and the neighbours in the list of free regions. */
const WORD = { kind: 0, previous: 1, next: 2 } as const;
const BLOCK_WORDS = 3;

/** int32 words that a `BuddyArena` of so many blocks needs to remember what is in use. */
export function arenaWordsOf(blocks: number): number {
  return HEADER_WORDS + BLOCK_WORDS * (1 + blocks);
}

/**
 * Contiguous regions of an arena, given out and taken back: which ones, not what is in them.
 *
 * A buddy allocator: a region has 2ᵒʳᵈᵉʳ blocks of 64 bytes and begins at a multiple of its length; a
 * larger one is split into two buddies when no smaller one is free, and two free buddies are merged at once.
 * So a region wastes up to half of itself, and free memory is never in smaller pieces than it has to be.
 *
 * ```text
 *  words   header  first free region of each order (27), blocks in use, padding
 *          blocks  (kind, previous, next) × (1 + blocks); regions are named by their first block, from 1
 *
 *  kind:   0 no region begins here;  1 + order a free one;  −1 − order one that is in use
 * ```
 *
 * What is remembered lies apart from the arena itself: nothing that is written into a region can harm it.
 * The caller holds the lock. Cost: O(log blocks).
 *
 * Source: Knuth, The Art of Computer Programming 1, §2.5, algorithms R and S.
 */
export class BuddyArena {
  readonly #words: Int32Array;
  readonly #blocks: number;

  /** @param words as many as `arenaWordsOf(blocks)`; `begin` has been called on them once */
  constructor(words: Int32Array, blocks: number) {
    this.#words = words;
    this.#blocks = blocks;
  }

  /** Blocks in use, each of 64 bytes. */
  get usedBlocks(): number {
    return this.#words[USED];
  }

  /** Where a region begins in the arena, in bytes. */
  static offsetOf(region: number): number {
    return (region - 1) * ARENA_BLOCK_BYTES;
  }

  /** The largest region that there can be, in bytes. */
  get largestBytes(): number {
    return ARENA_BLOCK_BYTES * 2 ** (31 - Math.clz32(this.#blocks));
  }

  /** Makes everything free, whatever there was; reads nothing. Cost: O(blocks). */
  reset(): void {
    this.#words.fill(0);
    this.begin();
  }

  /**
   * Makes everything free in words that are all zero: of new memory, which costs nothing before it is written to.
   * Cost: O(log blocks).
   */
  begin(): void {
    let from = 0;
    for (let order = ORDERS - 1; order >= 0; order--) {
      // The binary digits of the number of blocks: each such region begins at a multiple of its length.
      if (Math.floor(this.#blocks / 2 ** order) % 2 === 0) continue;
      this.#pushFree(1 + from, order);
      from += 2 ** order;
    }
  }

  /**
   * Takes a region of at least `bytes` bytes; one of no bytes has a block, too.
   *
   * @returns its name, undefined if there is no free region as large
   */
  allocate(bytes: number): number | undefined {
    const words = this.#words;
    const order = orderOf(bytes);
    let from = order;
    while (from < ORDERS && words[from] === 0) from++;
    if (from >= ORDERS) return undefined;
    const region = words[from];
    this.#removeFree(region, from);
    while (from > order) {
      from--;
      this.#pushFree(region + 2 ** from, from);
    }
    words[wordOf(region) + WORD.kind] = -1 - order;
    words[USED] += 2 ** order;
    return region;
  }

  /**
   * Gives a region back.
   *
   * @throws {TypeError} if no region that is in use has this name
   */
  free(region: number): void {
    const words = this.#words;
    const kind = words[wordOf(region) + WORD.kind];
    if (!(kind < 0)) throw new TypeError(`Cannot free region ${region}: it is not in use`);
    let order = -1 - kind;
    let first = region;
    words[USED] -= 2 ** order;
    words[wordOf(first) + WORD.kind] = 0;
    for (;;) {
      const buddy = 1 + ((first - 1) ^ (2 ** order));
      // A buddy that would reach beyond the arena's end never begins a region of this order.
      if (buddy > this.#blocks || words[wordOf(buddy) + WORD.kind] !== 1 + order) break;
      this.#removeFree(buddy, order);
      if (buddy < first) first = buddy;
      order++;
    }
    this.#pushFree(first, order);
  }

  #pushFree(region: number, order: number): void {
    const words = this.#words;
    const second = words[order];
    const word = wordOf(region);
    words[word + WORD.kind] = 1 + order;
    words[word + WORD.previous] = 0;
    words[word + WORD.next] = second;
    if (second !== 0) words[wordOf(second) + WORD.previous] = region;
    words[order] = region;
  }

  #removeFree(region: number, order: number): void {
    const words = this.#words;
    const word = wordOf(region);
    const previous = words[word + WORD.previous];
    const next = words[word + WORD.next];
    words[word + WORD.kind] = 0;
    if (previous === 0) words[order] = next;
    else words[wordOf(previous) + WORD.next] = next;
    if (next !== 0) words[wordOf(next) + WORD.previous] = previous;
  }
}

function wordOf(region: number): number {
  return HEADER_WORDS + BLOCK_WORDS * region;
}

/** The least order whose regions hold so many bytes. */
function orderOf(bytes: number): number {
  const blocks = Math.ceil(bytes / ARENA_BLOCK_BYTES);
  return blocks <= 1 ? 0 : 32 - Math.clz32(blocks - 1);
}
