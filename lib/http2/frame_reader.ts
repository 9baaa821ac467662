import { TURN_BYTES_MAX, TURN_FRAMES_MAX } from "../limits.ts";
import {
  CLIENT_PREFACE,
  FRAME_BYTES_MAX_DEFAULT,
  FRAME_HEADER_BYTES,
  readUint31,
} from "./frame.ts";
import { ErrorCode, Http2Error } from "./http2_error.ts";

/** Where a FrameReader's bytes come from: a `Deno.Conn`, or anything that reads like one. */
export interface ByteSource {
  /** Reads up to `into.length` bytes; `null` at the end of the stream. */
  read(into: Uint8Array): Promise<number | null>;
}

/** Who acts on the frames. `bytes` is the reader's own buffer, valid only during the call. */
export interface FrameSink {
  onFrame(
    type: number,
    flags: number,
    streamId: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void;
}

/** Enough for a dozen small calls; what an idle connection costs. */
const BUFFER_BYTES_MIN = 1_024;

/** About four of the largest frames we accept: a bulk sender then costs one read per 64 KiB. */
const BUFFER_BYTES_MAX = 65_536;

/** A read that fills less than this part of the buffer is small; after so many in a row it shrinks. */
const SMALL_READ_PARTS = 16;
const SMALL_READS_MAX = 4;

/**
 * Cuts a stream of bytes into frames.
 *
 * Holds one buffer, which grows to `BUFFER_BYTES_MAX` while reads fill it and shrinks again after a
 * few that do not come near; no frame is copied on its way to the sink. We announce no SETTINGS_MAX_FRAME_SIZE,
 * so a payload over 16 384 bytes is an error before any of it is buffered.
 *
 * Source: RFC 9113 §4.1, §4.2, §3.4.
 */
export class FrameReader {
  readonly #source: ByteSource;
  #prefaceBytesLeft: number;
  #buffer = new Uint8Array(BUFFER_BYTES_MIN);
  #start = 0;
  #end = 0;
  #bytesRead = 0;
  #smallReads = 0;
  #turnBytes = 0;
  #turnFrames = 0;

  /** @param expectPreface whether the peer is a client, whose first bytes are the preface */
  constructor(source: ByteSource, options: { expectPreface: boolean }) {
    this.#source = source;
    this.#prefaceBytesLeft = options.expectPreface ? CLIENT_PREFACE.length : 0;
  }

  /** Bytes that came in so far. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Whether a frame has begun and not ended. */
  get insideFrame(): boolean {
    return this.#end > this.#start;
  }

  /** Whether as much was handled since `startTurn` as may be before others have their turn. */
  get turnOver(): boolean {
    return this.#turnFrames >= TURN_FRAMES_MAX || this.#turnBytes >= TURN_BYTES_MAX;
  }

  /** Counts anew; `drain` goes on with the frames that are left. */
  startTurn(): void {
    this.#turnBytes = 0;
    this.#turnFrames = 0;
  }

  /**
   * Reads once more from the source; false at its end.
   *
   * @throws {Http2Error} PROTOCOL_ERROR when the peer has answered as TLS does to who does not speak it.
   */
  async fill(): Promise<boolean> {
    this.#makeRoom();
    const buffer = this.#buffer;
    const room = this.#end === 0 ? buffer : buffer.subarray(this.#end);
    const count = await this.#source.read(room);
    if (count === null) {
      // An alert is shorter than a frame's header.
      rejectTlsAlert(this.#buffer, this.#start, this.#end);
      return false;
    }
    this.#end += count;
    this.#bytesRead += count;
    this.#turnBytes += count;
    return true;
  }

  /**
   * Hands every complete frame in the buffer to the sink, as many of them as a turn may have.
   *
   * @throws {Http2Error} FRAME_SIZE_ERROR for a frame too large, and what the sink throws; after a
   * throw of the sink the frame counts as consumed.
   */
  drain(sink: FrameSink): void {
    const bytes = this.#buffer;
    while (this.#end - this.#start >= FRAME_HEADER_BYTES && this.#turnFrames < TURN_FRAMES_MAX) {
      const at = this.#start;
      const length = (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
      if (length > FRAME_BYTES_MAX_DEFAULT) {
        rejectTlsAlert(bytes, at, this.#end);
        throw Http2Error.connection(
          ErrorCode.FRAME_SIZE_ERROR,
          `frame of ${length} bytes, at most ${FRAME_BYTES_MAX_DEFAULT} allowed`,
        );
      }
      const payload = at + FRAME_HEADER_BYTES;
      const next = payload + length;
      if (next > this.#end) return;
      this.#start = next;
      this.#turnFrames++;
      sink.onFrame(bytes[at + 3], bytes[at + 4], readUint31(bytes, at + 5), bytes, payload, next);
    }
  }

  /**
   * Takes the client preface off the front of the bytes, as far as it is there.
   *
   * @returns whether all of it has been seen, or none was expected
   * @throws {Http2Error} PROTOCOL_ERROR at the first byte that differs.
   */
  takePreface(): boolean {
    const from = CLIENT_PREFACE.length - this.#prefaceBytesLeft;
    const count = Math.min(this.#prefaceBytesLeft, this.#end - this.#start);
    for (let i = 0; i < count; i++) {
      if (this.#buffer[this.#start + i] !== CLIENT_PREFACE[from + i]) {
        throw Http2Error.connection(
          ErrorCode.PROTOCOL_ERROR,
          "connection does not start with the HTTP/2 client preface",
        );
      }
    }
    this.#start += count;
    this.#prefaceBytesLeft -= count;
    return this.#prefaceBytesLeft === 0;
  }

  #makeRoom(): void {
    const capacity = this.#buffer.length;
    if (this.#end === capacity && capacity < BUFFER_BYTES_MAX) {
      // More was there than there was room for: also when a frame was cut in two by it.
      this.#moveTo(new Uint8Array(Math.min(capacity * 4, BUFFER_BYTES_MAX)));
    } else if (this.#end > this.#start) {
      if (this.#start > 0) this.#moveTo(this.#buffer);
    } else {
      if (capacity > BUFFER_BYTES_MIN) this.#shrinkAfterSmallReads();
      this.#start = 0;
      this.#end = 0;
    }
  }

  #shrinkAfterSmallReads(): void {
    if (this.#end * SMALL_READ_PARTS >= this.#buffer.length) {
      this.#smallReads = 0;
    } else if (++this.#smallReads === SMALL_READS_MAX) {
      this.#buffer = new Uint8Array(BUFFER_BYTES_MIN);
      this.#smallReads = 0;
    }
  }

  #moveTo(target: Uint8Array<ArrayBuffer>): void {
    target.set(this.#buffer.subarray(this.#start, this.#end));
    this.#end -= this.#start;
    this.#start = 0;
    this.#buffer = target;
  }
}

/** A TLS alert record, of which no frame header begins as: its length would be 1 377 024 or more. */
function rejectTlsAlert(bytes: Uint8Array, start: number, end: number): void {
  // ContentType alert, then the record's version 3.x. Source: RFC 8446 §5.1.
  if (end - start < 3 || bytes[start] !== 21 || bytes[start + 1] !== 3) return;
  throw Http2Error.connection(ErrorCode.PROTOCOL_ERROR, "the peer speaks TLS");
}
