import { Code, GrpcError } from "./status.ts";

/** A compressed flag and a 32-bit length stand before every message. Source: doc/PROTOCOL-HTTP2.md. */
export const PREFIX_BYTES = 5;

/** The compressed flag of a message, uncompressed or not. */
const PLAIN = 0;
const COMPRESSED = 1;

/** Writes the prefix of an uncompressed message at `offset`. */
export function writePrefix(bytes: Uint8Array, offset: number, messageBytes: number): void {
  bytes[offset] = PLAIN;
  bytes[offset + 1] = messageBytes >>> 24;
  bytes[offset + 2] = messageBytes >>> 16;
  bytes[offset + 3] = messageBytes >>> 8;
  bytes[offset + 4] = messageBytes;
}

/** Sets the compressed flag of the prefix at `offset`. */
export function markCompressed(bytes: Uint8Array, offset: number): void {
  bytes[offset] = COMPRESSED;
}

/**
 * Reads the compressed flag of the prefix at `offset`.
 *
 * @throws {GrpcError} INTERNAL for a flag that stands for nothing.
 */
export function readCompressedFlag(bytes: Uint8Array, offset: number): boolean {
  const flag = bytes[offset];
  if (flag === PLAIN || flag === COMPRESSED) return flag === COMPRESSED;
  throw new GrpcError(
    Code.INTERNAL,
    `Cannot read message: its compressed flag is ${flag}, need 0 or 1`,
  );
}

/**
 * Reads the length of the message whose prefix is at `offset`, as it was sent: compressed or not.
 *
 * @returns the length, in bytes
 * @throws {GrpcError} RESOURCE_EXHAUSTED for a message over `messageBytesMax`.
 */
export function readLength(bytes: Uint8Array, offset: number, messageBytesMax: number): number {
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

/** Whether `bytes[start, end)` is exactly one length-prefixed message, and not compressed. */
export function isWholeMessage(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start - PREFIX_BYTES;
  return length >= 0 && bytes[start] === PLAIN &&
    length === ((bytes[start + 1] << 24) | (bytes[start + 2] << 16) |
        (bytes[start + 3] << 8) | bytes[start + 4]);
}
