import {
  CONCURRENT_STREAMS_MAX,
  CONNECTION_WINDOW_BYTES,
  HEADER_LIST_BYTES_MAX,
  LINGER_MS,
  OUTPUT_BYTES_MAX,
  SHUTDOWN_PING_MS,
  STREAM_WINDOW_BYTES,
} from "../limits.ts";
import { WINDOW_BYTES_DEFAULT } from "./flow_window.ts";
import { CLIENT_PREFACE, FrameType, STREAM_ID_MAX } from "./frame.ts";
import { type ByteSource, FrameReader } from "./frame_reader.ts";
import { type ByteSink, FrameWriter, type FrameWriterEvents } from "./frame_writer.ts";
import type { HeaderField, HeaderList } from "./hpack/header_field.ts";
import { ErrorCode, Http2Error } from "./http2_error.ts";
import { Receiver, type ReceiverEvents } from "./receiver.ts";
import { Sender } from "./sender.ts";
import { encodeSettings, PeerSettings, SettingId } from "./settings.ts";
import type { AnyStream, DataEncoder, StreamConnection, StreamHandler } from "./stream.ts";
import { Stream } from "./stream.ts";
import { type Side, StreamTable } from "./stream_table.ts";

/** What a connection needs of a socket; a `Deno.Conn` is one. */
export interface Transport extends ByteSource, ByteSink {
  /** Ends our side of the stream of bytes. */
  closeWrite(): Promise<void>;
  close(): void;
}

/** What differs between the two ends of a connection. Declared here, implemented by each. */
export interface Role<Handler extends StreamHandler> {
  readonly side: Side;
  /** Server: a request came in; attaches a handler to `stream`. Throws Http2Error when malformed. */
  onRequest(stream: Stream<Handler>, fields: HeaderList, endStream: boolean): void;
  /** Client: the head of a response, or of an interim one, came in. Throws Http2Error when malformed. */
  onResponse(stream: Stream<Handler>, fields: HeaderList, endStream: boolean): void;
  /** Client: the peer's limit of streams, or the number of open ones, has changed. */
  onCapacity(): void;
}

const PING_PAYLOAD = new TextEncoder().encode("shutdown");
const DISCARD_BYTES = 16_384;

/**
 * One HTTP/2 connection, either end of it.
 *
 * Everything runs on the thread that made it. All frames that come of one read leave in one write.
 * What others send between reads is written in a microtask, so that it is collected too.
 *
 * Source: RFC 9113; §3.4 preface, §5.4 errors, §6.8 graceful shutdown.
 */
