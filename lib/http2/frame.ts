/** Frame types, flags and the frame header. Source: RFC 9113 §4.1 and §6. */

/** Frame types. Types not listed here are ignored, as RFC 9113 §5.5 demands. */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

/** Frame flags; `END_STREAM` and `ACK` share a bit, on different frame types. */
export const Flag = {
  END_STREAM: 0x1,
  ACK: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** Length (24 bits), type (8), flags (8), reserved bit, stream identifier (31). Source: RFC 9113 §4.1. */
export const FRAME_HEADER_BYTES = 9;

/** The largest payload a peer may send before it is told otherwise. Source: RFC 9113 §6.5.2. */
export const FRAME_BYTES_MAX_DEFAULT = 16_384;

/** The largest value of SETTINGS_MAX_FRAME_SIZE. Source: RFC 9113 §6.5.2. */
export const FRAME_BYTES_MAX_LIMIT = 16_777_215;

/** The largest stream identifier; also what the first GOAWAY of a graceful shutdown names. Source: RFC 9113 §5.1.1. */
export const STREAM_ID_MAX = 0x7fff_ffff;

/** What a client sends first. Source: RFC 9113 §3.4. */
export const CLIENT_PREFACE: Uint8Array = new TextEncoder().encode(
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
);

/** Reads an unsigned 32-bit big-endian integer; the caller has checked that 4 bytes are there. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] << 24) | (bytes[offset + 1] << 16) | (bytes[offset + 2] << 8) |
    bytes[offset + 3]) >>> 0;
}

/** Reads a 31-bit big-endian integer, ignoring the reserved top bit (stream ids, window increments). */
export function readUint31(bytes: Uint8Array, offset: number): number {
  return readUint32(bytes, offset) & STREAM_ID_MAX;
}
