import { CONTINUATION_FRAMES_MAX, HEADER_BLOCK_BYTES_MAX } from "../limits.ts";
import { ErrorCode, Http2Error } from "./http2_error.ts";

/**
 * Puts a header block together that came in HEADERS and CONTINUATION frames.
 *
 * One block at a time can be open on a connection, and no other frame may come in between.
 * Source: RFC 9113 §4.3, §6.10.
 */
export class HeaderBlock {
  /** The stream of the open block, `undefined` when none is open. */
  streamId: number | undefined;
  endStream = false;
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /** Opens a block with its first fragment, which is copied. */
  open(streamId: number, fragment: Uint8Array, endStream: boolean): void {
    this.streamId = streamId;
    this.endStream = endStream;
    this.append(fragment);
  }

  /**
   * Adds a fragment, which is copied.
   *
   * @throws {Http2Error} ENHANCE_YOUR_CALM of the connection past the limits: what the block would
   * have done to the HPACK table is lost with it, so no less than the connection can end.
   */
  append(fragment: Uint8Array): void {
    this.#bytes += fragment.length;
    if (this.#bytes > HEADER_BLOCK_BYTES_MAX || this.#parts.length > CONTINUATION_FRAMES_MAX) {
      throw Http2Error.connection(
        ErrorCode.ENHANCE_YOUR_CALM,
        `header block of ${this.#bytes} bytes in ${this.#parts.length + 1} frames, ` +
          `at most ${HEADER_BLOCK_BYTES_MAX} in ${CONTINUATION_FRAMES_MAX + 1} allowed`,
      );
    }
    this.#parts.push(fragment.slice());
  }

  /** Closes the block and returns its bytes. */
  close(): Uint8Array {
    const block = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      block.set(part, at);
      at += part.length;
    }
    this.streamId = undefined;
    this.#parts = [];
    this.#bytes = 0;
    return block;
  }
}
