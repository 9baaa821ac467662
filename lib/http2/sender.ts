import { FLOOD_DATA_BYTES_MIN, HPACK_TABLE_BYTES, OUTPUT_BYTES_MAX } from "../limits.ts";
import type { FloodGuard } from "./flood_guard.ts";
import { SendWindow, WINDOW_BYTES_DEFAULT } from "./flow_window.ts";
import { Flag, FRAME_HEADER_BYTES, FrameType } from "./frame.ts";
import type { FrameWriter } from "./frame_writer.ts";
import { HpackEncoder } from "./hpack/encoder.ts";
import type { HeaderList } from "./hpack/header_field.ts";
import type { PeerSettings } from "./settings.ts";
import type { AnyStream, DataEncoder } from "./stream.ts";

/** What bounds the data that wait for flow control. */
export interface QueueBudget {
  /** @throws when there is no room for `bytes` more; then nothing was taken. */
  take(bytes: number): void;
  giveBack(bytes: number): void;
}

/** What a sender works with; all owned by its connection, but for the budget. */
export interface SenderParts {
  readonly writer: FrameWriter;
  readonly settings: PeerSettings;
  readonly guard: FloodGuard;
  /** Without one, whoever sends bounds what waits. */
  readonly budget: QueueBudget | undefined;
  /** Is told when the last frame of a stream's sending side has been encoded. */
  readonly onEnd: (stream: AnyStream) => void;
}

/**
 * The sending side of a connection: header blocks, and DATA under flow control.
 *
 * Data that may not leave yet waits in its stream's queue. Streams whose own window is open stand
 * in `#ready` and take turns, one frame each, whenever the connection's window and the output have
 * room. Source: RFC 9113 §6.1, §6.2, §6.9.
 */
export class Sender {
  readonly window = new SendWindow(0, WINDOW_BYTES_DEFAULT);
  readonly #writer: FrameWriter;
  readonly #settings: PeerSettings;
  readonly #encoder = new HpackEncoder(HPACK_TABLE_BYTES);
  readonly #ready = new Set<AnyStream>();
  readonly #guard: FloodGuard;
  readonly #budget: QueueBudget | undefined;
  readonly #onEnd: (stream: AnyStream) => void;
  #pumping = false;
  #queuedBytes = 0;
  #unqueuedBytes = 0;

  constructor({ writer, settings, guard, budget, onEnd }: SenderParts) {
    this.#writer = writer;
    this.#settings = settings;
    this.#guard = guard;
    this.#budget = budget;
    this.#onEnd = onEnd;
  }

  /** Bytes that wait in all streams' queues. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Bytes that have left the streams' queues so far: what progress is told by. */
  get unqueuedBytes(): number {
    return this.#unqueuedBytes;
  }

  /** Sends a header section now, or as trailers behind the stream's queued data. */
  sendHeaders(stream: AnyStream, fields: HeaderList, endStream: boolean): void {
    if (stream.queuedBytes > 0) {
      if (!endStream) {
        throw new TypeError(`Cannot send headers on stream ${stream.id}: data is queued`);
      }
      stream.queuedTrailers = fields;
      stream.endQueued = true;
      return;
    }
    this.#writeHeaders(stream.id, fields, endStream);
    stream.headSent = true;
    if (endStream) this.#end(stream);
  }

  /**
   * Sends what flow control lets through and queues the rest; takes ownership of `chunk`.
   *
   * @param onUnused called once `chunk` is read no more
   * @throws what the budget throws when there is no room for `chunk`, which is not sent then.
   */
  sendData(
    stream: AnyStream,
    chunk: Uint8Array,
    endStream: boolean,
    onUnused?: () => void,
  ): void {
    if (chunk.length === 0 && stream.queuedBytes === 0) {
      onUnused?.();
      if (endStream) this.#writeEnd(stream);
      return;
    }
    if (chunk.length > 0) {
      this.#budget?.take(chunk.length);
      stream.enqueue(chunk, onUnused);
      this.#queuedBytes += chunk.length;
    } else {
      onUnused?.();
    }
    stream.endQueued = endStream;
    if (stream.sendWindow.bytes > 0) this.#ready.add(stream);
    this.pump();
  }

  /** Encodes one DATA frame in place; false when it could not leave whole right now. */
  encodeData(
    stream: AnyStream,
    bytesMax: number,
    encoder: DataEncoder,
    endStream: boolean,
  ): boolean {
    const writer = this.#writer;
    if (
      stream.queuedBytes > 0 || bytesMax > stream.sendWindow.bytes ||
      bytesMax > this.window.bytes ||
      bytesMax > this.#settings.frameBytesMax || writer.bytes > OUTPUT_BYTES_MAX
    ) return false;
    const at = writer.reserve(FRAME_HEADER_BYTES + bytesMax);
    const start = at + FRAME_HEADER_BYTES;
    const end = encoder.encodeData(writer.buffer, start);
    const length = end - start;
    writer.putFrameHeader(at, length, FrameType.DATA, endStream ? Flag.END_STREAM : 0, stream.id);
    writer.commit(end);
    stream.sendWindow.bytes -= length;
    this.window.bytes -= length;
    this.#guard.earn();
    if (endStream) this.#end(stream);
    return true;
  }

