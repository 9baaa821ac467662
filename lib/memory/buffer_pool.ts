/** What a pool holds. All in bytes, the sizes powers of two. */
export interface BufferPoolOptions {
  /** The smallest and the largest buffer; each size is twice the one before. */
  readonly smallestBytes: number;
  readonly largestBytes: number;
  /** All free buffers together. */
  readonly bytesMax: number;
}

/**
 * Buffers that those who need one now and then share, rather than each keeping its own.
 *
 * Whoever takes a buffer owns it until it gives it back, or lets it go. A buffer holds what its last
 * owner left in it. Those between the calls of `take` and `giveBack` are bounded by their owners, those
 * in the pool by `bytesMax`.
 *
 * Cost: a few nanoseconds each; a buffer that the pool does not have is allocated.
 */
export class BufferPool {
  readonly #smallestBytes: number;
  readonly #largestBytes: number;
  readonly #bytesMax: number;
  /** The leading zeros of the smallest size: each size more has one fewer. */
  readonly #zeros: number;
  /** Free buffers by size, the smallest first. */
  readonly #free: Uint8Array<ArrayBuffer>[][] = [];
  #bytes = 0;

  constructor({ smallestBytes, largestBytes, bytesMax }: BufferPoolOptions) {
    this.#smallestBytes = smallestBytes;
    this.#largestBytes = largestBytes;
    this.#bytesMax = bytesMax;
    this.#zeros = Math.clz32(smallestBytes);
    for (let size = smallestBytes; size <= largestBytes; size *= 2) this.#free.push([]);
  }

  /** Bytes of the buffers that are free. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A buffer of at least `bytes`: the next size of the pool's, or of exactly as many beyond its largest. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    if (bytes > this.#largestBytes) return new Uint8Array(bytes);
    const size = bytes <= this.#smallestBytes ? 0 : this.#zeros + 1 - Math.clz32(bytes - 1);
    const buffer = this.#free[size].pop();
    if (buffer === undefined) return new Uint8Array(this.#smallestBytes << size);
    this.#bytes -= buffer.length;
    return buffer;
  }

  /** Takes a buffer back that `take` gave, once; one that is of no size or too much is let go. */
  giveBack(buffer: Uint8Array<ArrayBuffer>): void {
    const { length } = buffer;
    const size = this.#zeros - Math.clz32(length);
    if (length > this.#largestBytes || length !== this.#smallestBytes << size) return;
    if (this.#bytes + length > this.#bytesMax) return;
    this.#bytes += length;
    this.#free[size].push(buffer);
  }
}
