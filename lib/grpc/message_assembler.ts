import type { BufferPool } from "../memory/buffer_pool.ts";
import { MESSAGE_OVERHEAD_BYTES } from "../limits.ts";
import { CompressedMessage, type ReceivedMessage } from "./compressed_message.ts";
import { POOLED_BYTES_MIN } from "./message_buffers.ts";
import { PREFIX_BYTES, readCompressedFlag, readLength } from "./message_prefix.ts";
import { Code, GrpcError } from "./status.ts";

/** Options of a ByteBudget. */
export interface ByteBudgetOptions {
  /** What it is a part of. */
  readonly parent?: ByteBudget;
  /** Whose it is, as the error says. */
  readonly holder?: string;
}

/**
 * Bytes that all calls of a connection may hold in unfinished, unread and unsent messages, out of what
 * all connections of a thread may.
 */
export class ByteBudget {
  readonly #parent: ByteBudget | undefined;
  readonly #holder: string;
  #leftBytes: number;

  constructor(bytesMax: number, { parent, holder = "connection" }: ByteBudgetOptions = {}) {
    this.#leftBytes = bytesMax;
    this.#parent = parent;
    this.#holder = holder;
  }

  /** @throws {GrpcError} RESOURCE_EXHAUSTED, with nothing taken, when less than `bytes` are left. */
  take(bytes: number): void {
    if (bytes > this.#leftBytes) {
      throw new GrpcError(
        Code.RESOURCE_EXHAUSTED,
        `Cannot hold message: ${bytes} bytes more, ${this.#leftBytes} are left on this ${this.#holder}`,
      );
    }
    this.#parent?.take(bytes);
    this.#leftBytes -= bytes;
  }

  giveBack(bytes: number): void {
    this.#parent?.giveBack(bytes);
    this.#leftBytes += bytes;
  }
}

/**
 * The least buffer of a message that has more than this: counted with MESSAGE_OVERHEAD_BYTES, so that a
 * call whose prefix lies about its length, or that is never finished, costs what the budget says.
 */
const FIRST_BUFFER_BYTES = 512;

/**
 * Puts length-prefixed messages together from chunks cut anywhere.
 *
 * A buffer grows as bytes come in, to twice as many at most, never on the word of the prefix alone.
 * Finished messages belong to the caller; what they hold of the budget is given back with `release`. A
 * compressed one holds what came in until it is decompressed, and from then on what it was decompressed to.
 *
 * With a pool, long messages take their buffers from it; one is the caller's until it calls `recycle`.
 *
 * Source: gRPC over HTTP/2 (doc/PROTOCOL-HTTP2.md), Length-Prefixed-Message.
 */
export class MessageAssembler {
  readonly #messageBytesMax: number;
  readonly #budget: ByteBudget;
  readonly #pool: BufferPool | undefined;
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #prefixBytes = 0;
  #compressed = false;
  #message: Uint8Array<ArrayBuffer> | undefined;
  /** The buffer of the last finished message, which may come from the pool. */
  #finished: Uint8Array<ArrayBuffer> | undefined;
  #messageBytes = 0;
  #receivedBytes = 0;
  #heldBytes = 0;
  #closed = false;

  /** @param pool with sizes from POOLED_BYTES_MIN on, for a caller who does not keep messages */
  constructor(messageBytesMax: number, budget: ByteBudget, pool?: BufferPool) {
    this.#messageBytesMax = messageBytesMax;
    this.#budget = budget;
    this.#pool = pool;
  }

  /** Whether a message has begun and not ended: a stream that ends here was cut off. */
  get partial(): boolean {
    return this.#prefixBytes > 0;
  }

  /** Whether the message that was begun last is compressed. */
  get compressed(): boolean {
    return this.#compressed;
  }

