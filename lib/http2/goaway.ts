import { SHUTDOWN_PING_MS } from "../limits.ts";
import { FrameType, STREAM_ID_MAX } from "./frame.ts";
import type { FrameWriter } from "./frame_writer.ts";
import { ErrorCode } from "./http2_error.ts";

const PING_PAYLOAD = new TextEncoder().encode("shutdown");

/** Tells the peer of a connection which of its streams were taken, and that no more will be. Source: RFC 9113 §6.8. */
export class Goaway {
  readonly #writer: FrameWriter;
  #lastId = STREAM_ID_MAX;
  #acknowledged: PromiseWithResolvers<void> | undefined;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  /**
   * Adds a GOAWAY frame. It never names a higher stream than the one before: the peer may have
   * tried those elsewhere by now.
   */
  send(lastId: number, code: ErrorCode, message: string): void {
    this.#lastId = Math.min(this.#lastId, lastId);
    const text = new TextEncoder().encode(message);
    const payload = new Uint8Array(8 + text.length);
    const view = new DataView(payload.buffer);
    view.setUint32(0, this.#lastId);
    view.setUint32(4, code);
    payload.set(text, 8);
    this.#writer.addFrame(FrameType.GOAWAY, 0, 0, payload);
  }

  /**
   * Announces a shutdown. Resolves when all streams that were on their way by then have come in: the
   * peer has answered a PING, or SHUTDOWN_PING_MS are over, or the connection is.
   */
  async announce(): Promise<void> {
    this.#acknowledged = Promise.withResolvers<void>();
    const { promise, resolve } = this.#acknowledged;
    this.send(STREAM_ID_MAX, ErrorCode.NO_ERROR, "");
    this.#writer.addFrame(FrameType.PING, 0, 0, PING_PAYLOAD);
    this.#writer.flush();
    const timer = setTimeout(resolve, SHUTDOWN_PING_MS);
    await promise;
    clearTimeout(timer);
  }

  /** A PING came back, perhaps the one that `announce` waits for. */
  onPingAck(payload: Uint8Array): void {
    if (PING_PAYLOAD.every((octet, i) => octet === payload[i])) this.#acknowledged?.resolve();
  }

  /** The connection is over: nothing comes back any more. */
  abandon(): void {
    this.#acknowledged?.resolve();
  }
}
