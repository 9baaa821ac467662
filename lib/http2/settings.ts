import { OUTPUT_BYTES_MAX } from "../limits.ts";
import { ErrorCode, Http2Error } from "./http2_error.ts";
import { FRAME_BYTES_MAX_DEFAULT, FRAME_BYTES_MAX_LIMIT, readUint32 } from "./frame.ts";
import type { Side } from "./stream_table.ts";
import { WINDOW_BYTES_DEFAULT, WINDOW_BYTES_LIMIT } from "./flow_window.ts";

/** Identifiers of SETTINGS parameters. Source: RFC 9113 §6.5.2. */
export const SettingId = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
} as const;

const SETTING_BYTES = 6;

/** The largest frame that we send, however large the peer takes them: the output's bound is not much more. */
const FRAME_BYTES_MAX_SENT = OUTPUT_BYTES_MAX / 2;

/** What a peer has told us about itself, starting at the protocol's defaults. Source: RFC 9113 §6.5.2. */
export class PeerSettings {
  /** Bytes of HPACK dynamic table that the peer's decoder keeps. */
  headerTableBytes = 4096;
  /** The least that the last SETTINGS said of it on the way there. */
  headerTableBytesMin = 4096;
  /** Streams that we may have open at once; without limit until the peer says so. */
  concurrentStreamsMax = Infinity;
  /** Bytes of flow-control window that a new stream starts with. */
  initialWindowBytes = WINDOW_BYTES_DEFAULT;
  /** Bytes of payload of the largest frame that we send. */
  frameBytesMax = FRAME_BYTES_MAX_DEFAULT;
  readonly #pushMax: number;

  /** @param side which side we are: a server, of whom ENABLE_PUSH may tell, or a client, who pushes never */
  constructor(side: Side) {
    this.#pushMax = side === "server" ? 1 : 0;
  }

  /**
   * Applies the payload of one SETTINGS frame, in order, as RFC 9113 §6.5.3 demands.
   *
   * @throws {Http2Error} of the connection: FRAME_SIZE_ERROR, PROTOCOL_ERROR or FLOW_CONTROL_ERROR.
   */
  apply(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length % SETTING_BYTES !== 0) {
      throw Http2Error.connection(
        ErrorCode.FRAME_SIZE_ERROR,
        `SETTINGS of ${length} bytes, need a multiple of ${SETTING_BYTES}`,
      );
    }
    this.headerTableBytesMin = this.headerTableBytes;
    for (let at = start; at < end; at += SETTING_BYTES) {
      this.#set((bytes[at] << 8) | bytes[at + 1], readUint32(bytes, at + 2));
    }
  }

  #set(id: number, value: number): void {
    switch (id) {
      case SettingId.HEADER_TABLE_SIZE:
        this.headerTableBytes = value;
        this.headerTableBytesMin = Math.min(this.headerTableBytesMin, value);
        return;
      case SettingId.ENABLE_PUSH:
        if (value > this.#pushMax) throw invalid("ENABLE_PUSH", value, `at most ${this.#pushMax}`);
        return;
      case SettingId.MAX_CONCURRENT_STREAMS:
        this.concurrentStreamsMax = value;
        return;
      case SettingId.INITIAL_WINDOW_SIZE:
        if (value > WINDOW_BYTES_LIMIT) {
          throw Http2Error.connection(
            ErrorCode.FLOW_CONTROL_ERROR,
            `INITIAL_WINDOW_SIZE ${value}, need at most ${WINDOW_BYTES_LIMIT}`,
          );
        }
        this.initialWindowBytes = value;
        return;
      case SettingId.MAX_FRAME_SIZE:
        if (value < FRAME_BYTES_MAX_DEFAULT || value > FRAME_BYTES_MAX_LIMIT) {
          throw invalid(
            "MAX_FRAME_SIZE",
            value,
            `${FRAME_BYTES_MAX_DEFAULT} to ${FRAME_BYTES_MAX_LIMIT}`,
          );
        }
        this.frameBytesMax = Math.min(value, FRAME_BYTES_MAX_SENT);
    }
  }
}

function invalid(name: string, found: number, needed: string): Http2Error {
  return Http2Error.connection(ErrorCode.PROTOCOL_ERROR, `${name} ${found}, need ${needed}`);
}

/** Encodes SETTINGS parameters as a frame's payload, `[identifier, value]` each. */
export function encodeSettings(settings: readonly (readonly [number, number])[]): Uint8Array {
  const payload = new Uint8Array(settings.length * SETTING_BYTES);
  const view = new DataView(payload.buffer);
  settings.forEach(([id, value], i) => {
    view.setUint16(i * SETTING_BYTES, id);
    view.setUint32(i * SETTING_BYTES + 2, value);
  });
  return payload;
}
