import type { Metadata } from "./metadata.ts";

/** Status codes. Source: gRPC "Status codes and their use in gRPC" (doc/statuscodes.md). */
export const Code = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** One of the codes above. */
export type Code = (typeof Code)[keyof typeof Code];

const NAMES = Object.keys(Code) as (keyof typeof Code)[];

/** The name of a code, as error messages show it. */
export function codeName(code: Code): keyof typeof Code {
  return NAMES[code];
}

/** The code that `text`, a `grpc-status` value, stands for; UNKNOWN when it is none of the list. */
export function parseCode(text: string): Code {
  // Most calls end well, and the pattern costs 30 ns.
  if (text === "0") return Code.OK;
  return /^[0-9]{1,2}$/.test(text) && Number(text) < NAMES.length
    ? Number(text) as Code
    : Code.UNKNOWN;
}

/** What a GrpcError may have beside its code and message. */
export interface GrpcErrorOptions extends ErrorOptions {
  readonly trailers?: Metadata;
  readonly details?: Uint8Array | undefined;
}

/**
 * A call that ended with a status other than OK.
 *
 * A server's handler throws it to choose the status; a client's call rejects with it. The message
 * travels to the other side, so it holds nothing that only an operator should see.
 */
export class GrpcError extends Error {
  override readonly name = "GrpcError";
  readonly code: Code;
  /** Trailing metadata that came, or goes, with the status. */
  readonly trailers: Metadata | undefined;
  /**
   * More than code and message tell: a serialized `google.rpc.Status`, which nobody here reads. Past
   * 4 096 bytes a server leaves it out. Source: doc/PROTOCOL-HTTP2.md, Status-Details.
   */
  readonly details: Uint8Array | undefined;

  constructor(code: Code, message: string, options?: GrpcErrorOptions) {
    super(message, options);
    this.code = code;
    this.trailers = options?.trailers;
    this.details = options?.details;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A longer status message is cut: three bytes a character must still fit a peer's header limit. */
const STATUS_MESSAGE_CHARS_MAX = 1_024;

/**
 * Percent-encodes a status message for a header field, cut to 1 024 characters.
 *
 * Source: gRPC over HTTP/2 (doc/PROTOCOL-HTTP2.md), Percent-Encoded.
 */
export function encodeStatusMessage(message: string): string {
  let encoded = "";
  for (const byte of encoder.encode(message.slice(0, STATUS_MESSAGE_CHARS_MAX))) {
    encoded += byte >= 0x20 && byte <= 0x7e && byte !== 0x25
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** Decodes a percent-encoded status message; what is not a valid escape is kept as it stands. */
export function decodeStatusMessage(encoded: string): string {
  const bytes = new Uint8Array(encoded.length);
  let length = 0;
  for (let i = 0; i < encoded.length; i++) {
    const escape = encoded[i] === "%" ? encoded.slice(i + 1, i + 3) : "";
    if (/^[0-9a-fA-F]{2}$/.test(escape)) {
      bytes[length++] = parseInt(escape, 16);
      i += 2;
    } else {
      bytes[length++] = encoded.charCodeAt(i);
    }
  }
  return decoder.decode(bytes.subarray(0, length));
}

/** HTTP statuses that stand for a gRPC status when a response carries none. */
const CODE_OF_HTTP: ReadonlyMap<number, Code> = new Map<number, Code>([
  [400, Code.INTERNAL],
  [401, Code.UNAUTHENTICATED],
  [403, Code.PERMISSION_DENIED],
  [404, Code.UNIMPLEMENTED],
  [429, Code.UNAVAILABLE],
  [502, Code.UNAVAILABLE],
  [503, Code.UNAVAILABLE],
  [504, Code.UNAVAILABLE],
]);

/**
 * The code for an HTTP status of a response that is not gRPC's.
 *
 * Source: gRPC doc/http-grpc-status-mapping.md.
 */
export function codeOfHttpStatus(status: number): Code {
  return CODE_OF_HTTP.get(status) ?? Code.UNKNOWN;
}
