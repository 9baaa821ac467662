import { BlockCache } from "./block_cache.ts";
import { DynamicTable, TABLE_BYTES_INITIAL } from "./dynamic_table.ts";
import { FieldIndex } from "./field_index.ts";
import type { HeaderField, HeaderList } from "./header_field.ts";
import { encodeInteger } from "./integer.ts";
import { STATIC_FIELDS, STATIC_INDEX } from "./static_table.ts";
import { encodeString } from "./string_literal.ts";

/** Two size updates, each an octet and at most 4 of continuation (an integer is at most 2^28). */
const SIZE_UPDATES_BYTES = 10;

/**
 * Fields whose value seldom comes twice on a connection: deadlines, error texts, lengths, clocks and
 * the identities of calls. In the table they would only push out what does repeat.
 */
const VARYING_NAMES: ReadonlySet<string> = new Set([
  "content-length",
  "date",
  "grpc-message",
  "grpc-status-details-bin",
  "grpc-timeout",
  "grpc-trace-bin",
  "server-timing",
  "traceparent",
  "tracestate",
  "x-request-id",
]);

/** The largest part of the table for one field: a larger one would push out nearly all the others. */
const TABLE_PART_MAX = 3 / 4;

/** The first octets of representations, and the bits of their index. Source: RFC 7541 §6. */
const INDEXED = { pattern: 0x80, prefixBits: 7 } as const;
const LITERAL_INSERTED = { pattern: 0x40, prefixBits: 6 } as const;
const LITERAL_NOT_INSERTED = { pattern: 0x00, prefixBits: 4 } as const;
const LITERAL_NEVER_INDEXED = { pattern: 0x10, prefixBits: 4 } as const;
const SIZE_UPDATE = { pattern: 0x20, prefixBits: 5 } as const;

/**
 * Encodes the header blocks of one direction of a connection, which must be sent in the order encoded.
 *
 * Fields that repeat become references to the dynamic table; sensitive ones never enter it (§7.1.3), nor
 * do those that are known to vary. A list that is encoded again, the same object, while the table did
 * not change is a copy of a few octets: keep constant lists in constants.
 *
 * Cost: a constant list about 10 ns; any other about 100 ns, and more for each literal.
 * Source: RFC 7541 §2.2, §6.
 *
 * @param tableBytesMax the most bytes its table takes, whatever the peer allows; 0 to 2^20
 * @throws RangeError if `tableBytesMax` is out of its range
 *
 * @example
 * ```ts
 * import { HpackEncoder } from "./encoder.ts";
 * import { HeaderField } from "./header_field.ts";
 * import assert from "node:assert/strict";
 *
 * const encoder = new HpackEncoder(4096);
 * const list = [new HeaderField(":status", "200")];
 * const output = new Uint8Array(encoder.encodedLengthMax(list));
 * assert.deepEqual(output.subarray(0, encoder.encode(list, output, 0)), Uint8Array.of(0x88));
 * ```
 */
export class HpackEncoder {
  readonly #tableBytesMax: number;
  readonly #table: DynamicTable;
  readonly #ordinals = new Map<HeaderField, number>();
  readonly #index = new FieldIndex();
  readonly #blocks = new BlockCache();
  /** The size the peer was last told, the smallest allowed since then, and the one allowed now. */
  #bytesSignaled = TABLE_BYTES_INITIAL;
  #bytesLeast: number;
  #bytesAllowed: number;

  constructor(tableBytesMax: number) {
    this.#table = new DynamicTable(tableBytesMax, (field, ordinal) => this.#forget(field, ordinal));
    this.#tableBytesMax = tableBytesMax;
    this.#bytesAllowed = Math.min(tableBytesMax, TABLE_BYTES_INITIAL);
    this.#bytesLeast = this.#bytesAllowed;
  }

  /**
   * Takes over the peer's SETTINGS_HEADER_TABLE_SIZE; the next block starts with the smallest and the
   * final size since the last block where they differ from what the peer knows. Source: RFC 7541 §4.2.
   *
   * @param bytes an integer from 0; what exceeds the encoder's own bound is not used
   * @throws RangeError if `bytes` is not such an integer
   */
  setTableBytesMax(bytes: number): void {
    if (!Number.isInteger(bytes) || bytes < 0) {
      throw new RangeError(`Cannot set table size: ${bytes} found, an integer from 0 needed`);
    }
    this.#bytesAllowed = Math.min(bytes, this.#tableBytesMax);
    this.#bytesLeast = Math.min(this.#bytesLeast, this.#bytesAllowed);
  }

  /** An upper bound of what the next `encode(list)` writes. Cost: a sum over the fields. */
  encodedLengthMax(list: HeaderList): number {
    // Of the 32 octets that a field counts beyond name and value, a representation needs 11 at most.
    let length = SIZE_UPDATES_BYTES;
    for (let i = 0; i < list.length; i++) length += list[i].bytes;
    return length;
  }

