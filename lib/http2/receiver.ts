import {
  CONNECTION_WINDOW_BYTES,
  FLOOD_FRAMES_PER_HEADER_LIST,
  FLOOD_SETTINGS_BYTES,
  HEADER_LIST_BYTES_MAX,
  HPACK_TABLE_BYTES,
} from "../limits.ts";
import type { FloodGuard } from "./flood_guard.ts";
import { ReceiveWindow } from "./flow_window.ts";
import { Flag, FrameType, readUint31, readUint32 } from "./frame.ts";
import type { FrameSink } from "./frame_reader.ts";
import type { FrameWriter } from "./frame_writer.ts";
import { HeaderBlock } from "./header_block.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import type { HeaderList } from "./hpack/header_field.ts";
import { HeaderListTooLargeError } from "./hpack/header_list_too_large_error.ts";
import { ErrorCode, Http2Error } from "./http2_error.ts";
import { HeadParser, parseTrailers } from "./message_head.ts";
import type { Sender } from "./sender.ts";
import type { PeerSettings } from "./settings.ts";
import type { Stream, StreamHandler } from "./stream.ts";
import type { Side, StreamTable } from "./stream_table.ts";

/** What the receiving side tells its connection, beyond what goes to a stream's handler. */
export interface ReceiverEvents<Handler extends StreamHandler> {
  /** A header section on a stream that nobody has used yet. */
  onNewStream(id: number, fields: HeaderList, endStream: boolean): void;
  /** A header section on an open stream that has had none from the peer: a response's head. */
  onHead(stream: Stream<Handler>, fields: HeaderList, endStream: boolean): void;
  /** The peer ended `stream` with RST_STREAM. */
  onPeerReset(stream: Stream<Handler>, error: Http2Error): void;
  /** The peer has ended its side of `stream`. */
  onPeerEnd(stream: Stream<Handler>): void;
  /** A PING of ours came back, with its payload of 8 bytes. */
  onPingAck(payload: Uint8Array): void;
  /** The peer takes no streams above `lastId`. */
  onGoaway(lastId: number, code: ErrorCode, message: string): void;
  /** The peer's limits have changed. */
  onSettings(): void;
}

/** What a receiver works with; all owned by its connection. */
export interface ReceiverParts<Handler extends StreamHandler> {
  /** Which side we are. */
  readonly side: Side;
  readonly streams: StreamTable<Handler>;
  readonly settings: PeerSettings;
  readonly sender: Sender;
  readonly writer: FrameWriter;
  readonly guard: FloodGuard;
  readonly events: ReceiverEvents<Handler>;
}

const PRIORITY_BYTES = 5;
const PING_BYTES = 8;
const GOAWAY_BYTES_MIN = 8;

/**
 * The receiving side of a connection: checks each frame against the protocol and the stream's
 * state, answers what is answered at once, and tells streams and the connection the rest.
 *
 * Source: RFC 9113 §5.1, §6.
 */
export class Receiver<Handler extends StreamHandler> implements FrameSink {
  readonly #parts: ReceiverParts<Handler>;
  readonly #decoder = new HpackDecoder(HPACK_TABLE_BYTES, HEADER_LIST_BYTES_MAX);
  readonly #block = new HeaderBlock();
  readonly #window = new ReceiveWindow(CONNECTION_WINDOW_BYTES);
  readonly #trailers = new HeadParser(parseTrailers);
  #settingsSeen = false;
  #framesTaken = 0;

  constructor(parts: ReceiverParts<Handler>) {
    this.#parts = parts;
  }

  /** Frames that came in, those that only go on with a header block aside: what progress is told by. */
  get framesTaken(): number {
    return this.#framesTaken;
  }

  /** Whether a header block has begun and not ended. */
  get insideHeaderBlock(): boolean {
    return this.#block.streamId !== undefined;
  }

