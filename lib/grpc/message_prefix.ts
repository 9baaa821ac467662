import { Code, GrpcError } from "./status.ts";

/** A compressed flag and a 32-bit length stand before every message. Source: doc/PROTOCOL-HTTP2.md. */
export const PREFIX_BYTES = 5;

/** Writes the prefix of an uncompressed message at `offset`. */
export function writePrefix(bytes: Uint8Array, offset: number, messageBytes: number): void {
  bytes[offset] = 0;
  bytes[offset + 1] = messageBytes >>> 24;
  bytes[offset + 2] = messageBytes >>> 16;
  bytes[offset + 3] = messageBytes >>> 8;
  bytes[offset + 4] = messageBytes;
}

/**
 * Reads the prefix at `offset`.
 *
 * @returns the length of the message, in bytes
 * @throws {GrpcError} INTERNAL for a flag that promises what we did not agree to, RESOURCE_EXHAUSTED
 * for a message over `messageBytesMax`.
 */
export function readPrefix(bytes: Uint8Array, offset: number, messageBytesMax: number): number {
  const flag = bytes[offset];
  if (flag !== 0) {
    throw new GrpcError(
      Code.INTERNAL,
      flag === 1
        ? "Cannot read message: it is compressed, but no grpc-encoding was agreed on"
        : `Cannot read message: its compressed flag is ${flag}, need 0 or 1`,
    );
  }
  const length = bytes[offset + 1] * 0x1000000 + (bytes[offset + 2] << 16) +
    (bytes[offset + 3] << 8) + bytes[offset + 4];
  if (length > messageBytesMax) {
    throw new GrpcError(
      Code.RESOURCE_EXHAUSTED,
      `Cannot read message: ${length} bytes, at most ${messageBytesMax} are accepted`,
    );
  }
  return length;
}

/** Whether `bytes[start, end)` is exactly one length-prefixed message. */
export function isWholeMessage(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start - PREFIX_BYTES;
  return length >= 0 && length === ((bytes[start + 1] << 24) | (bytes[start + 2] << 16) |
        (bytes[start + 3] << 8) | bytes[start + 4]);
}
