import { INTEGER_MAX } from "../../lib/http2/hpack/integer.ts";
import { EOS_SYMBOL, HUFFMAN_CODES, HUFFMAN_LENGTHS } from "../../lib/http2/hpack/huffman_table.ts";
import { STATIC_FIELDS } from "../../lib/http2/hpack/static_table.ts";

/** Name, value, and whether it may be kept in tables. */
export type NaiveField = readonly [name: string, value: string, sensitive: boolean];

/** Why a block is no header block; the decoder under test throws its own error for it. */
export class NaiveError extends Error {}

/** Code word of a symbol as text of 0 and 1, to symbol. */
const SYMBOLS: ReadonlyMap<string, number> = new Map(
  Array.from(HUFFMAN_LENGTHS, (length, symbol) => [
    HUFFMAN_CODES[symbol].toString(2).padStart(length, "0"),
    symbol,
  ]),
);

/**
 * An HPACK decoder that is as the RFC says it, without regard to speed, to compare with.
 *
 * Source: RFC 7541 §4, §5, §6.
 */
export class NaiveHpackDecoder {
  readonly #tableBytesMax: number;
  #bytesMax: number;
  /** Newest first. */
  #table: NaiveField[] = [];
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(tableBytesMax: number) {
    this.#tableBytesMax = tableBytesMax;
    this.#bytesMax = Math.min(4096, tableBytesMax);
  }

  /** @throws {NaiveError} */
  decode(block: Uint8Array): NaiveField[] {
    this.#bytes = block;
    this.#at = 0;
    const fields: NaiveField[] = [];
    for (let updates = 0; this.#at < block.length;) {
      const first = block[this.#at];
      if (first >> 5 !== 1) {
        fields.push(this.#field(first));
        updates = 2;
        continue;
      }
      if (updates++ >= 2) throw new NaiveError("size update");
      this.#bytesMax = this.#integer(5);
      if (this.#bytesMax > this.#tableBytesMax) throw new NaiveError("table size");
      this.#evict(this.#bytesMax);
    }
    return fields;
  }

  #field(first: number): NaiveField {
    if (first >= 0x80) return this.#lookUp(this.#integer(7));
    const inserted = first >= 0x40;
    const index = this.#integer(inserted ? 6 : 4);
    const name = index === 0 ? this.#string() : this.#lookUp(index)[0];
    const field: NaiveField = [name, this.#string(), !inserted && first >= 0x10];
    if (inserted) {
      this.#evict(this.#bytesMax - sizeOf(field));
      if (sizeOf(field) <= this.#bytesMax) this.#table.unshift(field);
    }
    return field;
  }

  #lookUp(index: number): NaiveField {
    if (index < 1 || index > STATIC_FIELDS.length + this.#table.length) {
      throw new NaiveError("index");
    }
    if (index > STATIC_FIELDS.length) return this.#table[index - STATIC_FIELDS.length - 1];
    const { name, value } = STATIC_FIELDS[index - 1];
    return [name, value, false];
  }

  #evict(bytesMax: number): void {
    while (this.#table.length > 0 && this.#tableBytes > bytesMax) this.#table.pop();
  }

  get #tableBytes(): number {
    return this.#table.reduce((sum, field) => sum + sizeOf(field), 0);
  }

  #octet(): number {
    if (this.#at >= this.#bytes.length) throw new NaiveError("end of block");
    return this.#bytes[this.#at++];
  }

  #integer(prefixBits: number): number {
    const max = 2 ** prefixBits - 1;
    let value = this.#octet() & max;
    if (value < max) return value;
    for (let octets = 0; octets < 5; octets++) {
      const octet = this.#octet();
      value += (octet % 128) * 128 ** octets;
      if (octet >= 128) continue;
      if (value > INTEGER_MAX) throw new NaiveError("integer");
      return value;
    }
    throw new NaiveError("integer");
  }

  #string(): string {
    const coded = this.#at < this.#bytes.length && this.#bytes[this.#at] >= 0x80;
    const length = this.#integer(7);
    if (length > this.#bytes.length - this.#at) throw new NaiveError("string");
    const octets = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return coded ? decodeHuffman(octets) : String.fromCharCode(...octets);
  }
}

function sizeOf([name, value]: NaiveField): number {
  return name.length + value.length + 32;
}

function decodeHuffman(octets: Uint8Array): string {
  let text = "";
  let word = "";
  for (const octet of octets) {
    for (let bit = 7; bit >= 0; bit--) {
      word += octet >> bit & 1;
      const symbol = SYMBOLS.get(word);
      if (symbol === undefined) continue;
      if (symbol === EOS_SYMBOL) throw new NaiveError("EOS");
      text += String.fromCharCode(symbol);
      word = "";
    }
  }
  if (word.length > 7 || word.includes("0")) throw new NaiveError("padding");
  return text;
}
