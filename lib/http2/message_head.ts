import type { HeaderField, HeaderList } from "./hpack/header_field.ts";
import { ErrorCode, Http2Error } from "./http2_error.ts";

/** The head of a request, checked. `fields` are all of its fields, pseudo-header fields first. */
export interface RequestHead {
  readonly method: string;
  /** `undefined` only for CONNECT. */
  readonly scheme: string | undefined;
  /** `undefined` only for CONNECT. */
  readonly path: string | undefined;
  readonly authority: string | undefined;
  readonly contentLengthBytes: number | undefined;
  readonly fields: HeaderList;
}

/** The head of a response, checked. */
export interface ResponseHead {
  /** The HTTP status, 100 to 999. */
  readonly status: number;
  readonly contentLengthBytes: number | undefined;
  readonly fields: HeaderList;
}

/** Field names with a meaning for one HTTP/1.1 connection only. Source: RFC 9113 §8.2.2. */
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

const REQUEST_PSEUDO: ReadonlySet<string> = new Set([":method", ":scheme", ":path", ":authority"]);
const RESPONSE_PSEUDO: ReadonlySet<string> = new Set([":status"]);
const NO_PSEUDO: ReadonlySet<string> = new Set();

/** Field names that may stand in a message: visible ASCII without upper case and colon. Source: RFC 9113 §8.2.1. */
const NAME = /^[!-9;-@[-~]+$/;

/** Field values: no NUL, CR or LF, no white space at either end. Source: RFC 9113 §8.2.1. */
const VALUE = /^(?![ \t])[^\0\r\n]*(?<![ \t])$/;

/**
 * Checks a request's fields and picks out what routes it.
 *
 * Source: RFC 9113 §8.2, §8.3.1.
 *
 * @throws {Http2Error} PROTOCOL_ERROR of the stream when the request is malformed.
 */
export function parseRequestHead(streamId: number, fields: HeaderList): RequestHead {
  const { pseudo, contentLengthBytes } = checkFields(streamId, fields, REQUEST_PSEUDO);
  const method = pseudo.get(":method");
  const scheme = pseudo.get(":scheme");
  const path = pseudo.get(":path");
  const authority = pseudo.get(":authority");
  if (method === undefined) throw malformed(streamId, "request without :method");
  if (method === "CONNECT") {
    if (scheme !== undefined || path !== undefined || authority === undefined) {
      throw malformed(streamId, "CONNECT needs :authority, and neither :scheme nor :path");
    }
  } else {
    if (scheme === undefined) throw malformed(streamId, "request without :scheme");
    if (path === undefined || path === "") throw malformed(streamId, "request without :path");
  }
  return { method, scheme, path, authority, contentLengthBytes, fields };
}

/**
 * Checks a response's fields and picks out its status.
 *
 * Source: RFC 9113 §8.2, §8.3.2.
 *
 * @throws {Http2Error} PROTOCOL_ERROR of the stream when the response is malformed.
 */
export function parseResponseHead(streamId: number, fields: HeaderList): ResponseHead {
  const { pseudo, contentLengthBytes } = checkFields(streamId, fields, RESPONSE_PSEUDO);
  const status = pseudo.get(":status");
  if (status === undefined || !/^[1-9][0-9]{2}$/.test(status)) {
    throw malformed(streamId, `response with :status ${status}, need three digits`);
  }
  return { status: Number(status), contentLengthBytes, fields };
}

/** A trailer section, checked. */
export interface Trailers {
  readonly fields: HeaderList;
}

/**
 * Checks the fields of a trailer section, which has no pseudo-header fields.
 *
 * Source: RFC 9113 §8.1.
 *
 * @throws {Http2Error} PROTOCOL_ERROR of the stream when the trailers are malformed.
 */
export function parseTrailers(streamId: number, fields: HeaderList): Trailers {
  checkFields(streamId, fields, NO_PSEUDO);
  return { fields };
}

/**
 * Parses header sections, and remembers the last one.
 *
 * A peer that repeats a header section sends indexes, for which the HPACK decoder returns the same
 * field objects: then it was checked before, and comparing a few pointers is enough.
 */
export class HeadParser<Head extends { readonly fields: HeaderList }> {
  readonly #parse: (streamId: number, fields: HeaderList) => Head;
  #last: Head | undefined;

  constructor(parse: (streamId: number, fields: HeaderList) => Head) {
    this.#parse = parse;
  }

  /**
   * @returns what `parse` makes of `fields`; the same object for the same fields in a row
   * @throws {Http2Error} what `parse` throws.
   */
  parse(streamId: number, fields: HeaderList): Head {
    const last = this.#last;
    if (last !== undefined && sameFields(last.fields, fields)) return last;
    this.#last = this.#parse(streamId, fields);
    return this.#last;
  }
}

function sameFields(a: HeaderList, b: HeaderList): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}

interface CheckedFields {
  readonly pseudo: ReadonlyMap<string, string>;
  readonly contentLengthBytes: number | undefined;
}

function checkFields(
  streamId: number,
  fields: HeaderList,
  pseudoAllowed: ReadonlySet<string>,
): CheckedFields {
  const pseudo = new Map<string, string>();
  let contentLengthBytes: number | undefined;
  let regularSeen = false;
  for (const field of fields) {
    const { name, value } = field;
    if (!VALUE.test(value)) throw malformed(streamId, `field ${name} with a character not allowed`);
    if (name.startsWith(":")) {
      if (regularSeen) throw malformed(streamId, `${name} behind a regular field`);
      if (!pseudoAllowed.has(name)) throw malformed(streamId, `pseudo-header field ${name}`);
      if (pseudo.has(name)) throw malformed(streamId, `${name} twice`);
      pseudo.set(name, value);
      continue;
    }
    regularSeen = true;
    checkRegular(streamId, field);
    if (name === "content-length") {
      contentLengthBytes = parseContentLength(streamId, value, contentLengthBytes);
    }
  }
  return { pseudo, contentLengthBytes };
}

function checkRegular(streamId: number, { name, value }: HeaderField): void {
  if (!NAME.test(name)) {
    throw malformed(streamId, `field name ${JSON.stringify(name)} with a character not allowed`);
  }
  if (CONNECTION_SPECIFIC.has(name)) {
    throw malformed(streamId, `connection-specific field ${name}`);
  }
  if (name === "te" && value !== "trailers") {
    throw malformed(streamId, `te with a value other than trailers`);
  }
}

function parseContentLength(streamId: number, value: string, earlier: number | undefined): number {
  // 15 digits stay exact in a float64; no message is longer.
  if (!/^[0-9]{1,15}$/.test(value)) {
    throw malformed(streamId, "content-length is not a decimal number");
  }
  const bytes = Number(value);
  if (earlier !== undefined && earlier !== bytes) {
    throw malformed(streamId, "two content-lengths that differ");
  }
  return bytes;
}

function malformed(streamId: number, message: string): Http2Error {
  return Http2Error.stream(streamId, ErrorCode.PROTOCOL_ERROR, `Malformed message: ${message}`);
}
