import { STREAM_QUEUE_BYTES_LOW, STREAM_WINDOW_BYTES } from "../limits.ts";
import { ReceiveWindow, SendWindow } from "./flow_window.ts";
import type { HeaderList } from "./hpack/header_field.ts";
import { ErrorCode, Http2Error } from "./http2_error.ts";

/** Says that a frame is the last of its sender's side of a stream, or that it is not. */
export const END_STREAM = true;
export const MORE_FOLLOWS = false;

/** What a stream's user is told. All calls are synchronous, in the order of the wire. */
export interface StreamHandler {
  /**
   * Bytes of the body, valid only during the call. They stay in the stream's flow-control window
   * until they are given back with `Stream.consume`.
   */
  onData(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  /** The trailer section; the peer sends nothing after it. */
  onTrailers(fields: HeaderList): void;
  /** The queue that was too full has drained: sending makes sense again. */
  onWritable(): void;
  /** The stream ended before its time: the peer reset it, broke the protocol, or is gone. */
  onReset(error: Http2Error): void;
}

/** Encodes a DATA frame's payload straight into the connection's output. */
export interface DataEncoder {
  /** Writes at `offset` at most as many bytes as were announced; returns the end offset. */
  encodeData(buffer: Uint8Array, offset: number): number;
}

/** What a stream needs of its connection. */
export interface StreamConnection {
  sendHeaders(stream: AnyStream, fields: HeaderList, endStream: boolean): void;
  sendData(
    stream: AnyStream,
    chunk: Uint8Array,
    endStream: boolean,
    onUnused?: () => void,
  ): void;
  encodeData(
    stream: AnyStream,
    bytesMax: number,
    encoder: DataEncoder,
    endStream: boolean,
  ): boolean;
  sendReset(stream: AnyStream, code: ErrorCode): void;
  sendWindowUpdate(stream: AnyStream, increment: number): void;
}

/** A stream whatever its handler; what the sending side of a connection works with. */
export type AnyStream = Stream<StreamHandler>;

/** A part of the body, or the trailers, that waits for flow control. */
export interface QueuedChunk {
  readonly bytes: Uint8Array;
  readonly onUnused: (() => void) | undefined;
  sentBytes: number;
  next: QueuedChunk | undefined;
}

/**
 * One HTTP/2 stream, from its first HEADERS on.
 *
 * ```text
 *               HEADERS
 *                  │
 *                  ▼    we send END_STREAM
 *                open ──────────────────────► half-closed (local)
 *                  │                                  │
 *   END_STREAM     │                                  │ END_STREAM
 *   comes in       ▼                                  ▼ comes in
 *        half-closed (remote) ───────────────────► closed ◄── RST_STREAM, either way
 *                        we send END_STREAM
 * ```
 *
 * Owned by one connection; `localClosed`, `remoteClosed`, the windows and the queue are changed by
 * it alone. Source: RFC 9113 §5.1.
 */
export class Stream<Handler extends StreamHandler> {
  readonly id: number;
  readonly sendWindow: SendWindow;
  /** Who is told of events; `undefined` until the stream's user attaches it, before it sends. */
  handler: Handler | undefined;
  localClosed = false;
  remoteClosed = false;
  /** The peer's first HEADERS came in, interim responses aside; the next ones are trailers. */
  headReceived = false;
  /** Our first HEADERS have left. */
  headSent = false;
  /** Body bytes that content-length still promises, `undefined` without one. */
  bodyBytesLeft: number | undefined;
  /** The first chunk that waits; a list, since thousands of small ones may wait. */
  firstQueued: QueuedChunk | undefined;
  queuedBytes = 0;
  queuedTrailers: HeaderList | undefined;
  endQueued = false;
  /** Set by a handler that does nothing before it has the whole body: then a body that stops is cut off. */
  awaitsBody = false;
  /** Body bytes that came in so far. */
  receivedBytes = 0;
  #lastQueued: QueuedChunk | undefined;
  readonly #connection: StreamConnection;
  readonly #receiveWindow = new ReceiveWindow(STREAM_WINDOW_BYTES);

  constructor(id: number, sendWindowBytes: number, connection: StreamConnection) {
    this.id = id;
    this.sendWindow = new SendWindow(id, sendWindowBytes);
    this.#connection = connection;
  }

  get closed(): boolean {
    return this.localClosed && this.remoteClosed;
  }

  /** False once much is queued; `StreamHandler.onWritable` tells when it is true again. */
  get writable(): boolean {
    return this.queuedBytes <= STREAM_QUEUE_BYTES_LOW;
  }

  /** Sends a header section, or trailers when `endStream`; they stay behind queued data. */
  sendHeaders(fields: HeaderList, endStream: boolean): void {
    this.#assertOpen();
    this.#connection.sendHeaders(this, fields, endStream);
  }

