import { HeaderField, type HeaderList, valueOf } from "../http2/hpack/header_field.ts";
import { Code, GrpcError } from "./status.ts";

/** The encodings that both ends read, as `grpc-accept-encoding` lists them. */
const SUPPORTED = ["identity", "gzip"];

/** Says which encodings we read; stands in every head. One object, so that HPACK knows it again. */
export const ACCEPT_ENCODING = new HeaderField("grpc-accept-encoding", SUPPORTED.join(","));

/** Says how the messages behind a head are compressed that have their compressed flag set. */
export const ENCODING_GZIP = new HeaderField("grpc-encoding", "gzip");

/**
 * The encoding of a head, when we know it.
 *
 * @returns `undefined` for a head that names none, which is the same as identity
 * @throws {GrpcError} `code` for an encoding that is not supported: UNIMPLEMENTED on a server,
 * INTERNAL on a client. Source: gRPC doc/compression.md.
 */
export function messageEncoding(fields: HeaderList, code: Code): "gzip" | undefined {
  const encoding = valueOf(fields, "grpc-encoding");
  if (encoding === "gzip") return encoding;
  if (encoding === undefined || encoding === "identity") return undefined;
  throw new GrpcError(
    code,
    `Cannot read messages: grpc-encoding ${encoding} is not supported, need ${
      SUPPORTED.join(" or ")
    }`,
  );
}

/** Whether who sent the head reads gzip. Source: doc/PROTOCOL-HTTP2.md, Message-Accept-Encoding. */
export function acceptsGzip(fields: HeaderList): boolean {
  return fields.some(({ name, value }) =>
    name === "grpc-accept-encoding" &&
    value.split(",").some((encoding) => encoding.trim() === "gzip")
  );
}
