import type { Codec } from "../../lib/grpc/codec.ts";
import { PREFIX_BYTES, writePrefix } from "../../lib/grpc/message_prefix.ts";

/** The body of a gRPC request: one message, not compressed. */
export function grpcBody<Message>(codec: Codec<Message>, message: Message): Uint8Array {
  const bytes = new Uint8Array(PREFIX_BYTES + codec.encodedBytesMax(message));
  const end = codec.encode(message, bytes, PREFIX_BYTES);
  writePrefix(bytes, 0, end - PREFIX_BYTES);
  return bytes.subarray(0, end);
}