  /**
   * Sends `chunk`, which the stream owns from now on; what flow control does not let through waits.
   *
   * @param onUnused called when the stream reads the chunk no more: its memory may be used again. Not called
   *   when this throws.
   */
  sendData(chunk: Uint8Array, endStream: boolean, onUnused?: () => void): void {
    this.#assertOpen();
    this.#connection.sendData(this, chunk, endStream, onUnused);
  }

  /**
   * Lets `encoder` write one DATA frame of at most `bytesMax` bytes straight into the output.
   *
   * @returns false, with nothing sent, when flow control or queued data are in the way
   */
  encodeData(bytesMax: number, encoder: DataEncoder, endStream: boolean): boolean {
    this.#assertOpen();
    return this.#connection.encodeData(this, bytesMax, encoder, endStream);
  }

  /** Ends the stream both ways with RST_STREAM; the handler hears nothing more. No-op when closed. */
  reset(code: ErrorCode): void {
    if (!this.closed) this.#connection.sendReset(this, code);
  }

  /** Puts a chunk behind those that wait. For the connection alone, as are the next two. */
  enqueue(bytes: Uint8Array, onUnused?: () => void): void {
    const chunk: QueuedChunk = { bytes, onUnused, sentBytes: 0, next: undefined };
    if (this.#lastQueued === undefined) this.firstQueued = chunk;
    else this.#lastQueued.next = chunk;
    this.#lastQueued = chunk;
    this.queuedBytes += bytes.length;
  }

  /** Takes the first chunk, all of which was sent, out of the queue. */
  dequeue(): void {
    this.firstQueued = this.firstQueued?.next;
    if (this.firstQueued === undefined) this.#lastQueued = undefined;
  }

  dropQueue(): void {
    for (let chunk = this.firstQueued; chunk !== undefined; chunk = chunk.next) chunk.onUnused?.();
    this.firstQueued = undefined;
    this.#lastQueued = undefined;
    this.queuedBytes = 0;
  }

  /** Gives `bytes` of received body back to the peer's window, once they are no longer held. */
  consume(bytes: number): void {
    const increment = this.#receiveWindow.giveBack(bytes);
    if (increment > 0 && !this.remoteClosed) this.#connection.sendWindowUpdate(this, increment);
  }

  /**
   * Accounts for a DATA frame and hands its body to the handler. For the connection alone.
   *
   * @throws {Http2Error} of the stream: STREAM_CLOSED, FLOW_CONTROL_ERROR, PROTOCOL_ERROR.
   */
  receiveData(
    bytes: Uint8Array,
    start: number,
    end: number,
    paddingBytes: number,
    endStream: boolean,
  ): void {
    const bodyBytes = end - start;
    if (this.remoteClosed) {
      throw Http2Error.stream(this.id, ErrorCode.STREAM_CLOSED, "DATA after END_STREAM");
    }
    if (!this.headReceived) {
      throw Http2Error.stream(this.id, ErrorCode.PROTOCOL_ERROR, "DATA before HEADERS");
    }
    if (!this.#receiveWindow.take(bodyBytes + paddingBytes)) {
      throw Http2Error.stream(this.id, ErrorCode.FLOW_CONTROL_ERROR, "DATA past the window");
    }
    this.#countBody(bodyBytes, endStream);
    this.receivedBytes += bodyBytes;
    if (endStream) this.remoteClosed = true;
    if (paddingBytes > 0) this.consume(paddingBytes);
    if (this.handler === undefined) this.consume(bodyBytes);
    else this.handler.onData(bytes, start, end, endStream);
  }

  /**
   * Accounts for the end of the peer's side by a header section. For the connection alone.
   *
   * @throws {Http2Error} PROTOCOL_ERROR of the stream when content-length promised more.
   */
  receiveEnd(): void {
    if (this.bodyBytesLeft !== undefined && this.bodyBytesLeft > 0) throw this.#bodyDiffers();
    this.remoteClosed = true;
  }

  #countBody(bytes: number, endStream: boolean): void {
    if (this.bodyBytesLeft === undefined) return;
    this.bodyBytesLeft -= bytes;
    if (this.bodyBytesLeft < 0 || (endStream && this.bodyBytesLeft > 0)) throw this.#bodyDiffers();
  }

  #bodyDiffers(): Http2Error {
    return Http2Error.stream(
      this.id,
      ErrorCode.PROTOCOL_ERROR,
      `body differs from content-length by ${-(this.bodyBytesLeft ?? 0)} bytes`,
    );
  }

  #assertOpen(): void {
    if (this.localClosed || this.endQueued) {
      throw new TypeError(`Cannot send on stream ${this.id}: its sending side is closed`);
    }
  }
}