  /**
   * Takes a chunk, which is copied, and hands every message that it completes to `onMessage`.
   *
   * @throws {GrpcError} RESOURCE_EXHAUSTED over a limit, INTERNAL for a bad prefix.
   */
  push(
    bytes: Uint8Array,
    start: number,
    end: number,
    onMessage: (message: ReceivedMessage) => void,
  ): void {
    let at = start;
    while (at < end) {
      if (this.#message === undefined) at = this.#takePrefix(bytes, at, end);
      if (this.#message !== undefined) at = this.#takeBody(this.#message, bytes, at, end);
      if (this.#message !== undefined && this.#receivedBytes === this.#messageBytes) {
        const message = this.#message.subarray(0, this.#messageBytes);
        if (this.#pool !== undefined) this.#finished = this.#message;
        this.#message = undefined;
        this.#prefixBytes = 0;
        onMessage(this.#compressed ? new CompressedMessage(message) : message);
      }
    }
  }

  /**
   * Decompresses a finished message, which holds its new length of the budget until it is released.
   *
   * @throws {GrpcError} RESOURCE_EXHAUSTED over a limit, INTERNAL for damaged bytes.
   */
  decompress(message: CompressedMessage): Uint8Array {
    const bytes = message.decompress(this.#messageBytesMax);
    this.release(message.length);
    this.#take(bytes.length + MESSAGE_OVERHEAD_BYTES);
    return bytes;
  }

  /** Gives back what a finished message of `bytes` held of the budget. */
  release(bytes: number): void {
    this.#giveBack(bytes + MESSAGE_OVERHEAD_BYTES);
  }

  /** Gives the last finished message's buffer to the next one: nobody reads it any more. */
  recycle(): void {
    if (this.#finished !== undefined) this.#pool?.giveBack(this.#finished);
    this.#finished = undefined;
  }

  /** Gives back all of the budget: the call is over, and what it still reads is no longer counted. */
  close(): void {
    this.#giveBack(this.#heldBytes);
    this.#closed = true;
    this.#message = undefined;
  }

  #take(bytes: number): void {
    if (this.#closed) return;
    this.#budget.take(bytes);
    this.#heldBytes += bytes;
  }

  #giveBack(bytes: number): void {
    if (this.#closed) return;
    this.#heldBytes -= bytes;
    this.#budget.giveBack(bytes);
  }

  #takePrefix(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (this.#prefixBytes < PREFIX_BYTES && at < end) {
      this.#prefix[this.#prefixBytes++] = bytes[at++];
    }
    if (this.#prefixBytes < PREFIX_BYTES) return at;
    this.#compressed = readCompressedFlag(this.#prefix, 0);
    this.#messageBytes = readLength(this.#prefix, 0, this.#messageBytesMax);
    this.#receivedBytes = 0;
    this.#take(MESSAGE_OVERHEAD_BYTES);
    const firstBytes = Math.max(end - at, FIRST_BUFFER_BYTES);
    this.#message = this.#buffer(Math.min(this.#messageBytes, firstBytes));
    return at;
  }

  #buffer(bytes: number): Uint8Array<ArrayBuffer> {
    if (this.#pool === undefined || bytes < POOLED_BYTES_MIN) return new Uint8Array(bytes);
    return this.#pool.take(bytes);
  }

  #takeBody(
    message: Uint8Array<ArrayBuffer>,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): number {
    const count = Math.min(end - start, this.#messageBytes - this.#receivedBytes);
    this.#take(count);
    const needed = this.#receivedBytes + count;
    let target = message;
    if (needed > message.length) {
      // Pooled sizes are powers of two: grown to the least of them first, all that follow are doubled.
      const doubled = Math.max(needed, message.length * 2);
      const grown = needed <= POOLED_BYTES_MIN ? Math.min(doubled, POOLED_BYTES_MIN) : doubled;
      target = this.#buffer(Math.min(this.#messageBytes, grown));
      target.set(message.subarray(0, this.#receivedBytes));
      this.#message = target;
      this.#pool?.giveBack(message);
    }
    target.set(bytes.subarray(start, start + count), this.#receivedBytes);
    this.#receivedBytes = needed;
    return start + count;
  }
}
