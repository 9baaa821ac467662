import type { Transport } from "../../lib/http2/connection.ts";
import {
  CLIENT_PREFACE,
  FRAME_HEADER_BYTES,
  FrameType,
  readUint31,
  readUint32,
} from "../../lib/http2/frame.ts";

/** A compressed flag and a length. Source: doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message. */
const PREFIX_BYTES = 5;

/**
 * Notes the compressed flags of the gRPC messages that pass, in the order in which they are whole.
 *
 * Reads the bytes of the wire itself: neither end's word is taken for what it sent. Frames without
 * padding only, as all peers here send them.
 */
export class MessageFlags {
  /** Flags of messages that were sent through the transports. */
  readonly sent: number[] = [];
  /** Flags of messages that were received through them. */
  readonly received: number[] = [];

  /** Stands between a transport and who uses it. */
  tap(side: "client" | "server", transport: Transport): Transport {
    const sent = new FlagReader(this.sent, { expectPreface: side === "client" });
    const received = new FlagReader(this.received, { expectPreface: side === "server" });
    return {
      async read(into) {
        const count = await transport.read(into);
        if (count !== null) received.push(into.subarray(0, count));
        return count;
      },
      async write(bytes) {
        const count = await transport.write(bytes);
        sent.push(bytes.subarray(0, count));
        return count;
      },
      closeWrite: () => transport.closeWrite(),
      close: () => transport.close(),
    };
  }
}

/** One direction of one connection. */
class FlagReader {
  readonly #flags: number[];
  #bytes = new Uint8Array(0);
  #prefaceBytesLeft: number;
  /** What each stream has of a message that is not whole yet. */
  readonly #begun = new Map<number, Uint8Array>();

  constructor(flags: number[], options: { expectPreface: boolean }) {
    this.#flags = flags;
    this.#prefaceBytesLeft = options.expectPreface ? CLIENT_PREFACE.length : 0;
  }

  push(chunk: Uint8Array): void {
    const skipped = Math.min(this.#prefaceBytesLeft, chunk.length);
    this.#prefaceBytesLeft -= skipped;
    this.#bytes = joined(this.#bytes, chunk.subarray(skipped));
    while (this.#bytes.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + (readUint32(this.#bytes, 0) >>> 8);
      if (this.#bytes.length < end) return;
      const frame = this.#bytes.subarray(0, end);
      this.#bytes = this.#bytes.subarray(end);
      if (frame[3] !== FrameType.DATA) continue;
      this.#take(readUint31(frame, 5), frame.subarray(FRAME_HEADER_BYTES));
    }
  }

  #take(streamId: number, data: Uint8Array): void {
    let bytes = joined(this.#begun.get(streamId) ?? new Uint8Array(0), data);
    while (bytes.length >= PREFIX_BYTES) {
      const end = PREFIX_BYTES + readUint32(bytes, 1);
      if (bytes.length < end) break;
      this.#flags.push(bytes[0]);
      bytes = bytes.subarray(end);
    }
    this.#begun.set(streamId, bytes);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
