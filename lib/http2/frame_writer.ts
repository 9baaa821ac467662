import { OUTPUT_POOL_BYTES_MAX } from "../limits.ts";
import { BufferPool } from "../memory/buffer_pool.ts";
import { FRAME_HEADER_BYTES } from "./frame.ts";

/** Where a FrameWriter's bytes go: a `Deno.Conn`, or anything that writes like one. */
export interface ByteSink {
  /** Writes some of `bytes`, at least one; returns how many. */
  write(bytes: Uint8Array): Promise<number>;
}

/** Who is told how the writing goes. */
export interface FrameWriterEvents {
  /** The sink took what it was given: there is room again. */
  onWritten(): void;
  /** The sink failed; told once, and what is collected after it is dropped. */
  onFailure(error: unknown): void;
}

/** Of all writers of a thread: most of them have nothing to write. */
const BUFFERS = new BufferPool({
  smallestBytes: 2_048, // a few dozen small answers
  // Long messages fill OUTPUT_BYTES_MAX and a frame. Were such buffers garbage, V8 would mark its whole heap
  // after every few of them.
  largestBytes: 524_288,
  bytesMax: OUTPUT_POOL_BYTES_MAX,
});

const NO_BUFFER = new Uint8Array(0);

/**
 * Collects frames and writes them in one go.
 *
 * What is encoded between two flushes leaves in one write. While a write is under way the next
 * frames collect in a second buffer. With nothing to write it holds none. The writer itself does not bound what is collected: the
 * connection stops reading, and streams stop sending, while `bytes` is over its limit.
 */
export class FrameWriter {
  readonly #sink: ByteSink;
  readonly #events: FrameWriterEvents;
  #buffer = NO_BUFFER;
  #length = 0;
  #inFlightBytes = 0;
  #bytesTaken = 0;
  /** From the start of a write until nothing is left: no bytes in flight do not mean no write yet. */
  #writing = false;
  #closed = false;
  #idle: PromiseWithResolvers<void> | undefined;
  #written: PromiseWithResolvers<void> | undefined;

  constructor(sink: ByteSink, events: FrameWriterEvents) {
    this.#sink = sink;
    this.#events = events;
  }

  /** Bytes collected and not yet taken by the sink. */
  get bytes(): number {
    return this.#length + this.#inFlightBytes;
  }

  /** Bytes that the sink has taken so far: what progress is told by. */
  get bytesTaken(): number {
    return this.#bytesTaken;
  }

  /** The buffer to encode into, after `reserve`; it changes with every `reserve` and flush. */
  get buffer(): Uint8Array {
    return this.#buffer;
  }

  /** Makes room for `bytes` more and returns the offset where they start; nothing is added yet. */
  reserve(bytes: number): number {
    const needed = this.#length + bytes;
    if (needed > this.#buffer.length) this.#grow(needed);
    return this.#length;
  }

  /** Adds what was encoded up to `end`, an offset into `buffer`. */
  commit(end: number): void {
    this.#length = end;
  }

  /** Encodes a frame header at `offset`, for which room was reserved; returns where the payload starts. */
  putFrameHeader(offset: number, length: number, type: number, flags: number, streamId: number) {
    const b = this.#buffer;
    b[offset] = length >>> 16;
    b[offset + 1] = length >>> 8;
    b[offset + 2] = length;
    b[offset + 3] = type;
    b[offset + 4] = flags;
    b[offset + 5] = streamId >>> 24;
    b[offset + 6] = streamId >>> 16;
    b[offset + 7] = streamId >>> 8;
    b[offset + 8] = streamId;
    return offset + FRAME_HEADER_BYTES;
  }

  /** Adds a frame with a copy of `payload`. */
  addFrame(type: number, flags: number, streamId: number, payload: Uint8Array): void {
    const at = this.reserve(FRAME_HEADER_BYTES + payload.length);
    const start = this.putFrameHeader(at, payload.length, type, flags, streamId);
    this.#buffer.set(payload, start);
    this.commit(start + payload.length);
  }

  /** Adds a frame whose payload is one 32-bit integer: RST_STREAM, WINDOW_UPDATE. */
  addUint32Frame(type: number, streamId: number, value: number): void {
    const at = this.putFrameHeader(this.reserve(FRAME_HEADER_BYTES + 4), 4, type, 0, streamId);
    const b = this.#buffer;
    b[at] = value >>> 24;
    b[at + 1] = value >>> 16;
    b[at + 2] = value >>> 8;
    b[at + 3] = value;
    this.commit(at + 4);
  }

  /** Adds bytes that are no frame: the client preface. */
  addBytes(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.#buffer.set(bytes, at);
    this.commit(at + bytes.length);
  }

  /** Starts writing what was collected, unless a write is under way, which will take it along. */
  flush(): void {
    if (this.#writing || this.#length === 0) return;
    if (this.#closed) {
      this.#length = 0;
      return;
    }
    this.#write();
  }

  /** Drops what is not under way, and what is collected from now on: nobody takes it any more. */
  close(): void {
    this.#closed = true;
    this.#length = 0;
  }

  /** Resolves when the write under way has ended; frames collected since may still wait. */
  written(): Promise<void> {
    this.flush();
    if (this.bytes === 0) return Promise.resolve();
    this.#written ??= Promise.withResolvers<void>();
    return this.#written.promise;
  }

  /** Resolves when nothing is left to write: all was taken by the sink, or the sink has failed. */
  idle(): Promise<void> {
    this.flush();
    if (this.bytes === 0) return Promise.resolve();
    this.#idle ??= Promise.withResolvers<void>();
    return this.#idle.promise;
  }

  #grow(needed: number): void {
    const small = this.#buffer;
    if (small === NO_BUFFER) {
      this.#buffer = BUFFERS.take(needed);
      return;
    }
    this.#buffer = BUFFERS.take(Math.max(needed, small.length * 2));
    this.#buffer.set(small.subarray(0, this.#length));
    BUFFERS.giveBack(small);
  }

  async #write(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#length > 0 && !this.#closed) {
        const full = this.#buffer;
        const bytes = full.subarray(0, this.#length);
        this.#buffer = NO_BUFFER;
        this.#inFlightBytes = bytes.length;
        this.#length = 0;
        await this.#writeAll(bytes);
        // Not after a failure: who knows whether the sink still reads it.
        BUFFERS.giveBack(full);
        this.#written?.resolve();
        this.#written = undefined;
        this.#events.onWritten();
      }
    } catch (error) {
      this.#closed = true;
      this.#inFlightBytes = 0;
      this.#events.onFailure(error);
    }
    this.#writing = false;
    if (this.#closed) this.#length = 0;
    this.#written?.resolve();
    this.#written = undefined;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const count = await this.#sink.write(at === 0 ? bytes : bytes.subarray(at));
      at += count;
      this.#bytesTaken += count;
      this.#inFlightBytes -= count;
    }
  }
}
