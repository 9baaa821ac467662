import type { DataEncoder } from "../http2/stream.ts";
import type { Codec } from "./codec.ts";
import { gzip } from "./gzip.ts";
import { MESSAGE_BUFFERS, POOLED_BYTES_MIN } from "./message_buffers.ts";
import { markCompressed, PREFIX_BYTES, writePrefix } from "./message_prefix.ts";

/** A stream that messages go out on; both ends of a call have one. */
export interface MessageStream {
  encodeData(bytesMax: number, encoder: DataEncoder, endStream: boolean): boolean;
  sendData(chunk: Uint8Array, endStream: boolean, onUnused?: () => void): void;
}

/** Encodes the message at hand; one for the thread, since encoding never waits. */
class PrefixedMessage implements DataEncoder {
  codec: Codec<unknown> | undefined;
  message: unknown;

  encodeData(buffer: Uint8Array, offset: number): number {
    if (this.codec === undefined) throw new TypeError("no message to encode");
    const start = offset + PREFIX_BYTES;
    const end = this.codec.encode(this.message, buffer, start);
    writePrefix(buffer, offset, end - start);
    return end;
  }
}

const outgoing = new PrefixedMessage();

/**
 * Sends one length-prefixed message: straight into the connection's output where flow control lets
 * all of it through, else by way of a buffer of its own.
 *
 * @throws what the codec throws for a message that it cannot encode; nothing was sent then.
 */
export function sendMessage<Message>(
  stream: MessageStream,
  codec: Codec<Message>,
  message: Message,
  options: { endStream: boolean },
): void {
  const bytesMax = codec.encodedBytesMax(message) + PREFIX_BYTES;
  outgoing.codec = codec as Codec<unknown>;
  outgoing.message = message;
  try {
    if (stream.encodeData(bytesMax, outgoing, options.endStream)) return;
    sendEncoded(stream, bytesMax, options.endStream);
  } finally {
    outgoing.message = undefined;
  }
}

/** Sends the message at hand by way of a buffer, that of a long one from the pool. */
function sendEncoded(stream: MessageStream, bytesMax: number, endStream: boolean): void {
  if (bytesMax < POOLED_BYTES_MIN) {
    const bytes = new Uint8Array(bytesMax);
    return stream.sendData(bytes.subarray(0, outgoing.encodeData(bytes, 0)), endStream);
  }
  const buffer = MESSAGE_BUFFERS.take(bytesMax);
  const message = buffer.subarray(0, outgoing.encodeData(buffer, 0));
  stream.sendData(message, endStream, () => MESSAGE_BUFFERS.giveBack(buffer));
}

/**
 * Sends one length-prefixed message compressed with gzip, however little that saves: who asks for it
 * may have a peer that looks at the flag.
 *
 * @throws what the codec throws for a message that it cannot encode; nothing was sent then.
 */
export function sendCompressedMessage<Message>(
  stream: MessageStream,
  codec: Codec<Message>,
  message: Message,
  options: { endStream: boolean },
): void {
  const plain = new Uint8Array(codec.encodedBytesMax(message));
  const compressed = gzip(plain.subarray(0, codec.encode(message, plain, 0)));
  const bytes = new Uint8Array(PREFIX_BYTES + compressed.length);
  writePrefix(bytes, 0, compressed.length);
  markCompressed(bytes, 0);
  bytes.set(compressed, PREFIX_BYTES);
  stream.sendData(bytes, options.endStream);
}
