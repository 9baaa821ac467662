import {
  ACK,
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  goaway,
  headers,
  join,
  PADDED,
  PRIORITY,
  REQUEST,
  reset,
  settings,
  uint32,
  windowUpdate,
} from "./wire.ts";

const WHOLE = END_HEADERS | END_STREAM;
/** A request whose body is still to come, one that is over, and one whose body alone is over. */
const OPEN = headers(1, REQUEST);
const OVER = headers(1, REQUEST, WHOLE);
const UNANSWERED = headers(3, REQUEST, WHOLE);

/** Frames that a client sends, and what the server says to them. */
export interface Rule {
  readonly what: string;
  readonly frames: readonly Uint8Array[];
  /** `GOAWAY code`, `RST_STREAM code of stream`, or nothing where the frames are fine or ignored. */
  readonly verdict?: string;
}

const SIZES: readonly Rule[] = [
  { what: "a frame over 16384 bytes", frames: [frame(200, 0, 0, 16_385)], verdict: "GOAWAY 6" },
  { what: "an unknown frame of 16384 bytes", frames: [frame(200, 255, 9, 16_384)] },
  { what: "an unknown frame on an idle stream", frames: [frame(77, 1, 2)] },
  { what: "SETTINGS of 5 bytes", frames: [frame(4, 0, 0, 5)], verdict: "GOAWAY 6" },
  { what: "SETTINGS ACK of 6 bytes", frames: [frame(4, ACK, 0, 6)], verdict: "GOAWAY 6" },
  { what: "PING of 7 bytes", frames: [frame(6, 0, 0, 7)], verdict: "GOAWAY 6" },
  { what: "PING of 9 bytes", frames: [frame(6, 0, 0, 9)], verdict: "GOAWAY 6" },
  { what: "GOAWAY of 7 bytes", frames: [frame(7, 0, 0, 7)], verdict: "GOAWAY 6" },
  { what: "WINDOW_UPDATE of 3 bytes", frames: [frame(8, 0, 0, 3)], verdict: "GOAWAY 6" },
  { what: "RST_STREAM of 5 bytes", frames: [OPEN, frame(3, 0, 1, 5)], verdict: "GOAWAY 6" },
  {
    what: "PRIORITY of 4 bytes on an open stream",
    frames: [OPEN, frame(2, 0, 1, 4)],
    verdict: "RST_STREAM 6 of 1",
  },
  {
    what: "PRIORITY of 4 bytes on an idle stream",
    frames: [frame(2, 0, 7, 4)],
    verdict: "GOAWAY 6",
  },
  {
    what: "HEADERS too short for its priority",
    frames: [headers(1, REQUEST.slice(0, 4), PRIORITY)],
    verdict: "GOAWAY 6",
  },
  { what: "padded DATA of no bytes", frames: [OPEN, data(1, 0, PADDED)], verdict: "GOAWAY 6" },
  { what: "padded HEADERS of no bytes", frames: [frame(1, PADDED, 1)], verdict: "GOAWAY 6" },
];

const STREAM_IDS: readonly Rule[] = [
  { what: "DATA on stream 0", frames: [data(0, 1)], verdict: "GOAWAY 1" },
  { what: "HEADERS on stream 0", frames: [headers(0, REQUEST)], verdict: "GOAWAY 1" },
  { what: "HEADERS on an even stream", frames: [headers(2, REQUEST)], verdict: "GOAWAY 1" },
  { what: "PRIORITY on stream 0", frames: [frame(2, 0, 0, 5)], verdict: "GOAWAY 1" },
  { what: "RST_STREAM on stream 0", frames: [reset(0, 8)], verdict: "GOAWAY 1" },
  { what: "SETTINGS on stream 1", frames: [frame(4, 0, 1)], verdict: "GOAWAY 1" },
  { what: "PING on stream 1", frames: [frame(6, 0, 1, 8)], verdict: "GOAWAY 1" },
  { what: "GOAWAY on stream 1", frames: [frame(7, 0, 1, 8)], verdict: "GOAWAY 1" },
  { what: "CONTINUATION on stream 0", frames: [frame(9, 4, 0)], verdict: "GOAWAY 1" },
  { what: "a lower stream id", frames: [headers(5, REQUEST), OPEN], verdict: "GOAWAY 5" },
  { what: "the reserved bit of a stream id", frames: [headers(2 ** 31 + 1, REQUEST)] },
  { what: "the highest stream id", frames: [headers(2 ** 31 - 1, REQUEST)] },
];