  /** @throws {Http2Error} of the stream or of the connection. */
  onFrame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    if (!this.#settingsSeen && type !== FrameType.SETTINGS) {
      throw protocolError(`frame of type ${type} before SETTINGS`);
    }
    if (
      this.#block.streamId !== undefined &&
      (type !== FrameType.CONTINUATION || streamId !== this.#block.streamId)
    ) throw protocolError(`frame of type ${type} inside a header block`);
    if (type !== FrameType.CONTINUATION) this.#framesTaken++;
    switch (type) {
      case FrameType.DATA:
        return this.#onData(flags, streamId, bytes, start, end);
      case FrameType.HEADERS:
        return this.#onHeaders(flags, streamId, bytes, start, end);
      case FrameType.PRIORITY:
        return this.#onPriority(streamId, bytes, start, end);
      case FrameType.RST_STREAM:
        return this.#onRstStream(streamId, bytes, start, end);
      case FrameType.SETTINGS:
        return this.#onSettings(flags, streamId, bytes, start, end);
      case FrameType.PUSH_PROMISE:
        throw protocolError("PUSH_PROMISE, which we have not allowed");
      case FrameType.PING:
        return this.#onPing(flags, streamId, bytes, start, end);
      case FrameType.GOAWAY:
        return this.#onGoaway(streamId, bytes, start, end);
      case FrameType.WINDOW_UPDATE:
        return this.#onWindowUpdate(streamId, bytes, start, end);
      case FrameType.CONTINUATION:
        return this.#onContinuation(flags, streamId, bytes, start, end);
      default:
        return this.#parts.guard.spend(1, "frames of unknown types");
    }
  }

