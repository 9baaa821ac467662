import type { Codec } from "./codec.ts";
import { Code, GrpcError } from "./status.ts";

/**
 * Decodes the message in `bytes[start, end)`; how a codec fails is its own affair.
 *
 * @param what the message's part in its call, for the error
 * @throws {GrpcError} INTERNAL, as doc/statuscodes.md has it for a message that cannot be parsed.
 */
export function decodeMessage<Message>(
  codec: Codec<Message>,
  bytes: Uint8Array,
  start: number,
  end: number,
  what: "request" | "response",
): Message {
  try {
    return codec.decode(bytes, start, end);
  } catch (error) {
    if (error instanceof GrpcError) throw error;
    throw new GrpcError(Code.INTERNAL, `Cannot read ${what}: not a message of the method's type`, {
      cause: error,
    });
  }
}
