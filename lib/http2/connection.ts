import { setImmediate } from "node:timers";
import { CONCURRENT_STREAMS_MAX, OUTPUT_BYTES_MAX } from "../limits.ts";
import { FloodGuard } from "./flood_guard.ts";
import { FrameType } from "./frame.ts";
import { type ByteSource, FrameReader } from "./frame_reader.ts";
import { type ByteSink, FrameWriter, type FrameWriterEvents } from "./frame_writer.ts";
import { Goaway } from "./goaway.ts";
import { addGreeting } from "./greeting.ts";
import type { HeaderList } from "./hpack/header_field.ts";
import { ErrorCode, Http2Error } from "./http2_error.ts";
import type { KeptConnection, Pulse } from "./keeper.ts";
import { Receiver, type ReceiverEvents } from "./receiver.ts";
import { type QueueBudget, Sender } from "./sender.ts";
import { PeerSettings } from "./settings.ts";
import type { AnyStream, DataEncoder, StreamConnection, StreamHandler } from "./stream.ts";
import { Stream } from "./stream.ts";
import { type Side, StreamTable } from "./stream_table.ts";
import { TransportCloser } from "./transport_closer.ts";

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

/** What a connection's peer may have of us. */
export interface ConnectionLimits {
  /** Streams that a client may have open at once, CONCURRENT_STREAMS_MAX by default; of no use to a client. */
  readonly streamsMax?: number;
  /** Bounds the data that wait for the peer's flow control; without one, whoever sends does. */
  readonly budget?: QueueBudget;
}

/**
 * Bytes of output at which reading stops. Data alone, which stops at OUTPUT_BYTES_MAX, does not get
 * there: two ends that both send as much as they may would wait for each other's reading for ever.
 */
const UNREAD_OUTPUT_BYTES_MAX = 2 * OUTPUT_BYTES_MAX;

const KEEPALIVE_PAYLOAD = new TextEncoder().encode("modelsrv");

/**
 * One HTTP/2 connection, either end of it.
 *
 * Everything runs on the thread that made it. All frames that come of one read leave in one write.
 * What others send between reads is written in a microtask, so that it is collected too.
 *
 * Source: RFC 9113; §3.4 preface, §5.4 errors, §6.8 graceful shutdown.
 */