  #onData(flags: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    const { streams, writer, guard } = this.#parts;
    if (streams.isIdle(id)) throw protocolError(`DATA on idle stream ${id}`);
    if (!this.#window.take(end - start)) {
      throw Http2Error.connection(ErrorCode.FLOW_CONTROL_ERROR, "DATA past the window");
    }
    const increment = this.#window.giveBack(end - start);
    if (increment > 0) writer.addUint32Frame(FrameType.WINDOW_UPDATE, 0, increment);
    let from = start;
    let to = end;
    if ((flags & Flag.PADDED) !== 0) {
      to -= paddingLength("DATA", bytes, start, end);
      from += 1;
    }
    const endStream = (flags & Flag.END_STREAM) !== 0;
    if (from === to && !endStream) guard.spend(1, "empty DATA");
    const stream = streams.get(id);
    if (stream === undefined) {
      if (streams.wasReset(id)) return;
      throw Http2Error.stream(id, ErrorCode.STREAM_CLOSED, "DATA on a closed stream");
    }
    stream.receiveData(bytes, from, to, end - start - (to - from), endStream);
    if (endStream) this.#parts.events.onPeerEnd(stream);
  }

  #onHeaders(flags: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    if (id % 2 === 0) throw protocolError(`HEADERS on stream ${id}, need an odd one`);
    let from = start;
    let to = end;
    if ((flags & Flag.PADDED) !== 0) {
      to -= paddingLength("HEADERS", bytes, start, end);
      from += 1;
    }
    if ((flags & Flag.PRIORITY) !== 0) {
      if (to - from < PRIORITY_BYTES) throw frameSizeError("HEADERS with priority", to - from);
      // Of the connection, as a lone stream error would leave the HPACK table behind the peer's.
      if (readUint31(bytes, from) === id) throw protocolError(`stream ${id} depends on itself`);
      from += PRIORITY_BYTES;
    }
    const endStream = (flags & Flag.END_STREAM) !== 0;
    if ((flags & Flag.END_HEADERS) !== 0) this.#onBlock(id, bytes, from, to, endStream);
    else this.#block.open(id, bytes.subarray(from, to), endStream);
  }

  #onContinuation(flags: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    if (this.#block.streamId === undefined) throw protocolError("CONTINUATION without HEADERS");
    this.#block.append(bytes.subarray(start, end));
    if ((flags & Flag.END_HEADERS) === 0) return;
    const block = this.#block.close();
    this.#onBlock(id, block, 0, block.length, this.#block.endStream);
  }

  #onBlock(id: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const { side, streams, events } = this.#parts;
    const isNew = streams.isIdle(id);
    if (isNew) {
      if (side === "client") throw protocolError(`HEADERS on idle stream ${id}`);
      streams.use(id);
    }
    const fields = this.#decode(id, bytes, start, end);
    if (isNew) return events.onNewStream(id, fields, endStream);
    const stream = streams.get(id);
    if (stream !== undefined) return this.#onOpenStream(stream, fields, endStream);
    if (!streams.wasReset(id)) {
      throw Http2Error.connection(ErrorCode.STREAM_CLOSED, `HEADERS on closed stream ${id}`);
    }
    this.#parts.guard.spend(1, "HEADERS on streams that were reset");
  }

  #decode(id: number, bytes: Uint8Array, start: number, end: number): HeaderList {
    try {
      return this.#decoder.decode(bytes, start, end);
    } catch (error) {
      if (!(error instanceof HeaderListTooLargeError)) throw error;
      this.#parts.guard.spend(FLOOD_FRAMES_PER_HEADER_LIST, "header lists over the limit");
      throw Http2Error.stream(id, ErrorCode.ENHANCE_YOUR_CALM, error.message);
    }
  }

  #onOpenStream(stream: Stream<Handler>, fields: HeaderList, endStream: boolean): void {
    if (stream.remoteClosed) {
      throw Http2Error.stream(stream.id, ErrorCode.STREAM_CLOSED, "HEADERS after END_STREAM");
    }
    if (!stream.headReceived) {
      this.#parts.events.onHead(stream, fields, endStream);
    } else {
      if (!endStream) {
        throw Http2Error.stream(
          stream.id,
          ErrorCode.PROTOCOL_ERROR,
          "trailers do not end the stream",
        );
      }
      this.#trailers.parse(stream.id, fields);
      stream.receiveEnd();
      stream.handler?.onTrailers(fields);
    }
    if (endStream) this.#parts.events.onPeerEnd(stream);
  }

  #onPriority(id: number, bytes: Uint8Array, start: number, end: number): void {
    this.#parts.guard.spend(1, "PRIORITY");
    if (id === 0) throw protocolError("PRIORITY on stream 0");
    if (end - start !== PRIORITY_BYTES) {
      throw this.#streamError(id, ErrorCode.FRAME_SIZE_ERROR, `PRIORITY of ${end - start} bytes`);
    }
    // RFC 7540 §5.3.1; RFC 9113 §5.3 has dropped all else about priorities.
    if (readUint31(bytes, start) === id) {
      throw this.#streamError(id, ErrorCode.PROTOCOL_ERROR, `stream ${id} depends on itself`);
    }
  }

  /** RST_STREAM must not name an idle stream (RFC 9113 §6.4), so an error there is the connection's. */
  #streamError(id: number, code: ErrorCode, message: string): Http2Error {
    return this.#parts.streams.isIdle(id)
      ? Http2Error.connection(code, message)
      : Http2Error.stream(id, code, message);
  }

  #onRstStream(id: number, bytes: Uint8Array, start: number, end: number): void {
    const { streams, events, guard } = this.#parts;
    guard.spend(1, "RST_STREAM");
    if (streams.isIdle(id)) throw protocolError(`RST_STREAM on idle stream ${id}`);
    if (end - start !== 4) throw frameSizeError("RST_STREAM", end - start);
    const stream = streams.get(id);
    if (stream === undefined) return;
    const code = readUint32(bytes, start);
    events.onPeerReset(stream, peerReset(code));
  }

  #onSettings(flags: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    const { settings, sender, streams, writer, guard, events } = this.#parts;
    guard.spend(1 + Math.floor((end - start) / FLOOD_SETTINGS_BYTES), "SETTINGS");
    if (id !== 0) throw protocolError(`SETTINGS on stream ${id}`);
    if ((flags & Flag.ACK) !== 0) {
      if (end > start) throw frameSizeError("SETTINGS acknowledgement", end - start);
      if (!this.#settingsSeen) throw protocolError("SETTINGS acknowledgement before SETTINGS");
      return;
    }
    this.#settingsSeen = true;
    const windowBefore = settings.initialWindowBytes;
    settings.apply(bytes, start, end);
    const change = settings.initialWindowBytes - windowBefore;
    if (change !== 0) {
      for (const stream of streams.values()) {
        addToAllWindow(stream, change);
        sender.onStreamWindow(stream);
      }
    }
    // A peer may have emptied its table on the way to the size that it has now. Source: RFC 7541 §4.2.
    sender.setHeaderTableBytes(settings.headerTableBytesMin);
    sender.setHeaderTableBytes(settings.headerTableBytes);
    writer.addFrame(FrameType.SETTINGS, Flag.ACK, 0, EMPTY);
    sender.pump();
    events.onSettings();
  }

  #onPing(flags: number, id: number, bytes: Uint8Array, start: number, end: number): void {
    const { writer, guard, events } = this.#parts;
    guard.spend(1, "PING");
    if (id !== 0) throw protocolError(`PING on stream ${id}`);
    if (end - start !== PING_BYTES) throw frameSizeError("PING", end - start);
    const payload = bytes.subarray(start, end);
    if ((flags & Flag.ACK) !== 0) return events.onPingAck(payload);
    writer.addFrame(FrameType.PING, Flag.ACK, 0, payload);
  }

  #onGoaway(id: number, bytes: Uint8Array, start: number, end: number): void {
    this.#parts.guard.spend(1, "GOAWAY");
    if (id !== 0) throw protocolError(`GOAWAY on stream ${id}`);
    if (end - start < GOAWAY_BYTES_MIN) throw frameSizeError("GOAWAY", end - start);
    const message = String.fromCharCode(...bytes.subarray(start + 8, Math.min(end, start + 264)));
    this.#parts.events.onGoaway(readUint31(bytes, start), readUint32(bytes, start + 4), message);
  }

  #onWindowUpdate(id: number, bytes: Uint8Array, start: number, end: number): void {
    const { streams, sender, guard } = this.#parts;
    guard.spend(1, "WINDOW_UPDATE");
    if (end - start !== 4) throw frameSizeError("WINDOW_UPDATE", end - start);
    const increment = readUint31(bytes, start);
    if (id === 0) {
      if (increment === 0) throw protocolError("WINDOW_UPDATE by 0");
      sender.window.add(increment);
      return sender.pump();
    }
    if (streams.isIdle(id)) throw protocolError(`WINDOW_UPDATE on idle stream ${id}`);
    const stream = streams.get(id);
    if (stream === undefined) return;
    if (increment === 0) {
      throw Http2Error.stream(id, ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE by 0");
    }
    stream.sendWindow.add(increment);
    sender.onStreamWindow(stream);
    sender.pump();
  }
}

