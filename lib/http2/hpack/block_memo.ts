import type { HeaderList } from "./header_field.ts";

/** Longer blocks are decoded each time: requests that repeat take 10 to 60 octets, and a token's more. */
const BLOCK_BYTES_MAX = 256;

const NO_BYTES = new Uint8Array(0);

/**
 * One header block that was decoded, and what it stood for.
 *
 * A client that makes one kind of call sends the same octets again and again; comparing them costs
 * a fraction of decoding the literals among them. Valid while the tables are as they were.
 */
export class BlockMemo {
  #bytes = NO_BYTES;
  #length = 0;
  #tableVersion = -1;
  #fields: HeaderList = [];

  /** The fields of the block in `bytes[start, end)`, `undefined` if it is not the one remembered. */
  find(
    bytes: Uint8Array,
    start: number,
    end: number,
    tableVersion: number,
  ): HeaderList | undefined {
    const length = end - start;
    if (length !== this.#length || tableVersion !== this.#tableVersion) return undefined;
    const remembered = this.#bytes;
    for (let i = 0; i < length; i++) {
      if (remembered[i] !== bytes[start + i]) return undefined;
    }
    return this.#fields;
  }

  /** Remembers a block in place of the one before. */
  remember(
    bytes: Uint8Array,
    start: number,
    end: number,
    tableVersion: number,
    fields: HeaderList,
  ): void {
    const length = end - start;
    if (length > BLOCK_BYTES_MAX) return;
    if (this.#bytes === NO_BYTES) this.#bytes = new Uint8Array(BLOCK_BYTES_MAX);
    for (let i = 0; i < length; i++) this.#bytes[i] = bytes[start + i];
    this.#length = length;
    this.#tableVersion = tableVersion;
    this.#fields = fields;
  }
}
