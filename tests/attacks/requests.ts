/** What attackers send, as bytes made once: an attack is as fast as its attacker. */

import {
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  literalBlock,
  Type,
} from "../http2/wire.ts";

const encoder = new TextEncoder();

/** Puts byte arrays one behind the other. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The same bytes again and again. */
export function repeat(part: Uint8Array, count: number): Uint8Array<ArrayBuffer> {
  return concat(Array.from({ length: count }, () => part));
}

/** What `make` gives for each of `count` new streams. */
export function onStreams(
  attacker: { takeId(): number },
  count: number,
  make: (id: number) => Uint8Array,
): Uint8Array<ArrayBuffer> {
  return concat(Array.from({ length: count }, () => make(attacker.takeId())));
}

/** The header block of a call without anything wrong, with fields behind it. */
export function callBlock(
  path: string,
  ...more: readonly (readonly [string, string])[]
): Uint8Array {
  return literalBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    ["te", "trailers"],
    ["content-type", "application/grpc"],
    ...more,
  ]);
}

export const PREDICT = "/ModelServer/Predict";
export const ECHO_UNARY = "/test.Echo/Unary";
export const ECHO_EXPAND = "/test.Echo/Expand";
export const ECHO_CHAT = "/test.Echo/Chat";

/** A gRPC message; `length` is what its prefix says, the truth by default. */
export function message(bytes: Uint8Array, length = bytes.length): Uint8Array {
  const prefixed = new Uint8Array(5 + bytes.length);
  new DataView(prefixed.buffer).setUint32(1, length);
  prefixed.set(bytes, 5);
  return prefixed;
}

/** `PredictRequest` of the inputs 1, 1, 1. */
export const PREDICT_MESSAGE = message(
  Uint8Array.of(10, 12, 0, 0, 128, 63, 0, 0, 128, 63, 0, 0, 128, 63),
);

/** A `test.Note` with a text, and a count of up to 127. */
export function note(text: string, count = 0): Uint8Array {
  const bytes = encoder.encode(text);
  return message(concat([Uint8Array.of(10, bytes.length), bytes, Uint8Array.of(24, count)]));
}

/** A whole call. */
export function call(id: number, block: Uint8Array, body: Uint8Array): Uint8Array {
  return concat([headers(id, block), data(id, body, END_STREAM)]);
}

export function ping(): Uint8Array {
  return frame(Type.PING, 0, 0, 8);
}

export function priority(id: number, dependsOn: number): Uint8Array {
  return frame(
    Type.PRIORITY,
    0,
    id,
    Uint8Array.of(dependsOn >>> 24, dependsOn >>> 16, dependsOn >>> 8, dependsOn, 1),
  );
}

export function continuation(id: number, fragment: Uint8Array | number, flags = 0): Uint8Array {
  return frame(Type.CONTINUATION, flags, id, fragment);
}

/** A string literal that is not Huffman-coded. Source: RFC 7541 §5.2. */
function literal(text: string): Uint8Array {
  const bytes = encoder.encode(text);
  if (bytes.length < 127) return concat([Uint8Array.of(bytes.length), bytes]);
  const rest = bytes.length - 127;
  return concat([Uint8Array.of(127, 128 + rest % 128, rest >>> 7), bytes]);
}

/** A literal of up to 16 KiB that goes into the table: it is NEWEST_ENTRY then. Source: RFC 7541 §6.2.1. */
export function indexedLiteral(name: string, value: string): Uint8Array {
  return concat([Uint8Array.of(0x40), literal(name), literal(value)]);
}

/** The one octet that stands for the newest entry of the table. */
export const NEWEST_ENTRY = 0x80 | 62;

/** HEADERS that begin a block and do not end it. */
export function openHeaders(id: number, fragment: Uint8Array | number = 0, flags = 0): Uint8Array {
  return frame(Type.HEADERS, flags & ~END_HEADERS, id, fragment);
}

/** Gives the items in turn, for ever: attacks of a storm are each of another kind. */
export function cycle<Item>(items: readonly Item[]): () => Item {
  let next = 0;
  return () => items[next++ % items.length];
}