const EMPTY = new Uint8Array(0);

/** The codes of RFC 9113 §7; a peer may send any other. */
const KNOWN_CODES = Object.keys(ErrorCode).length;
const peerResets: Http2Error[] = [];

/** Shared by all resets with one of the known codes: to make an error costs more than all else of a reset. */
function peerReset(code: ErrorCode): Http2Error {
  return code < KNOWN_CODES ? peerResets[code] ??= newPeerReset(code) : newPeerReset(code);
}

function newPeerReset(code: ErrorCode): Http2Error {
  return Http2Error.stream(0, code, `the peer reset the stream (${code})`);
}

/** RFC 9113 §6.9.2: a change of INITIAL_WINDOW_SIZE that overflows a window ends the connection. */
function addToAllWindow(stream: { sendWindow: { add(bytes: number): void } }, change: number) {
  try {
    stream.sendWindow.add(change);
  } catch {
    throw Http2Error.connection(
      ErrorCode.FLOW_CONTROL_ERROR,
      "INITIAL_WINDOW_SIZE takes a stream's window past 2^31-1",
    );
  }
}

/** The number of padding bytes behind a payload, not counting the length itself. Source: RFC 9113 §6.1. */
function paddingLength(name: string, bytes: Uint8Array, start: number, end: number): number {
  if (start === end) throw frameSizeError(`padded ${name}`, 0);
  const length = bytes[start];
  if (length > end - start - 1) throw protocolError(`${name} with more padding than payload`);
  return length;
}

function protocolError(message: string): Http2Error {
  return Http2Error.connection(ErrorCode.PROTOCOL_ERROR, message);
}

function frameSizeError(name: string, bytes: number): Http2Error {
  return Http2Error.connection(ErrorCode.FRAME_SIZE_ERROR, `${name} of ${bytes} bytes`);
}