export class Connection<Handler extends StreamHandler>
  implements StreamConnection, FrameWriterEvents, ReceiverEvents<Handler>, KeptConnection {
  readonly #role: Role<Handler>;
  readonly #streamsMax: number;
  readonly #guard = new FloodGuard();
  readonly #reader: FrameReader;
  readonly #writer: FrameWriter;
  readonly #settings: PeerSettings;
  readonly #streams = new StreamTable<Handler>();
  readonly #sender: Sender;
  readonly #receiver: Receiver<Handler>;
  readonly #goaway: Goaway;
  readonly #closer: TransportCloser;
  readonly #greeted = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  #error: Error | undefined;
  /** Why the server takes no more calls, unless it only goes. */
  #refusal: Error | undefined;
  #started = false;
  /** Whether input is read, rather than left where it is until the peer takes output. */
  #reading = true;
  #flushScheduled = false;
  #acceptsStreams = true;
  #shuttingDown = false;
  /** Whether our side ends, or has ended: nothing starts that would have to be finished. */
  #closing = false;

  constructor(transport: Transport, role: Role<Handler>, limits: ConnectionLimits = {}) {
    this.#role = role;
    this.#streamsMax = limits.streamsMax ?? CONCURRENT_STREAMS_MAX;
    this.#reader = new FrameReader(transport, { expectPreface: role.side === "server" });
    this.#writer = new FrameWriter(transport, this);
    this.#goaway = new Goaway(this.#writer);
    this.#closer = new TransportCloser(transport, this.#writer, () => this.#end(this.#error));
    this.#settings = new PeerSettings(role.side);
    this.#sender = new Sender({
      writer: this.#writer,
      settings: this.#settings,
      guard: this.#guard,
      budget: limits.budget,
      onEnd: (stream) => this.#onLocalEnd(stream),
    });
    this.#receiver = new Receiver({
      side: role.side,
      streams: this.#streams,
      settings: this.#settings,
      sender: this.#sender,
      writer: this.#writer,
      guard: this.#guard,
      events: this,
    });
  }

  /** Streams that are open now. */
  get streamCount(): number {
    return this.#streams.size;
  }

  get pulse(): Pulse {
    return {
      bytesRead: this.#reader.bytesRead,
      framesTaken: this.#receiver.framesTaken,
      insideFrame: this.#reader.insideFrame || this.#receiver.insideHeaderBlock,
      reading: this.#reading,
      bytesTaken: this.#writer.bytesTaken,
      bytesUntaken: this.#writer.bytes,
      unqueuedBytes: this.#sender.unqueuedBytes,
      queuedBytes: this.#sender.queuedBytes,
    };
  }

  /** Streams that the peer lets a client have open at once; Infinity when it has set no limit. */
  get streamsMax(): number {
    return this.#settings.concurrentStreamsMax;
  }

  /** Whether a client may open one more stream right now. */
  get hasCapacity(): boolean {
    return this.#streams.size < this.#settings.concurrentStreamsMax;
  }

  /** Whether new streams are refused for good: a shutdown, a GOAWAY, an error. */
  get closing(): boolean {
    return !this.#acceptsStreams;
  }

  /** Resolves when the peer has told its limits, and so that it speaks HTTP/2; or at the end. */
  get greeted(): Promise<void> {
    return this.#greeted.promise;
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
      while (!this.#closer.closed && await this.#nextInput()) {
        if (this.#error !== undefined) {
          await this.#closer.discardRest();
          break;
        }
        this.#receive();
        this.#writer.flush();
        // One write, not all of them: a response without end would keep us from reading its reset.
        if (this.#writer.bytes > UNREAD_OUTPUT_BYTES_MAX) {
          this.#reading = false;
          await this.#writer.written();
          this.#reading = true;
        }
      }
      // The peer has ended its side, as it does when it is gone: what was answered before may reach it.
      if (this.#writer.bytes > 0) await this.#flushRest();
    } catch (error) {
      this.#fail(error);
      await this.#closer.discardRest();
    }
    this.#end(this.#error);
    return this.#error ?? this.#refusal;
  }

  /**
   * Sends a PING, to which any peer that lives answers. Source: RFC 9113 §6.7.
   */
  ping(): void {
    this.#writer.addFrame(FrameType.PING, 0, 0, KEEPALIVE_PAYLOAD);
    this.#scheduleFlush();
  }

  /** Streams whose handler waits for the rest of a request's body. */
  *unfinishedStreams(): IterableIterator<{ readonly id: number; readonly receivedBytes: number }> {
    for (const stream of this.#streams.values()) {
      if (stream.awaitsBody && !stream.remoteClosed) yield stream;
    }
  }

  /** Ends one stream, or all of the connection with GOAWAY, for what its peer does or leaves undone. */
  cutOff(error: Http2Error): void {
    if (this.#closer.closed) return;
    if (error.scope === "connection") {
      this.#fail(error);
    } else {
      this.#resetFor(error);
      this.#scheduleFlush();
    }
  }

  /**
   * Client: opens a stream, which must send its headers before the next one is opened: that makes it
   * known to the peer, and streams must become known in their order.
   */
  openStream(handler: Handler): Stream<Handler> {
    const id = this.#streams.nextId();
    if (id === undefined || this.closing || !this.hasCapacity) {
      throw Http2Error.stream(0, ErrorCode.REFUSED_STREAM, "the connection takes no more streams");
    }
    this.#streams.use(id);
    const stream = new Stream<Handler>(id, this.#settings.initialWindowBytes, this);
    stream.handler = handler;
    this.#streams.add(stream);
    // A connection that has used up its identifiers makes room for another. Source: RFC 9113 §5.1.1.
    if (this.#streams.nextId() === undefined) this.#stopAccepting();
    return stream;
  }

  /**
   * Ends the connection gracefully: no new streams, the open ones finish. Resolves at its end.
   *
   * Source: RFC 9113 §6.8.
   */
  shutdown(): Promise<void> {
    if (!this.#started) this.#turnAway();
    else if (!this.#shuttingDown) this.#shutDown();
    return this.#over.promise;
  }

  /** Ends the connection at once; open streams are told. */
  close(error = new Error("the connection was closed")): void {
    this.#end(this.#error ?? error);
  }

  sendHeaders(stream: AnyStream, fields: HeaderList, endStream: boolean): void {
    this.#sender.sendHeaders(stream, fields, endStream);
    this.#scheduleFlush();
  }

  sendData(
    stream: AnyStream,
    chunk: Uint8Array,
    endStream: boolean,
    onUnused?: () => void,
  ): void {
    this.#sender.sendData(stream, chunk, endStream, onUnused);
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
    if (stream.headSent || stream.headReceived) {
      this.#writer.addUint32Frame(FrameType.RST_STREAM, stream.id, code);
      this.#streams.rememberReset(stream.id);
      this.#scheduleFlush();
    }
    this.#remove(stream);
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

  onNewStream(id: number, fields: HeaderList, endStream: boolean): void {
    if (!this.#acceptsStreams) {
      this.#guard.spend(1, "HEADERS after GOAWAY");
      return this.#streams.rememberReset(id);
    }
    if (this.#streams.size >= this.#streamsMax) {
      throw Http2Error.stream(id, ErrorCode.REFUSED_STREAM, "too many streams at once");
    }
    const stream = new Stream<Handler>(id, this.#settings.initialWindowBytes, this);
    stream.headReceived = true;
    this.#streams.add(stream);
    this.#role.onRequest(stream, fields, endStream);
    if (endStream) this.onPeerEnd(stream);
  }

  onHead(stream: Stream<Handler>, fields: HeaderList, endStream: boolean): void {
    this.#role.onResponse(stream, fields, endStream);
  }

  onPeerReset(stream: Stream<Handler>, error: Http2Error): void {
    this.#remove(stream);
    stream.handler?.onReset(error);
  }

  onPeerEnd(stream: Stream<Handler>): void {
    if (stream.closed) this.#remove(stream);
  }

  onPingAck(payload: Uint8Array): void {
    this.#goaway.onPingAck(payload);
  }

  onGoaway(lastId: number, code: ErrorCode, message: string): void {
    // To a server it says nothing: it would keep us from pushing, which we never do.
    if (this.#role.side === "server") return;
    this.#stopAccepting();
    const refusal = Http2Error.stream(
      0,
      code === ErrorCode.NO_ERROR ? ErrorCode.REFUSED_STREAM : code,
      `the server takes no more calls (GOAWAY ${code}${message === "" ? "" : `: ${message}`})`,
    );
    if (code !== ErrorCode.NO_ERROR) this.#refusal = new Error(refusal.message);
    for (const stream of this.#streams.values()) {
      if (stream.id > lastId) this.onPeerReset(stream, refusal);
    }
    this.#role.onCapacity();
  }

  onSettings(): void {
    this.#greeted.resolve();
    this.#role.onCapacity();
  }

  /** Gives others their turn and goes on with what is there already, or reads; false at the end. */
  #nextInput(): Promise<boolean> {
    if (!this.#reader.turnOver) return this.#reader.fill();
    this.#reader.startTurn();
    return new Promise((resolve) => setImmediate(() => resolve(true)));
  }

  #stopAccepting(): void {
    this.#acceptsStreams = false;
    this.#closeWhenDrained();
  }

  #start(): void {
    this.#started = true;
    addGreeting(this.#writer, this.#role.side, this.#streamsMax);
  }

  #receive(): void {
    if (!this.#reader.takePreface()) return;
    if (!this.#started) this.#start();
    // Flushes are not scheduled meanwhile: run() flushes once, after all frames of the read.
    this.#flushScheduled = true;
    try {
      for (let done = false; !done;) {
        try {
          this.#reader.drain(this.#receiver);
          done = true;
        } catch (error) {
          if (!(error instanceof Http2Error) || error.scope === "connection") throw error;
          this.#guard.spend(1, "streams that broke the protocol");
          this.#resetFor(error);
        }
      }
    } finally {
      this.#flushScheduled = false;
    }
  }

  /** A server's keeper ends this when nothing is taken; a client has nobody who waits for it. */
  async #flushRest(): Promise<void> {
    if (this.#role.side === "client") this.#closer.linger();
    await this.#writer.idle();
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
    if (!this.#streams.remove(stream.id)) return;
    stream.localClosed = true;
    stream.remoteClosed = true;
    this.#sender.forget(stream);
    this.#closeWhenDrained();
    if (this.#role.side === "client") this.#role.onCapacity();
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#closer.closed) return;
    this.#flushScheduled = true;
    queueMicrotask(() => {
      this.#flushScheduled = false;
      this.#writer.flush();
    });
  }

  /** Nothing was heard of the peer yet; what it may have sent by now it can send elsewhere. */
  #turnAway(): void {
    this.#start();
    this.#goaway.send(0, ErrorCode.NO_ERROR, "");
    this.#stopAccepting();
  }

  async #shutDown(): Promise<void> {
    this.#shuttingDown = true;
    if (this.#role.side === "server" && !this.#closing) await this.#goaway.announce();
    if (this.#closing) return;
    this.#acceptsStreams = false;
    this.#goaway.send(this.#lastPeerStreamId(), ErrorCode.NO_ERROR, "");
    this.#scheduleFlush();
    this.#closeWhenDrained();
  }

  #lastPeerStreamId(): number {
    return this.#role.side === "server" ? this.#streams.lastId : 0;
  }

  #closeWhenDrained(): void {
    if (this.#acceptsStreams || this.#closing || this.#streams.size > 0) return;
    this.#closing = true;
    this.#closer.closeWrite();
  }

  /** Answers an error of the connection with GOAWAY; what still comes in is only dropped. */
  #fail(error: unknown): void {
    if (this.#closer.closed || this.#error !== undefined) return;
    this.#closing = true;
    this.#acceptsStreams = false;
    this.#error = error instanceof Error ? error : new Error(String(error));
    const known = error instanceof Http2Error;
    if (!this.#started) this.#start();
    this.#goaway.send(
      this.#lastPeerStreamId(),
      known ? error.code : ErrorCode.INTERNAL_ERROR,
      known ? error.message : "internal error",
    );
    this.#abortStreams(Http2Error.connection(ErrorCode.CANCEL, this.#error.message));
    this.#closer.linger();
    this.#closer.closeWrite();
  }

  #end(error: Error | undefined): void {
    if (this.#closer.closed) return;
    this.#closing = true;
    this.#acceptsStreams = false;
    this.#error = error;
    this.#closer.close();
    this.#abortStreams(
      Http2Error.connection(ErrorCode.CANCEL, error?.message ?? "the connection has ended"),
    );
    this.#goaway.abandon();
    this.#greeted.resolve();
    this.#over.resolve();
    this.#role.onCapacity();
  }

  #abortStreams(error: Http2Error): void {
    for (const stream of [...this.#streams.values()]) {
      this.#remove(stream);
      stream.handler?.onReset(error);
    }
  }
}
