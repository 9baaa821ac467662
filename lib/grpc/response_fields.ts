import { HeaderField, type HeaderList } from "../http2/hpack/header_field.ts";
import { ACCEPT_ENCODING, ENCODING_GZIP } from "./message_encoding.ts";
import { encodeBase64, type Metadata, STATUS_DETAILS } from "./metadata.ts";
import { Code, encodeStatusMessage, type GrpcError } from "./status.ts";

const STATUS_200 = new HeaderField(":status", "200");
const CONTENT_TYPE = new HeaderField("content-type", "application/grpc");
const STATUS_OK = new HeaderField("grpc-status", String(Code.OK));

/** The head of every response without metadata. One object, so that its encoding is kept. */
const HEADERS: HeaderList = [STATUS_200, CONTENT_TYPE, ACCEPT_ENCODING];

/** The same before messages that may be compressed. */
const HEADERS_GZIP: HeaderList = [...HEADERS, ENCODING_GZIP];

/** The trailers of every call that ends well, without metadata. */
const TRAILERS_OK: HeaderList = [STATUS_OK];

/** What of an error's details is sent: with the longest message it still fits a peer's 16 KiB. */
const STATUS_DETAILS_BYTES_MAX = 4_096;

/**
 * The head of a response. Source: doc/PROTOCOL-HTTP2.md, Response-Headers.
 *
 * @param encoding what messages that are compressed will be compressed with
 */
export function responseHeaders(
  metadata: Metadata | undefined,
  encoding: "gzip" | undefined,
): HeaderList {
  const headers = encoding === undefined ? HEADERS : HEADERS_GZIP;
  return metadata === undefined ? headers : [...headers, ...metadata.toFields()];
}

/** Of frozen metadata. One object for each, so that its encoding is kept. */
const FROZEN_TRAILERS = new WeakMap<Metadata, HeaderList>();

/** The trailers of a call that ended well. Source: doc/PROTOCOL-HTTP2.md, Trailers. */
export function trailersOk(metadata: Metadata | undefined): HeaderList {
  if (metadata === undefined) return TRAILERS_OK;
  const known = metadata.frozen ? FROZEN_TRAILERS.get(metadata) : undefined;
  if (known !== undefined) return known;
  const fields = [STATUS_OK, ...metadata.toFields()];
  if (metadata.frozen) FROZEN_TRAILERS.set(metadata, fields);
  return fields;
}

/**
 * The trailers of a call that failed; with `alone` they are the whole response (Trailers-Only).
 *
 * Details past STATUS_DETAILS_BYTES_MAX are left out: a peer would refuse the status along with them.
 *
 * Source: doc/PROTOCOL-HTTP2.md, Trailers-Only.
 */
export function trailersFor(
  error: GrpcError,
  metadata: Metadata | undefined,
  options: { alone: boolean },
): HeaderList {
  const fields = options.alone ? [...HEADERS] : [];
  fields.push(new HeaderField("grpc-status", String(error.code)));
  if (error.message !== "") {
    fields.push(new HeaderField("grpc-message", encodeStatusMessage(error.message)));
  }
  if (error.details !== undefined && error.details.length <= STATUS_DETAILS_BYTES_MAX) {
    fields.push(new HeaderField(STATUS_DETAILS, encodeBase64(error.details)));
  }
  if (metadata !== undefined) fields.push(...metadata.toFields());
  if (error.trailers !== undefined) fields.push(...error.trailers.toFields());
  return fields;
}
