import { ErrorCode, Http2Error } from "../http2_error.ts";

/**
 * The error of a header block that cannot be decoded; it ends the connection, as both ends' tables may
 * differ from here on.
 *
 * Source: RFC 9113 §4.3, RFC 7541 §2.3.3 and §5.2.
 *
 * @param reason what was found and what is needed, the second half of the message
 */
export function compressionError(reason: string): Http2Error {
  return Http2Error.connection(
    ErrorCode.COMPRESSION_ERROR,
    `Cannot decode header block: ${reason}`,
  );
}
