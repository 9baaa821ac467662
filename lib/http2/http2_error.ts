/** Error codes of RST_STREAM and GOAWAY frames. Source: RFC 9113 §7. */
export const ErrorCode = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const;

/** A code of RFC 9113 §7, or an unknown one that a peer sent. */
export type ErrorCode = number;

/** How far an error reaches: one stream (RST_STREAM) or the whole connection (GOAWAY). Source: RFC 9113 §5.4. */
export type ErrorScope = "stream" | "connection";

/**
 * What is wrong with an HTTP/2 exchange, with the scope it must be answered in.
 *
 * Source: RFC 9113 §5.4. `streamId` is 0 for the connection.
 */
export class Http2Error extends Error {
  override readonly name = "Http2Error";
  readonly scope: ErrorScope;
  readonly code: ErrorCode;
  readonly streamId: number;

  private constructor(scope: ErrorScope, code: ErrorCode, streamId: number, message: string) {
    super(message);
    this.scope = scope;
    this.code = code;
    this.streamId = streamId;
  }

  /** An error that ends the connection with GOAWAY. Source: RFC 9113 §5.4.1. */
  static connection(code: ErrorCode, message: string): Http2Error {
    return new Http2Error("connection", code, 0, message);
  }

  /** An error that ends one stream with RST_STREAM. Source: RFC 9113 §5.4.2. */
  static stream(streamId: number, code: ErrorCode, message: string): Http2Error {
    return new Http2Error("stream", code, streamId, message);
  }
}
