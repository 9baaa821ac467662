/** HTTP/2 frames as bytes, written down apart from the code under test. Source: RFC 9113 §4.1, §6. */

/** A frame as it stands on the wire. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

export const Type = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const END_STREAM = 0x1;
export const ACK = 0x1;
export const END_HEADERS = 0x4;
export const PADDED = 0x8;
export const PRIORITY = 0x20;

export const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function join(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A frame; `payload` may be a number of zero bytes. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array | number = 0,
): Uint8Array {
  const bytes = typeof payload === "number" ? new Uint8Array(payload) : payload;
  const whole = new Uint8Array(9 + bytes.length);
  whole.set([bytes.length >>> 16, bytes.length >>> 8, bytes.length, type, flags]);
  whole.set(uint32(streamId), 5);
  whole.set(bytes, 9);
  return whole;
}

export function settings(...values: readonly (readonly [number, number])[]): Uint8Array {
  const parts = values.map(([id, value]) => join([id >>> 8, id], uint32(value)));
  return frame(Type.SETTINGS, 0, 0, join(...parts));
}

export function headers(streamId: number, block: Uint8Array, flags = END_HEADERS): Uint8Array {
  return frame(Type.HEADERS, flags, streamId, block);
}

export function data(streamId: number, payload: Uint8Array | number, flags = 0): Uint8Array {
  return frame(Type.DATA, flags, streamId, payload);
}

export function windowUpdate(streamId: number, increment: number): Uint8Array {
  return frame(Type.WINDOW_UPDATE, 0, streamId, uint32(increment));
}

export function reset(streamId: number, code: number): Uint8Array {
  return frame(Type.RST_STREAM, 0, streamId, uint32(code));
}

export function goaway(lastId: number, code: number, message = ""): Uint8Array {
  const text = new TextEncoder().encode(message);
  return frame(Type.GOAWAY, 0, 0, join(uint32(lastId), uint32(code), text));
}

/** The first frame of `bytes`, or `undefined` while it is not complete. */
export function firstFrame(bytes: Uint8Array): Frame | undefined {
  if (bytes.length < 9) return undefined;
  const length = bytes[0] * 65_536 + bytes[1] * 256 + bytes[2];
  if (bytes.length < 9 + length) return undefined;
  return {
    type: bytes[3],
    flags: bytes[4],
    streamId: valueOf(bytes.subarray(5, 9)) % 2 ** 31,
    payload: bytes.slice(9, 9 + length),
  };
}

/** The first four bytes of a payload as a number: an error code, an increment, a last stream. */
export function valueOf(payload: Uint8Array, offset = 0): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(offset);
}

/** A header block of literals that leave the table alone. Source: RFC 7541 §6.2.2. */
export function literalBlock(fields: readonly (readonly [string, string])[]): Uint8Array {
  return join(
    ...fields.map(([name, value]) => join([0], literalString(name), literalString(value))),
  );
}

function literalString(text: string): Uint8Array {
  const length = [];
  if (text.length < 127) {
    length.push(text.length);
  } else {
    length.push(127);
    let rest = text.length - 127;
    for (; rest >= 128; rest = Math.floor(rest / 128)) length.push(128 + rest % 128);
    length.push(rest);
  }
  return join(length, Uint8Array.from(text, (unit) => unit.charCodeAt(0)));
}

/** A request without anything wrong. */
export const REQUEST = literalBlock([
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/"],
]);

/** The head of a response without anything wrong: `:status: 200` out of the static table. */
export const RESPONSE = Uint8Array.of(0x88);
