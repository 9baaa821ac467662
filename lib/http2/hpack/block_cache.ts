import type { HeaderList } from "./header_field.ts";

/**
 * A gRPC server has a handful of constant lists. Lists made for one call push them out, but seldom
 * enough: 32 such calls cost a constant list one encoding.
 */
const LISTS_MAX = 32;

/** The slots to begin with: the head and the trailers of a service, and one refusal. */
const LISTS_MIN = 4;

/** A constant list is an octet a field once the table has it; 32 slots of 64 are 2 KiB a connection. */
const BLOCK_BYTES_MAX = 64;

const NO_BLOCKS = new Uint8Array(0);

/**
 * Remembers what a few header lists were last encoded to, by the list's identity.
 *
 * The blocks are right for one state of the dynamic table: whoever changes that state clears the cache.
 * A new list takes the place of the one that was added longest ago, once there are LISTS_MAX.
 *
 * Cost: a hit is one map look-up and a copy of at most 64 octets. Memory grows with the lists, from none.
 */
export class BlockCache {
  readonly #slots = new Map<HeaderList, number>();
  readonly #lists: (HeaderList | undefined)[] = [];
  readonly #lengths: number[] = [];
  #blocks = NO_BLOCKS;
  #nextSlot = 0;

  /**
   * Writes the block of `list` at `offset`.
   *
   * @returns the offset after its last octet, or undefined if the list is not here or has no room
   */
  copy(list: HeaderList, output: Uint8Array, offset: number): number | undefined {
    const slot = this.#slots.get(list);
    if (slot === undefined) return undefined;
    const start = slot * BLOCK_BYTES_MAX;
    const length = this.#lengths[slot];
    if (output.length - offset < length) return undefined;
    // A few octets: a loop beats subarray() and set(), which cost 50 ns together.
    for (let i = 0; i < length; i++) output[offset + i] = this.#blocks[start + i];
    return offset + length;
  }

  /** Remembers that `list` is encoded to `bytes` from `start` to before `end`, if that is short enough. */
  add(list: HeaderList, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > BLOCK_BYTES_MAX) return;
    const slot = this.#nextSlot;
    if (slot * BLOCK_BYTES_MAX === this.#blocks.length) this.#grow();
    this.#nextSlot = (slot + 1) % LISTS_MAX;
    const displaced = this.#lists[slot];
    if (displaced !== undefined) this.#slots.delete(displaced);
    this.#slots.set(list, slot);
    this.#lists[slot] = list;
    this.#lengths[slot] = length;
    for (let i = 0; i < length; i++) this.#blocks[slot * BLOCK_BYTES_MAX + i] = bytes[start + i];
  }

  /** Forgets every list. */
  clear(): void {
    if (this.#slots.size === 0) return;
    this.#slots.clear();
    this.#lists.length = 0;
    this.#nextSlot = 0;
  }

  #grow(): void {
    const grown = new Uint8Array(
      Math.max(LISTS_MIN * BLOCK_BYTES_MAX, this.#blocks.length * 2),
    );
    grown.set(this.#blocks);
    this.#blocks = grown;
  }
}
