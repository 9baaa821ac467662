import assert from "node:assert/strict";
import { HpackDecoder } from "../../lib/http2/hpack/decoder.ts";
import type { HeaderList } from "../../lib/http2/hpack/header_field.ts";
import { Http2Error } from "../../lib/http2/http2_error.ts";
import { END_HEADERS, END_STREAM, PREFACE, Type, valueOf } from "../http2/wire.ts";

/** The largest frame that we send, however large the peer takes them. */
const FRAME_BYTES_MAX = 131_072;
const WINDOW_BYTES_DEFAULT = 65_535;
const SETTING_INITIAL_WINDOW_SIZE = 4;

/** A frame, its payload a view. */
interface FrameView {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Uint8Array;
}

/** A header section that was sent, and whether it ended its stream. */
export interface SentSection {
  readonly id: number;
  readonly fields: HeaderList;
  readonly end: boolean;
}

/** What an end of a connection said. */
export interface Answers {
  readonly sections: readonly SentSection[];
  /** The payloads of its DATA frames, by stream; views. */
  readonly bodies: ReadonlyMap<number, readonly Uint8Array[]>;
  /** The codes of its GOAWAYs. */
  readonly goaways: readonly number[];
  /** Whether its peer has said GOAWAY: it may have ended its side before it knew of an error. */
  readonly peerLeaves: boolean;
}

/**
 * Reads what an end of a connection has written, and checks that it is HTTP/2: whole frames, nothing
 * behind a stream's end, header blocks that decode, and no more data than `heard`, the peer's bytes,
 * can have given credit for.
 *
 * @param written may end within a frame only when `cut`
 */
export function checkAnswers(
  written: Uint8Array,
  heard: Uint8Array,
  options: { readonly cut: boolean },
): Answers {
  const decoder = new HpackDecoder(4096, 1 << 20);
  const credit = creditOf(heard);
  const sent = new Map<number, number>();
  const over = new Set<number>();
  const sections: SentSection[] = [];
  const bodies = new Map<number, Uint8Array[]>();
  const goaways: number[] = [];
  let sentBytes = 0;
  let open: { readonly id: number; readonly end: boolean; block: number[] } | undefined;
  const section = (id: number, block: Uint8Array, end: boolean) => {
    sections.push({ id, fields: decoder.decode(block, 0, block.length), end });
    if (end) over.add(id);
  };
  for (const { type, flags, id, payload } of framesOf(written, options)) {
    const end = (flags & END_STREAM) !== 0;
    assert.ok(payload.length <= FRAME_BYTES_MAX, `a frame of ${payload.length} bytes`);
    assert.equal(open !== undefined, type === Type.CONTINUATION, "a header block interrupted");
    if (type === Type.DATA || type === Type.HEADERS) {
      assert.ok(!over.has(id), `frame ${type} behind the end of stream ${id}`);
    }
    switch (type) {
      case Type.DATA: {
        const bytes = (sent.get(id) ?? 0) + payload.length;
        sent.set(id, bytes);
        const body = bodies.get(id) ?? [];
        body.push(payload);
        bodies.set(id, body);
        sentBytes += payload.length;
        assert.ok(sentBytes <= credit.connection, "data past the connection's window");
        assert.ok(bytes <= credit.stream(id), "data past the stream's window");
        if (end) over.add(id);
        break;
      }
      case Type.HEADERS:
        if ((flags & END_HEADERS) !== 0) section(id, payload, end);
        else open = { id, end, block: [...payload] };
        break;
      case Type.CONTINUATION:
        if (open === undefined) break;
        open.block.push(...payload);
        if ((flags & END_HEADERS) === 0) break;
        section(open.id, Uint8Array.from(open.block), open.end);
        open = undefined;
        break;
      case Type.RST_STREAM:
        assert.ok(id > 0 && payload.length === 4, "a reset of no stream");
        over.add(id);
        break;
      case Type.GOAWAY:
        goaways.push(valueOf(payload, 4));
        break;
      case Type.WINDOW_UPDATE:
        assert.ok(valueOf(payload) > 0, "a window update by 0");
        break;
      default:
        assert.ok(type === Type.SETTINGS || type === Type.PING, `a frame of type ${type}`);
    }
  }
  return { sections, bodies, goaways, peerLeaves: credit.leaves };
}

/** The most that flow control can have let through for what the peer has said, right or wrong. */
function creditOf(heard: Uint8Array) {
  let connection = WINDOW_BYTES_DEFAULT;
  let initial = WINDOW_BYTES_DEFAULT;
  let leaves = false;
  const streams = new Map<number, number>();
  for (const { type, id, payload } of framesOf(heard, { cut: true })) {
    if (type === Type.SETTINGS) {
      for (let at = 0; at + 6 <= payload.length; at += 6) {
        if (payload[at + 1] !== SETTING_INITIAL_WINDOW_SIZE || payload[at] !== 0) continue;
        initial = Math.max(initial, valueOf(payload, at + 2));
      }
    } else if (type === Type.WINDOW_UPDATE && payload.length >= 4) {
      const increment = valueOf(payload) % 2 ** 31;
      if (id === 0) connection += increment;
      else streams.set(id, (streams.get(id) ?? 0) + increment);
    } else if (type === Type.GOAWAY) {
      leaves = true;
    }
  }
  return { connection, leaves, stream: (id: number) => initial + (streams.get(id) ?? 0) };
}

/** The frames of a side's bytes, behind its preface if it has one. */
function* framesOf(bytes: Uint8Array, { cut }: { readonly cut: boolean }): Generator<FrameView> {
  let at = PREFACE.every((byte, i) => bytes[i] === byte) ? PREFACE.length : 0;
  while (bytes.length - at >= 9) {
    const length = bytes[at] * 65_536 + bytes[at + 1] * 256 + bytes[at + 2];
    if (bytes.length - at - 9 < length) break;
    yield {
      type: bytes[at + 3],
      flags: bytes[at + 4],
      id: valueOf(bytes, at + 5) % 2 ** 31,
      payload: bytes.subarray(at + 9, at + 9 + length),
    };
    at += 9 + length;
  }
  assert.ok(cut || at === bytes.length, "output that ends within a frame");
}

/**
 * Checks how a connection ended: an error is one of ours, and the peer is told of it once; without
 * one, or when it was the peer who would not go on, it is told nothing.
 */
export function checkEnd(error: Error | undefined, { goaways, peerLeaves }: Answers): void {
  if (error === undefined) return assert.deepEqual(goaways, []);
  if (/the server takes no more calls/.test(error.message)) return assert.deepEqual(goaways, []);
  if (!(error instanceof Http2Error)) throw error;
  assert.equal(error.scope, "connection");
  if (!peerLeaves || goaways.length > 0) assert.deepEqual(goaways, [error.code]);
}
