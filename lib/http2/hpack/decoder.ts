import { compressionError } from "./compression_error.ts";
import { BlockMemo } from "./block_memo.ts";
import { DynamicTable } from "./dynamic_table.ts";
import { HeaderField, type HeaderList } from "./header_field.ts";
import { HeaderListTooLargeError } from "./header_list_too_large_error.ts";
import { type BlockCursor, decodeInteger } from "./integer.ts";
import { STATIC_FIELDS } from "./static_table.ts";
import { decodeString } from "./string_literal.ts";

/** A block has use for two: the smallest size since the last block, and the final one (§4.2). */
const SIZE_UPDATES_MAX = 2;

const SENSITIVE = { sensitive: true } as const;

/**
 * Decodes the header blocks of one direction of a connection, which must come in the order of the wire.
 *
 * Every reference to a table entry gives the same HeaderField object. Nothing of the caller's buffer is
 * kept. Memory is bounded: the table by `tableBytesMax`, a block's work by a small multiple of its own
 * length, its list by `listBytesMax`. After a COMPRESSION_ERROR the decoder is of no more use.
 *
 * Cost: about 10 ns a field that is one octet; a literal costs 100 to 200 ns, more if it is long.
 * Source: RFC 7541 §3, §6.
 *
 * @param tableBytesMax the SETTINGS_HEADER_TABLE_SIZE in force for the peer, 0 to 2^20. A peer may use
 * 4,096 until it acknowledged less. Until a size update the table has 4,096 at most.
 * @param listBytesMax the most bytes of a list that is accepted, each field counted as name + value + 32
 * @throws RangeError if `tableBytesMax` is out of its range
 *
 * @example
 * ```ts
 * import { HpackDecoder } from "./decoder.ts";
 * import assert from "node:assert/strict";
 *
 * const decoder = new HpackDecoder(4096, 16_384);
 * const [field] = decoder.decode(Uint8Array.of(0x82), 0, 1);
 * assert.equal(`${field.name} ${field.value}`, ":method GET");
 * ```
 */
export class HpackDecoder {
  readonly #table: DynamicTable;
  readonly #tableBytesMax: number;
  readonly #listBytesMax: number;
  #memo = new BlockMemo();
  /** The block before: a server's heads and trailers take turns. */
  #olderMemo = new BlockMemo();

  constructor(tableBytesMax: number, listBytesMax: number) {
    this.#table = new DynamicTable(tableBytesMax);
    this.#tableBytesMax = tableBytesMax;
    this.#listBytesMax = listBytesMax;
  }

  /**
   * Decodes the whole block from `start` to before `end`.
   *
   * @returns its fields in order; empty for an empty block, the same list for a block that repeats one of the last two
   * @throws Http2Error COMPRESSION_ERROR for the connection if the block is malformed
   * @throws HeaderListTooLargeError if the list is too large; the table is as after success
   * @throws RangeError if `start` and `end` do not lie within `bytes` in this order
   */
  decode(bytes: Uint8Array, start: number, end: number): HeaderList {
    if (!(start >= 0 && start <= end && end <= bytes.length)) {
      throw new RangeError(`Cannot decode octets ${start} to ${end}: ${bytes.length} found`);
    }
    const version = this.#table.version;
    const remembered = this.#memo.find(bytes, start, end, version) ??
      this.#olderMemo.find(bytes, start, end, version);
    if (remembered !== undefined) return remembered;
    const fields = this.#decodeBlock(bytes, start, end);
    // A block that changed the table would stand for something else the next time.
    if (this.#table.version === version) {
      [this.#memo, this.#olderMemo] = [this.#olderMemo, this.#memo];
      this.#memo.remember(bytes, start, end, version, fields);
    }
    return fields;
  }

  #decodeBlock(bytes: Uint8Array, start: number, end: number): HeaderList {
    const cursor = { bytes, offset: start, end };
    this.#decodeSizeUpdates(cursor);

    const fields: HeaderField[] = [];
    let listBytes = 0;
    while (cursor.offset < end) {
      const field = this.#decodeField(cursor);
      listBytes += field.bytes;
      if (listBytes <= this.#listBytesMax) fields.push(field);
    }
    if (listBytes > this.#listBytesMax) {
      throw new HeaderListTooLargeError(listBytes, this.#listBytesMax);
    }
    return fields;
  }

  /** Source: RFC 7541 §6.3, and §4.2 for where updates may stand. */
  #decodeSizeUpdates(cursor: BlockCursor): void {
    for (let updates = 0; cursor.offset < cursor.end; updates++) {
      if ((cursor.bytes[cursor.offset] & 0xe0) !== 0x20) return;
      if (updates === SIZE_UPDATES_MAX) {
        throw compressionError(`more than ${SIZE_UPDATES_MAX} table size updates`);
      }
      const bytesMax = decodeInteger(cursor, 5);
      if (bytesMax > this.#tableBytesMax) {
        throw compressionError(`table size ${bytesMax} found, at most ${this.#tableBytesMax}`);
      }
      this.#table.resize(bytesMax);
    }
  }

  /** Source: RFC 7541 §6.1 and §6.2. */
  #decodeField(cursor: BlockCursor): HeaderField {
    const octet = cursor.bytes[cursor.offset];
    if (octet >= 0x80) return this.#fieldAt(decodeInteger(cursor, 7));
    if (octet >= 0x40) {
      const field = new HeaderField(this.#decodeName(cursor, 6), decodeString(cursor));
      this.#table.insert(field);
      return field;
    }
    if (octet >= 0x20) throw compressionError("a table size update after a field");

    const name = this.#decodeName(cursor, 4);
    return new HeaderField(name, decodeString(cursor), octet >= 0x10 ? SENSITIVE : undefined);
  }

  #decodeName(cursor: BlockCursor, prefixBits: number): string {
    const index = decodeInteger(cursor, prefixBits);
    return index === 0 ? decodeString(cursor) : this.#fieldAt(index).name;
  }

  /** Source: RFC 7541 §2.3.3. */
  #fieldAt(index: number): HeaderField {
    if (index > STATIC_FIELDS.length) {
      const field = this.#table.at(index - STATIC_FIELDS.length - 1);
      if (field !== undefined) return field;
    } else if (index > 0) {
      return STATIC_FIELDS[index - 1];
    }
    throw compressionError(
      `index ${index} found, 1 to ${STATIC_FIELDS.length + this.#table.length} are in the tables`,
    );
  }
}
