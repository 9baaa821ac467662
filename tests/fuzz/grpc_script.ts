import { HeaderField } from "../../lib/http2/hpack/header_field.ts";
import { join } from "../http2/wire.ts";
import type { Random } from "./random.ts";
import { concatenated } from "./wire_builder.ts";

export const field = (name: string, value: string) => new HeaderField(name, value);

/** Fields that gRPC gives a meaning to, and values that are right, odd and wrong. */
export const REQUEST_FIELDS: readonly HeaderField[] = [
  field("grpc-timeout", "1S"),
  field("grpc-timeout", "99999999H"),
  field("grpc-timeout", "0n"),
  field("grpc-timeout", "1.5S"),
  field("grpc-timeout", "123456789S"),
  field("grpc-encoding", "identity"),
  field("grpc-encoding", "gzip"),
  field("grpc-encoding", "snappy"),
  field("grpc-accept-encoding", "identity,gzip"),
  field("k-bin", "AAEC/w=="),
  field("k-bin", "AAE,AAEC,"),
  field("k-bin", "*"),
  field("k", "text"),
  field("grpc-previous-rpc-attempts", "1"),
  field("grpc-message", "%20%"),
  field("content-length", "20"),
  field("user-agent", "a\u00ff"),
];

/**
 * Messages with their prefixes: mostly one, mostly right; else none, several, or a prefix that lies.
 */
export function prefixed(random: Random, messages: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const count = random.oneIn(3) ? random.length(8) : 1;
  for (let i = 0; i < count; i++) {
    const message = random.oneIn(6)
      ? random.bytes(random.length(random.oneIn(16) ? 5_000 : 200))
      : random.pick(messages);
    const flag = random.oneIn(32) ? random.below(4) : 0;
    const length = random.oneIn(32) ? random.edge() : message.length;
    parts.push(
      Uint8Array.of(flag, length >>> 24, length >>> 16, length >>> 8, length),
      message,
    );
  }
  return concatenated(parts);
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

/** Requests of ModelServer and of test.Echo; each is read as the other, too. */
export const REQUEST_MESSAGES: readonly Uint8Array[] = [
  join([0x0a, 12], floats(1, 2, 3)),
  join([0x0a, 4], floats(NaN)),
  join([0x0d], floats(1)),
  join([0x0a, 3], new TextEncoder().encode("abc"), [0x18, 3]),
  join([0x12, 100], new Uint8Array(100), [0x18, 9]),
  join([0x18], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
  new Uint8Array(0),
];
