/**
 * Reads an input as a list of choices, so that any bytes at all are a script that can be run, and a
 * changed byte is another script. Past its end every number is 0.
 */
export class Script {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get more(): boolean {
    return this.#at < this.#bytes.length;
  }

  byte(): number {
    return this.more ? this.#bytes[this.#at++] : 0;
  }

  uint16(): number {
    return this.byte() << 8 | this.byte();
  }

  uint32(): number {
    return (this.uint16() << 16 | this.uint16()) >>> 0;
  }

  pick<Item>(items: ArrayLike<Item>): Item {
    return items[this.byte() % items.length];
  }

  /** The next `length` bytes, or as many as are left; a view. */
  take(length: number): Uint8Array {
    const start = this.#at;
    this.#at = Math.min(this.#bytes.length, start + length);
    return this.#bytes.subarray(start, this.#at);
  }

  rest(): Uint8Array {
    return this.take(this.#bytes.length);
  }

  /** A binary string of the next `length` bytes. */
  octets(length: number): string {
    return String.fromCharCode(...this.take(length));
  }
}

/** Sizes that a seed stands for, each at least 1: how bytes are cut on their way. */
export function cuts(seed: number): () => number {
  const largest = [Infinity, 1, 3, 16, 100, 1_000, 9_000, 20_000][seed & 7];
  let state = seed;
  return () => {
    if (largest === Infinity) return Infinity;
    state = Math.imul(state, 1_103_515_245) + 12_345 | 0;
    return 1 + (state >>> 8) % largest;
  };
}
