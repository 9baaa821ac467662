import { gunzip } from "./gzip.ts";
import { Code, GrpcError } from "./status.ts";

/** A message that came with its compressed flag set, as it came: nobody reads it by mistake. */
export class CompressedMessage {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** The bytes that came, compressed. */
  get length(): number {
    return this.bytes.length;
  }

  /** @throws {GrpcError} RESOURCE_EXHAUSTED past `bytesMax`, INTERNAL for damaged bytes. */
  decompress(bytesMax: number): Uint8Array {
    return gunzip(this.bytes, bytesMax);
  }
}

/** A message as it comes out of its prefix. */
export type ReceivedMessage = Uint8Array | CompressedMessage;

/**
 * Makes sure that a message is compressed only where that was agreed on.
 *
 * Source: gRPC doc/compression.md, test case 6.
 *
 * @param encoding what the head of the messages named
 * @throws {GrpcError} INTERNAL for a compressed message without an encoding.
 */
export function assertEncoded(message: ReceivedMessage, encoding: "gzip" | undefined): void {
  if (encoding !== undefined || !(message instanceof CompressedMessage)) return;
  throw new GrpcError(
    Code.INTERNAL,
    "Cannot read message: its compressed flag is 1, but no grpc-encoding was agreed on",
  );
}