const STATES: readonly Rule[] = [
  { what: "DATA on an idle stream", frames: [data(1, 1)], verdict: "GOAWAY 1" },
  { what: "RST_STREAM on an idle stream", frames: [reset(1, 8)], verdict: "GOAWAY 1" },
  { what: "WINDOW_UPDATE on an idle stream", frames: [windowUpdate(1, 1)], verdict: "GOAWAY 1" },
  { what: "PRIORITY on an idle stream", frames: [frame(2, 0, 1, 5)] },
  { what: "DATA on a closed stream", frames: [OVER, data(1, 1)], verdict: "RST_STREAM 5 of 1" },
  { what: "HEADERS on a closed stream", frames: [OVER, OVER], verdict: "GOAWAY 5" },
  { what: "WINDOW_UPDATE on a closed stream", frames: [OVER, windowUpdate(1, 1)] },
  { what: "WINDOW_UPDATE by 0 on a closed stream", frames: [OVER, windowUpdate(1, 0)] },
  { what: "RST_STREAM on a closed stream", frames: [OVER, reset(1, 8)] },
  { what: "PRIORITY on a closed stream", frames: [OVER, frame(2, 0, 1, 5)] },
  {
    what: "DATA after RST_STREAM",
    frames: [OPEN, reset(1, 8), data(1, 1)],
    verdict: "RST_STREAM 5 of 1",
  },
  { what: "DATA after END_STREAM", frames: [UNANSWERED, data(3, 1)], verdict: "RST_STREAM 5 of 3" },
  {
    what: "HEADERS after END_STREAM",
    frames: [UNANSWERED, headers(3, REQUEST, WHOLE)],
    verdict: "RST_STREAM 5 of 3",
  },
  { what: "WINDOW_UPDATE after END_STREAM", frames: [UNANSWERED, windowUpdate(3, 1)] },
  {
    what: "PUSH_PROMISE",
    frames: [OPEN, frame(5, 4, 1, join(uint32(2), REQUEST))],
    verdict: "GOAWAY 1",
  },
  { what: "GOAWAY", frames: [goaway(0, 0, "bye"), OVER] },
  { what: "SETTINGS ACK for nothing", frames: [frame(4, ACK, 0)] },
  { what: "PING ACK for nothing", frames: [frame(6, ACK, 0, 8)] },
];

const CONTINUATIONS: readonly Rule[] = [
  { what: "CONTINUATION without HEADERS", frames: [frame(9, 4, 1)], verdict: "GOAWAY 1" },
  { what: "CONTINUATION after END_HEADERS", frames: [OPEN, frame(9, 4, 1)], verdict: "GOAWAY 1" },
  {
    what: "DATA inside a header block",
    frames: [headers(1, REQUEST, 0), data(1, 1)],
    verdict: "GOAWAY 1",
  },
  {
    what: "PING inside a header block",
    frames: [headers(1, REQUEST, 0), frame(6, 0, 0, 8)],
    verdict: "GOAWAY 1",
  },
  {
    what: "an unknown frame inside a header block",
    frames: [headers(1, REQUEST, 0), frame(99, 0, 1)],
    verdict: "GOAWAY 1",
  },
  {
    what: "HEADERS inside a header block",
    frames: [headers(1, REQUEST, 0), headers(1, REQUEST)],
    verdict: "GOAWAY 1",
  },
  {
    what: "CONTINUATION of another stream",
    frames: [headers(1, REQUEST, 0), frame(9, 4, 3)],
    verdict: "GOAWAY 1",
  },
  {
    what: "a header block that HPACK cannot decode",
    frames: [headers(1, Uint8Array.of(0xff, 0xff))],
    verdict: "GOAWAY 9",
  },
];