  /**
   * Writes the block of `list`, which must be sent: the table has changed with it.
   *
   * @param list never changed afterwards
   * @param output has room for `encodedLengthMax(list)` octets after `offset`
   * @returns the offset after the last octet written; `offset` for an empty list with no update due
   * @throws RangeError if there is too little room; nothing has changed then
   */
  encode(list: HeaderList, output: Uint8Array, offset: number): number {
    if (!this.#isSizeUpdateDue()) {
      const end = this.#blocks.copy(list, output, offset);
      if (end !== undefined) return end;
    }
    const lengthMax = this.encodedLengthMax(list);
    if (output.length - offset < lengthMax) {
      throw new RangeError(
        `Cannot encode header list: ${output.length - offset} octets of room, ${lengthMax} needed`,
      );
    }
    const start = this.#encodeSizeUpdates(output, offset);
    const insertions = this.#table.insertions;
    let end = start;
    for (const field of list) end = this.#encodeField(field, output, end);
    if (this.#table.insertions === insertions) this.#blocks.add(list, output, start, end);
    return end;
  }

  #isSizeUpdateDue(): boolean {
    return this.#bytesAllowed !== this.#bytesSignaled || this.#bytesLeast < this.#bytesSignaled;
  }

  /** Source: RFC 7541 §4.2. */
  #encodeSizeUpdates(output: Uint8Array, offset: number): number {
    let end = offset;
    if (this.#bytesLeast < this.#bytesSignaled) {
      end = this.#encodeSizeUpdate(this.#bytesLeast, output, end);
    }
    if (this.#bytesAllowed !== this.#bytesSignaled) {
      end = this.#encodeSizeUpdate(this.#bytesAllowed, output, end);
    }
    this.#bytesLeast = this.#bytesAllowed;
    return end;
  }

  #encodeSizeUpdate(bytes: number, output: Uint8Array, offset: number): number {
    this.#table.resize(bytes);
    this.#blocks.clear();
    this.#bytesSignaled = bytes;
    return encodeInteger(bytes, SIZE_UPDATE.prefixBits, SIZE_UPDATE.pattern, output, offset);
  }

  #encodeField(field: HeaderField, output: Uint8Array, offset: number): number {
    const ordinal = this.#ordinals.get(field);
    if (ordinal !== undefined) return encodeIndex(this.#indexOf(ordinal), output, offset);

    const fixed = STATIC_INDEX.find(field.name);
    const inserted = this.#index.find(field.name);
    const nameIndex = fixed?.index ?? (inserted === undefined ? 0 : this.#indexOf(inserted.index));
    if (field.sensitive) {
      return encodeLiteral(field, nameIndex, LITERAL_NEVER_INDEXED, output, offset);
    }
    const fixedIndex = fixed?.values.get(field.value);
    if (fixedIndex !== undefined) return encodeIndex(fixedIndex, output, offset);
    const insertedOrdinal = inserted?.values.get(field.value);
    if (insertedOrdinal !== undefined) {
      return encodeIndex(this.#indexOf(insertedOrdinal), output, offset);
    }
    if (!this.#isWorthInserting(field)) {
      return encodeLiteral(field, nameIndex, LITERAL_NOT_INSERTED, output, offset);
    }
    this.#insert(field);
    return encodeLiteral(field, nameIndex, LITERAL_INSERTED, output, offset);
  }

  /** The HPACK index of the field with this insertion ordinal. Source: RFC 7541 §2.3.3. */
  #indexOf(ordinal: number): number {
    return STATIC_FIELDS.length + this.#table.insertions - ordinal;
  }

  #isWorthInserting(field: HeaderField): boolean {
    if (field.bytes > this.#table.bytesMax * TABLE_PART_MAX) return false;
    if (VARYING_NAMES.has(field.name)) return false;
    return field.name !== ":path" || !field.value.includes("?"); // a query is made for one request
  }

  #insert(field: HeaderField): void {
    const ordinal = this.#table.insertions;
    this.#table.insert(field);
    this.#ordinals.set(field, ordinal);
    this.#index.add(field, ordinal);
    this.#blocks.clear();
  }

  #forget(field: HeaderField, ordinal: number): void {
    this.#ordinals.delete(field);
    this.#index.delete(field, ordinal);
  }
}

function encodeIndex(index: number, output: Uint8Array, offset: number): number {
  return encodeInteger(index, INDEXED.prefixBits, INDEXED.pattern, output, offset);
}

/** Source: RFC 7541 §6.2. */
function encodeLiteral(
  field: HeaderField,
  nameIndex: number,
  kind: { readonly pattern: number; readonly prefixBits: number },
  output: Uint8Array,
  offset: number,
): number {
  const end = encodeInteger(nameIndex, kind.prefixBits, kind.pattern, output, offset);
  const valueStart = nameIndex === 0 ? encodeString(field.name, output, end) : end;
  return encodeString(field.value, output, valueStart);
}
