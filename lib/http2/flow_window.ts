import { ErrorCode, Http2Error } from "./http2_error.ts";

/** The window that each stream and the connection start with. Source: RFC 9113 §6.9.2. */
export const WINDOW_BYTES_DEFAULT = 65_535;

/** The largest window there may be. Source: RFC 9113 §6.9.1. */
export const WINDOW_BYTES_LIMIT = 0x7fff_ffff;

/**
 * What we may still send on a stream or a connection.
 *
 * `bytes` may be negative: a SETTINGS frame that lowers INITIAL_WINDOW_SIZE takes back credit that
 * was already used. Source: RFC 9113 §6.9.
 */
export class SendWindow {
  bytes: number;
  readonly #streamId: number;

  /** @param streamId the stream that the window belongs to, 0 for the connection */
  constructor(streamId: number, bytes: number) {
    this.#streamId = streamId;
    this.bytes = bytes;
  }

  /**
   * Adds credit that the peer gave.
   *
   * @throws {Http2Error} FLOW_CONTROL_ERROR, of the stream or the connection, above 2^31-1 bytes.
   */
  add(bytes: number): void {
    const sum = this.bytes + bytes;
    if (sum > WINDOW_BYTES_LIMIT) {
      const message = `flow-control window of ${sum} bytes, at most ${WINDOW_BYTES_LIMIT} allowed`;
      throw this.#streamId === 0
        ? Http2Error.connection(ErrorCode.FLOW_CONTROL_ERROR, message)
        : Http2Error.stream(this.#streamId, ErrorCode.FLOW_CONTROL_ERROR, message);
    }
    this.bytes = sum;
  }
}

/**
 * What the peer may still send to us on a stream or a connection, and when to give it more.
 *
 * Credit goes back in steps of half the window: each WINDOW_UPDATE costs both sides work, and the
 * peer never has to wait for one while half its window is left. Source: RFC 9113 §6.9.
 */
export class ReceiveWindow {
  readonly #fullBytes: number;
  #bytes: number;
  #unreturnedBytes = 0;

  constructor(fullBytes: number) {
    this.#fullBytes = fullBytes;
    this.#bytes = fullBytes;
  }

  /** Takes `bytes` that arrived out of the window; false when the peer sent more than it had. */
  take(bytes: number): boolean {
    this.#bytes -= bytes;
    return this.#bytes >= 0;
  }

  /**
   * Gives back room for `bytes` that were taken and are no longer held.
   *
   * @returns the increment to send in a WINDOW_UPDATE now, 0 when it is not worth one yet
   */
  giveBack(bytes: number): number {
    this.#unreturnedBytes += bytes;
    if (this.#unreturnedBytes * 2 < this.#fullBytes) return 0;
    const increment = this.#unreturnedBytes;
    this.#unreturnedBytes = 0;
    this.#bytes += increment;
    return increment;
  }
}
