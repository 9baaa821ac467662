import type { HeaderField } from "./header_field.ts";

/** What both ends start with, until a size update. Source: RFC 9113 §6.5.2, RFC 7541 §4.2. */
export const TABLE_BYTES_INITIAL = 4096;

/** The ring's slots to begin with: what a gRPC peer repeats. */
const SLOTS_MIN = 8;

/** 32 Ki fields at most, far past what any peer offers. */
const TABLE_BYTES_LIMIT = 2 ** 20;

/**
 * The fields one direction of a connection refers to by position, oldest evicted first.
 *
 * A field's ordinal is how many were inserted before it. It lies in the slot of its ordinal modulo the
 * ring's length, a power of two that doubles when the ring is full; it starts at none, as many connections
 * never insert, and is bounded, as a field takes at least 32 bytes. An evicted field's slot is cleared.
 *
 * Cost: O(1) for a look-up, amortised O(1) for an insertion.
 * Source: RFC 7541 §2.3.2, §4.
 *
 * @param bytesLimit the most bytes it will ever be allowed, 0 to 2^20
 * @param onEviction is told of each field that leaves, with its ordinal; it must not change the table
 * @throws RangeError if `bytesLimit` is out of its range
 */
export class DynamicTable {
  #slots: (HeaderField | undefined)[] = [];
  #slotMask = -1;
  readonly #bytesLimit: number;
  readonly #onEviction: ((field: HeaderField, ordinal: number) => void) | undefined;
  #bytes = 0;
  #bytesMax: number;
  #insertions = 0;
  #evictions = 0;
  #resizes = 0;

  constructor(bytesLimit: number, onEviction?: (field: HeaderField, ordinal: number) => void) {
    if (!Number.isInteger(bytesLimit) || bytesLimit < 0 || bytesLimit > TABLE_BYTES_LIMIT) {
      throw new RangeError(
        `Cannot make dynamic table: ${bytesLimit} bytes, 0 to ${TABLE_BYTES_LIMIT} needed`,
      );
    }
    this.#bytesLimit = bytesLimit;
    this.#bytesMax = Math.min(bytesLimit, TABLE_BYTES_INITIAL);
    this.#onEviction = onEviction;
  }

  /** How many fields it holds. */
  get length(): number {
    return this.#insertions - this.#evictions;
  }

  /** The sum of its fields' `bytes`, at most `bytesMax`. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The size it may grow to now; at first the smaller of `bytesLimit` and 4,096. */
  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** How many fields were ever inserted. */
  get insertions(): number {
    return this.#insertions;
  }

  /** Grows whenever what is in the table, or may be, has changed. */
  get version(): number {
    return this.#insertions + this.#evictions + this.#resizes;
  }

  /** The field at a position, 0 being the newest, or undefined past the oldest. */
  at(position: number): HeaderField | undefined {
    if (position >= this.#insertions - this.#evictions) return undefined;
    return this.#slots[(this.#insertions - 1 - position) & this.#slotMask];
  }

  /**
   * Adds a field as the newest after evicting what it has no room beside.
   *
   * @returns true if it was added; a field larger than the whole table empties it instead, which is no
   * error. Source: RFC 7541 §4.4.
   */
  insert(field: HeaderField): boolean {
    this.#evictDownTo(this.#bytesMax - field.bytes);
    if (field.bytes > this.#bytesMax) return false;
    if (this.length === this.#slots.length) this.#growRing();
    this.#slots[this.#insertions & this.#slotMask] = field;
    this.#insertions++;
    this.#bytes += field.bytes;
    return true;
  }

  /**
   * Sets `bytesMax` and evicts what no longer fits. Source: RFC 7541 §4.3.
   *
   * @throws RangeError if `bytesMax` is above the table's limit
   */
  resize(bytesMax: number): void {
    if (bytesMax > this.#bytesLimit) {
      throw new RangeError(
        `Cannot resize dynamic table: ${bytesMax} bytes, at most ${this.#bytesLimit}`,
      );
    }
    this.#resizes++;
    this.#bytesMax = bytesMax;
    this.#evictDownTo(bytesMax);
  }

  #growRing(): void {
    const count = Math.max(SLOTS_MIN, this.#slots.length * 2);
    const slots: (HeaderField | undefined)[] = new Array(count).fill(undefined);
    for (let ordinal = this.#evictions; ordinal < this.#insertions; ordinal++) {
      slots[ordinal & (count - 1)] = this.#slots[ordinal & this.#slotMask];
    }
    this.#slots = slots;
    this.#slotMask = count - 1;
  }

  #evictDownTo(bytes: number): void {
    while (this.#bytes > bytes && this.length > 0) {
      const ordinal = this.#evictions++;
      const slot = ordinal & this.#slotMask;
      const field = this.#slots[slot] as HeaderField; // every slot between the counters is filled
      this.#slots[slot] = undefined;
      this.#bytes -= field.bytes;
      this.#onEviction?.(field, ordinal);
    }
  }
}
