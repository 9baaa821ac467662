import type { Codec } from "../../lib/grpc/codec.ts";
import type { Method } from "../../lib/grpc/service.ts";

const bytesCodec: Codec<Uint8Array> = {
  decode: (bytes, start, end) => bytes.slice(start, end),
  encodedBytesMax: ({ length }) => length,
  encode: (message, bytes, offset) => {
    bytes.set(message, offset);
    return offset + message.length;
  },
};

/** A method whose messages are bytes, without a message format around them. */
export const bytesEcho: Method<"unary", Uint8Array, Uint8Array> = {
  kind: "unary",
  path: "/bench.Bytes/Echo",
  request: bytesCodec,
  response: bytesCodec,
};