export class Connection<Handler extends StreamHandler>
  implements StreamConnection, FrameWriterEvents, ReceiverEvents<Handler> {
  readonly #transport: Transport;
  readonly #role: Role<Handler>;
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #settings: PeerSettings;
  readonly #streams = new StreamTable<Handler>();
  readonly #sender: Sender;
  readonly #receiver: Receiver<Handler>;
  #error: Error | undefined;
  #closed = false;
  #closing = false;
  #lingerTimer: number | undefined;
  #started = false;
  #flushScheduled = false;
  #acceptsStreams = true;
  #drained: PromiseWithResolvers<void> | undefined;
  #pingAcknowledged: PromiseWithResolvers<void> | undefined;

  constructor(transport: Transport, role: Role<Handler>) {
    this.#transport = transport;
    this.#role = role;
    this.#reader = new FrameReader(transport, { expectPreface: role.side === "server" });
    this.#writer = new FrameWriter(transport, this);
    this.#settings = new PeerSettings();
    this.#sender = new Sender(this.#writer, this.#settings, (stream) => this.#onLocalEnd(stream));
    this.#receiver = new Receiver({
      streams: this.#streams,
      settings: this.#settings,
      sender: this.#sender,
      writer: this.#writer,
      events: this,
    });
  }

  /** Streams that are open now. */
  get streamCount(): number {
    return this.#streams.size;
  }

  /** Whether a client may open one more stream right now. */
  get hasCapacity(): boolean {
    return this.#streams.size < this.#settings.concurrentStreamsMax;
  }

  /** Whether new streams are refused for good: a shutdown, a GOAWAY, an error. */
  get closing(): boolean {
    return !this.#acceptsStreams || this.#closed;
  }

  /**
   * Serves the connection until it is over, and closes the transport.
   *
   * @returns why it ended, `undefined` after an orderly end. Never rejects.
   */
  async run(): Promise<Error | undefined> {
    // A server answers the preface rather than greeting first: peers that read the socket before
    // their HTTP/2 is attached to it (grpc-js on some runtimes) would lose the greeting.
    if (this.#role.side === "client") {
      this.#start();
      this.#writer.flush();
    }
    try {
      while (!this.#closed && await this.#reader.fill()) {
        this.#receive();
        this.#writer.flush();
        if (this.#writer.bytes > OUTPUT_BYTES_MAX) await this.#writer.idle();
      }
    } catch (error) {
      await this.#fail(error);
    }
    this.#end(this.#error);
    return this.#error;
  }

  /** Client: opens a stream; sending on it makes it known to the peer. */
  openStream(handler: Handler): Stream<Handler> {
    const id = this.#streams.nextId();
    if (id === undefined || this.closing || !this.hasCapacity) {
      throw Http2Error.stream(0, ErrorCode.REFUSED_STREAM, "the connection takes no more streams");
    }
    this.#streams.use(id);
    const stream = new Stream<Handler>(id, this.#settings.initialWindowBytes, this);
    stream.handler = handler;
    this.#streams.add(stream);
    return stream;
  }

  /**
   * Ends the connection gracefully: no new streams, the open ones finish. Resolves at its end.
   *
   * Source: RFC 9113 §6.8.
   */
  async shutdown(): Promise<void> {
    if (this.#drained !== undefined) return this.#drained.promise;
    this.#drained = Promise.withResolvers<void>();
    if (!this.#started || this.#closed) return this.close();
    if (this.#role.side === "server") await this.#announceShutdown();
    this.#acceptsStreams = false;
    this.#sendGoaway(
      this.#role.side === "server" ? this.#streams.lastId : 0,
      ErrorCode.NO_ERROR,
      "",
    );
    this.#scheduleFlush();
    this.#closeWhenDrained();
    return this.#drained.promise;
  }

  /** Ends the connection at once; open streams are told. */
  close(): void {
    this.#end(this.#error ?? new Error("the connection was closed"));
  }

  sendHeaders(stream: AnyStream, fields: HeaderList, endStream: boolean): void {
    this.#sender.sendHeaders(stream, fields, endStream);
    this.#scheduleFlush();
  }

  sendData(stream: AnyStream, chunk: Uint8Array, endStream: boolean): void {
    this.#sender.sendData(stream, chunk, endStream);
    this.#scheduleFlush();
  }

  encodeData(
    stream: AnyStream,
    bytesMax: number,
    encoder: DataEncoder,
    endStream: boolean,
  ): boolean {
    if (!this.#sender.encodeData(stream, bytesMax, encoder, endStream)) return false;
    this.#scheduleFlush();
    return true;
  }

  sendReset(stream: AnyStream, code: ErrorCode): void {
    this.#writer.addUint32Frame(FrameType.RST_STREAM, stream.id, code);
    this.#streams.rememberReset(stream.id);
    this.#remove(stream);
    this.#scheduleFlush();
  }

  sendWindowUpdate(stream: AnyStream, increment: number): void {
    this.#writer.addUint32Frame(FrameType.WINDOW_UPDATE, stream.id, increment);
    this.#scheduleFlush();
  }

  onWritten(): void {
    this.#sender.pump();
  }

  onFailure(error: unknown): void {
    this.#end(error instanceof Error ? error : new Error(String(error)));
  }

  onNewStream(id: number, fields: HeaderField[], endStream: boolean): void {
    if (this.#role.side === "client") {
      throw Http2Error.connection(ErrorCode.PROTOCOL_ERROR, `HEADERS on idle stream ${id}`);
    }
    this.#streams.use(id);
    if (!this.#acceptsStreams) return this.#streams.rememberReset(id);
    if (this.#streams.size >= CONCURRENT_STREAMS_MAX) {
      throw Http2Error.stream(id, ErrorCode.REFUSED_STREAM, "too many streams at once");
    }
    const stream = new Stream<Handler>(id, this.#settings.initialWindowBytes, this);
    stream.headReceived = true;
    this.#streams.add(stream);
    this.#role.onRequest(stream, fields, endStream);
    if (endStream) this.onPeerEnd(stream);
  }

  onHead(stream: Stream<Handler>, fields: HeaderField[], endStream: boolean): void {
    this.#role.onResponse(stream, fields, endStream);
  }

  onPeerReset(stream: Stream<Handler>, error: Http2Error): void {
    this.#remove(stream);
    stream.handler?.onReset(error);
  }

  onPeerEnd(stream: Stream<Handler>): void {
    if (stream.closed) this.#remove(stream);
  }

  onPingAck(): void {
    this.#pingAcknowledged?.resolve();
  }

  onGoaway(lastId: number, code: ErrorCode, message: string): void {
    // To a server it says nothing: it would keep us from pushing, which we never do.
    if (this.#role.side === "server") return;
    this.#acceptsStreams = false;
    const refusal = Http2Error.stream(
      0,
      code === ErrorCode.NO_ERROR ? ErrorCode.REFUSED_STREAM : code,
      `the server takes no more calls (GOAWAY ${code}${message === "" ? "" : `: ${message}`})`,
    );
    for (const stream of this.#streams.values()) {
      if (stream.id > lastId) this.onPeerReset(stream, refusal);
    }
    this.#closeWhenDrained();
  }

  onSettings(): void {
    this.#role.onCapacity();
  }

  #start(): void {
    this.#started = true;
    if (this.#role.side === "client") this.#writer.addBytes(CLIENT_PREFACE);
    const server = this.#role.side === "server";
    const settings = encodeSettings([
      server
        ? [SettingId.MAX_CONCURRENT_STREAMS, CONCURRENT_STREAMS_MAX]
        : [SettingId.ENABLE_PUSH, 0],
      [SettingId.INITIAL_WINDOW_SIZE, STREAM_WINDOW_BYTES],
      [SettingId.MAX_HEADER_LIST_SIZE, HEADER_LIST_BYTES_MAX],
    ]);
    this.#writer.addFrame(FrameType.SETTINGS, 0, 0, settings);
    const increment = CONNECTION_WINDOW_BYTES - WINDOW_BYTES_DEFAULT;
    this.#writer.addUint32Frame(FrameType.WINDOW_UPDATE, 0, increment);
  }

  #receive(): void {
    if (!this.#started) {
      if (!this.#reader.takePreface()) return;
      this.#start();
    }
    // Flushes are not scheduled meanwhile: run() flushes once, after all frames of the read.
    this.#flushScheduled = true;
    try {
      for (let done = false; !done;) {
        try {
          this.#reader.drain(this.#receiver);
          done = true;
        } catch (error) {
          if (!(error instanceof Http2Error) || error.scope === "connection") throw error;
          this.#resetFor(error);
        }
      }
    } finally {
      this.#flushScheduled = false;
    }
  }

  #resetFor(error: Http2Error): void {
    const stream = this.#streams.get(error.streamId);
    this.#writer.addUint32Frame(FrameType.RST_STREAM, error.streamId, error.code);
    this.#streams.rememberReset(error.streamId);
    if (stream === undefined) return;
    this.#remove(stream);
    stream.handler?.onReset(error);
  }

  #onLocalEnd(stream: AnyStream): void {
    if (stream.closed) this.#remove(stream);
    // A complete response makes the rest of the request needless. Source: RFC 9113 §8.1.
    else if (this.#role.side === "server") this.sendReset(stream, ErrorCode.NO_ERROR);
  }

  #remove(stream: AnyStream): void {
    stream.localClosed = true;
    stream.remoteClosed = true;
    this.#sender.forget(stream);
    this.#streams.remove(stream.id);
    this.#closeWhenDrained();
    if (this.#role.side === "client") this.#role.onCapacity();
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#closed) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#writer.flush();
    });
  }

  /** Announces the end, and waits until streams that were on their way by then must have come in. */
  async #announceShutdown(): Promise<void> {
    this.#pingAcknowledged = Promise.withResolvers<void>();
    const acknowledged = this.#pingAcknowledged;
    this.#sendGoaway(STREAM_ID_MAX, ErrorCode.NO_ERROR, "");
    this.#writer.addFrame(FrameType.PING, 0, 0, PING_PAYLOAD);
    this.#writer.flush();
    const timer = setTimeout(() => acknowledged.resolve(), SHUTDOWN_PING_MS);
    await acknowledged.promise;
    clearTimeout(timer);
  }

  #sendGoaway(lastId: number, code: ErrorCode, message: string): void {
    const text = new TextEncoder().encode(message);
    const payload = new Uint8Array(8 + text.length);
    const view = new DataView(payload.buffer);
    view.setUint32(0, lastId);
    view.setUint32(4, code);
    payload.set(text, 8);
    this.#writer.addFrame(FrameType.GOAWAY, 0, 0, payload);
  }

  #closeWhenDrained(): void {
    if (this.#acceptsStreams || this.#closing || this.#closed || this.#streams.size > 0) return;
    this.#closing = true;
    this.#writer.idle().then(() => this.#closeWrite());
  }

  /** Answers an error of the connection with GOAWAY, and closes once the peer has had it. */
  async #fail(error: unknown): Promise<void> {
    if (this.#closed) return;
    this.#closing = true;
    this.#acceptsStreams = false;
    this.#error = error instanceof Error ? error : new Error(String(error));
    const known = error instanceof Http2Error;
    if (!this.#started) this.#start();
    this.#sendGoaway(
      this.#streams.lastId,
      known ? error.code : ErrorCode.INTERNAL_ERROR,
      known ? error.message : "internal error",
    );
    this.#abortStreams(Http2Error.connection(ErrorCode.CANCEL, this.#error.message));
    this.#lingerTimer = setTimeout(() => this.#end(this.#error), LINGER_MS);
    await this.#writer.idle();
    await this.#closeWrite();
    await this.#discardRest();
  }

  /** Ends our side and gives the peer LINGER_MS to end its own. */
  async #closeWrite(): Promise<void> {
    if (this.#closed) return;
    this.#lingerTimer ??= setTimeout(() => this.#end(this.#error), LINGER_MS);
    try {
      await this.#transport.closeWrite();
    } catch (error) {
      this.onFailure(error);
    }
  }

  /**
   * Reads until the peer ends: a close with unread bytes would reset the connection under our last
   * frames before the peer has read them.
   */
  async #discardRest(): Promise<void> {
    const discard = new Uint8Array(DISCARD_BYTES);
    try {
      while (!this.#closed && await this.#transport.read(discard) !== null);
    } catch {
      // The peer is gone, or the timer has closed the transport: either ends the wait.
    }
  }

  #end(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#acceptsStreams = false;
    this.#error = error;
    clearTimeout(this.#lingerTimer);
    try {
      this.#transport.close();
    } catch {
      // Closed already.
    }
    this.#abortStreams(
      Http2Error.connection(ErrorCode.CANCEL, error?.message ?? "the connection has ended"),
    );
    this.#pingAcknowledged?.resolve();
    this.#drained?.resolve();
    this.#role.onCapacity();
  }

  #abortStreams(error: Http2Error): void {
    for (const stream of [...this.#streams.values()]) {
      this.#remove(stream);
      stream.handler?.onReset(error);
    }
  }
}