const PADDING: readonly Rule[] = [
  { what: "DATA of padding alone", frames: [OPEN, data(1, Uint8Array.of(3, 0, 0, 0), PADDED)] },
  {
    what: "DATA with padding past its end",
    frames: [OPEN, data(1, Uint8Array.of(4, 0, 0, 0), PADDED)],
    verdict: "GOAWAY 1",
  },
  {
    what: "HEADERS with padding past its end",
    frames: [headers(1, Uint8Array.of(9, 0x82), END_HEADERS | PADDED)],
    verdict: "GOAWAY 1",
  },
];

const DEPENDS_ON_ITSELF = join(uint32(1), [0]);
const PRIORITIES: readonly Rule[] = [
  {
    what: "HEADERS that depend on themselves",
    frames: [headers(1, join(DEPENDS_ON_ITSELF, REQUEST), END_HEADERS | PRIORITY)],
    verdict: "GOAWAY 1",
  },
  {
    what: "PRIORITY of an open stream on itself",
    frames: [OPEN, frame(2, 0, 1, DEPENDS_ON_ITSELF)],
    verdict: "RST_STREAM 1 of 1",
  },
  {
    what: "PRIORITY of an idle stream on itself",
    frames: [frame(2, 0, 1, DEPENDS_ON_ITSELF)],
    verdict: "GOAWAY 1",
  },
];

const SETTINGS_VALUES: readonly Rule[] = [
  { what: "ENABLE_PUSH 1", frames: [settings([2, 1])] },
  { what: "ENABLE_PUSH 2", frames: [settings([2, 2])], verdict: "GOAWAY 1" },
  { what: "INITIAL_WINDOW_SIZE 2^31-1", frames: [settings([4, 2 ** 31 - 1])] },
  { what: "INITIAL_WINDOW_SIZE 2^31", frames: [settings([4, 2 ** 31])], verdict: "GOAWAY 3" },
  { what: "MAX_FRAME_SIZE 16383", frames: [settings([5, 16_383])], verdict: "GOAWAY 1" },
  { what: "MAX_FRAME_SIZE 2^24-1", frames: [settings([5, 2 ** 24 - 1])] },
  { what: "MAX_FRAME_SIZE 2^24", frames: [settings([5, 2 ** 24])], verdict: "GOAWAY 1" },
  { what: "HEADER_TABLE_SIZE 2^32-1", frames: [settings([1, 2 ** 32 - 1]), OVER] },
  { what: "an unknown setting", frames: [settings([0xf0f0, 7])] },
  {
    what: "a window past 2^31-1 by SETTINGS",
    frames: [UNANSWERED, windowUpdate(3, 2 ** 31 - 65_536), settings([4, 65_536])],
    verdict: "GOAWAY 3",
  },
];

const WINDOWS: readonly Rule[] = [
  {
    what: "WINDOW_UPDATE of the connection by 0",
    frames: [windowUpdate(0, 0)],
    verdict: "GOAWAY 1",
  },
  {
    what: "WINDOW_UPDATE of a stream by 0",
    frames: [OPEN, windowUpdate(1, 0)],
    verdict: "RST_STREAM 1 of 1",
  },
  { what: "a connection window of 2^31-1", frames: [windowUpdate(0, 2 ** 31 - 65_536)] },
  {
    what: "a connection window of 2^31",
    frames: [windowUpdate(0, 2 ** 31 - 65_535)],
    verdict: "GOAWAY 3",
  },
  { what: "a stream window of 2^31-1", frames: [OPEN, windowUpdate(1, 2 ** 31 - 65_536)] },
  {
    what: "a stream window of 2^31",
    frames: [OPEN, windowUpdate(1, 2 ** 31 - 65_535)],
    verdict: "RST_STREAM 3 of 1",
  },
];

/** Rules by their subject. Stream 3 is never answered, others as soon as the request has ended. */
export const FRAME_RULES = {
  SIZES,
  STREAM_IDS,
  STATES,
  CONTINUATIONS,
  PADDING,
  PRIORITIES,
  SETTINGS_VALUES,
  WINDOWS,
};
