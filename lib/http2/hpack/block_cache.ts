import type { HeaderList } from "./header_field.ts";

/**
 * A gRPC server has a handful of constant lists. Lists made for one call push them out, but seldom
 * enough: 32 such calls cost a constant list one encoding.
 */
const LISTS_MAX = 32;

/** The slots to begin with: the head and the trailers of a service, and one refusal. */
const LISTS_MIN = 4;

/** A constant list is an octet a field once the table has it; 32 slots of 64 are 2 KiB a connection. */
const SHORT_BYTES_MAX = 64;

/**
 * A list with a field that no table may hold, such as a bearer token, is its text each time: 256 bits in
 * hexadecimal make a request 75 octets. A slot's room for this is allocated when it is first needed.
 */
const LONG_BYTES_MAX = 255;

const NO_BLOCKS = new Uint8Array(0);

/**
 * Remembers what a few header lists were last encoded to, by the list's identity.
 *
 * The blocks are right for one state of the dynamic table: whoever changes that state clears the cache.
 * A new list takes the place of the one that was added longest ago, once there are LISTS_MAX.
 *
 * Cost: a hit is one map look-up and a copy of at most 255 octets. Memory grows with the lists, from none.
 */
export class BlockCache {
  readonly #slots = new Map<HeaderList, number>();
  readonly #lists: (HeaderList | undefined)[] = [];
  readonly #lengths: number[] = [];
  #short = NO_BLOCKS;
  readonly #long: (Uint8Array | undefined)[] = [];
  #nextSlot = 0;

  /**
   * Writes the block of `list` at `offset`.
   *
   * @returns the offset after its last octet, or undefined if the list is not here or has no room
   */
  copy(list: HeaderList, output: Uint8Array, offset: number): number | undefined {
    const slot = this.#slots.get(list);
    if (slot === undefined) return undefined;
    const length = this.#lengths[slot];
    if (output.length - offset < length) return undefined;
    const long = length > SHORT_BYTES_MAX ? this.#long[slot] : undefined;
    const block = long ?? this.#short;
    const start = long === undefined ? slot * SHORT_BYTES_MAX : 0;
    // A few octets: a loop beats subarray() and set(), which cost 50 ns together.
    for (let i = 0; i < length; i++) output[offset + i] = block[start + i];
    return offset + length;
  }

  /** Remembers that `list` is encoded to `bytes` from `start` to before `end`, if that is short enough. */
  add(list: HeaderList, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length > LONG_BYTES_MAX) return;
    const slot = this.#nextSlot;
    if (slot * SHORT_BYTES_MAX === this.#short.length) this.#grow();
    this.#nextSlot = (slot + 1) % LISTS_MAX;
    const displaced = this.#lists[slot];
    if (displaced !== undefined) this.#slots.delete(displaced);
    this.#slots.set(list, slot);
    this.#lists[slot] = list;
    this.#lengths[slot] = length;
    if (length > SHORT_BYTES_MAX) {
      const long = this.#long[slot] ??= new Uint8Array(LONG_BYTES_MAX);
      for (let i = 0; i < length; i++) long[i] = bytes[start + i];
    } else {
      for (let i = 0; i < length; i++) this.#short[slot * SHORT_BYTES_MAX + i] = bytes[start + i];
    }
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
      Math.max(LISTS_MIN * SHORT_BYTES_MAX, this.#short.length * 2),
    );
    grown.set(this.#short);
    this.#short = grown;
  }
}