  /** Sends queued data while the connection's window and the output have room. */
  pump(): void {
    // A handler that is told of room sends from inside the loop, which then goes on with its data:
    // a loop inside the loop could go as deep as there are chunks.
    if (this.#pumping || this.#ready.size === 0) return;
    this.#pumping = true;
    try {
      for (const stream of this.#ready) {
        if (this.window.bytes <= 0 || this.#writer.bytes > OUTPUT_BYTES_MAX) return;
        // Deleted and added again, a stream goes to the end of the set, and of this iteration.
        this.#ready.delete(stream);
        this.#writeQueued(stream);
        this.onStreamWindow(stream);
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** The stream's window may have opened, or closed: SETTINGS can make it negative. */
  onStreamWindow(stream: AnyStream): void {
    if (stream.queuedBytes > 0 && stream.sendWindow.bytes > 0) this.#ready.add(stream);
    else this.#ready.delete(stream);
  }

  /** Drops what the stream has queued: it was reset. */
  forget(stream: AnyStream): void {
    this.#ready.delete(stream);
    this.#queuedBytes -= stream.queuedBytes;
    if (stream.queuedBytes > 0) this.#budget?.giveBack(stream.queuedBytes);
    stream.dropQueue();
  }

  /** The peer announced the size of its HPACK table. */
  setHeaderTableBytes(bytes: number): void {
    this.#encoder.setTableBytesMax(bytes);
  }

  #writeQueued(stream: AnyStream): void {
    const chunk = stream.firstQueued;
    if (chunk === undefined) return;
    const length = Math.min(
      chunk.bytes.length - chunk.sentBytes,
      stream.sendWindow.bytes,
      this.window.bytes,
      this.#settings.frameBytesMax,
    );
    const payload = chunk.bytes.subarray(chunk.sentBytes, chunk.sentBytes + length);
    const wasWritable = stream.writable;
    chunk.sentBytes += length;
    stream.queuedBytes -= length;
    this.#queuedBytes -= length;
    this.#budget?.giveBack(length);
    this.#unqueuedBytes += length;
    stream.sendWindow.bytes -= length;
    this.window.bytes -= length;
    const whole = chunk.sentBytes === chunk.bytes.length;
    if (whole) stream.dequeue();
    if (whole || length >= FLOOD_DATA_BYTES_MIN) this.#guard.earn();
    const last = stream.queuedBytes === 0 && stream.endQueued;
    const trailers = last ? stream.queuedTrailers : undefined;
    const endStream = last && trailers === undefined;
    this.#writer.addFrame(FrameType.DATA, endStream ? Flag.END_STREAM : 0, stream.id, payload);
    if (whole) chunk.onUnused?.();
    if (trailers !== undefined) this.#writeHeaders(stream.id, trailers, last);
    if (last) this.#end(stream);
    else if (!wasWritable && stream.writable) stream.handler?.onWritable();
  }

  #end(stream: AnyStream): void {
    stream.localClosed = true;
    this.#guard.earn();
    this.#onEnd(stream);
  }

  #writeEnd(stream: AnyStream): void {
    const writer = this.#writer;
    const at = writer.reserve(FRAME_HEADER_BYTES);
    writer.commit(writer.putFrameHeader(at, 0, FrameType.DATA, Flag.END_STREAM, stream.id));
    this.#end(stream);
  }

  #writeHeaders(streamId: number, fields: HeaderList, endStream: boolean): void {
    const writer = this.#writer;
    const at = writer.reserve(FRAME_HEADER_BYTES + this.#encoder.encodedLengthMax(fields));
    const start = at + FRAME_HEADER_BYTES;
    const length = this.#encoder.encode(fields, writer.buffer, start) - start;
    const frameBytesMax = this.#settings.frameBytesMax;
    const end = endStream ? Flag.END_STREAM : 0;
    if (length <= frameBytesMax) {
      writer.putFrameHeader(at, length, FrameType.HEADERS, Flag.END_HEADERS | end, streamId);
      writer.commit(start + length);
      return;
    }
    // The block is copied out because its CONTINUATION headers go where its bytes now stand.
    const block = writer.buffer.slice(start, start + length);
    writer.addFrame(FrameType.HEADERS, end, streamId, block.subarray(0, frameBytesMax));
    for (let from = frameBytesMax; from < length; from += frameBytesMax) {
      const last = from + frameBytesMax >= length ? Flag.END_HEADERS : 0;
      const part = block.subarray(from, from + frameBytesMax);
      writer.addFrame(FrameType.CONTINUATION, last, streamId, part);
    }
  }
}
