import { Connection, type Role, type Transport } from "./connection.ts";
import type { HeaderList } from "./hpack/header_field.ts";
import { ErrorCode, Http2Error } from "./http2_error.ts";
import { HeadParser, parseResponseHead, type ResponseHead } from "./message_head.ts";
import type { Stream, StreamHandler } from "./stream.ts";

/** What a request's sender is told of its response. */
export interface ResponseHandler extends StreamHandler {
  /** The head of the response; with `endStream` there is neither body nor trailers. */
  onResponse(head: ResponseHead, endStream: boolean): void;
}

/** A stream as a client sees it. */
export type ClientStream = Stream<ResponseHandler>;

/**
 * Makes the client's end of an HTTP/2 connection; `run` serves it and must be called before the
 * first stream is opened.
 *
 * @param onCapacity is told when a stream has ended or the server's limit of streams has changed
 */
export function clientConnection(
  transport: Transport,
  onCapacity: () => void,
): Connection<ResponseHandler> {
  return new Connection(transport, new ClientRole(onCapacity));
}

class ClientRole implements Role<ResponseHandler> {
  readonly side = "client";
  readonly onCapacity: () => void;
  readonly #heads = new HeadParser(parseResponseHead);

  constructor(onCapacity: () => void) {
    this.onCapacity = onCapacity;
  }

  onRequest(): void {
    throw new TypeError("a client receives no requests");
  }

  onResponse(stream: ClientStream, fields: HeaderList, endStream: boolean): void {
    const head = this.#heads.parse(stream.id, fields);
    if (head.status < 200) {
      // Interim responses may come before the final one. Source: RFC 9113 §8.1.
      if (endStream) {
        throw Http2Error.stream(stream.id, ErrorCode.PROTOCOL_ERROR, "interim response at the end");
      }
      return;
    }
    stream.headReceived = true;
    stream.bodyBytesLeft = head.contentLengthBytes;
    if (endStream) stream.receiveEnd();
    stream.handler?.onResponse(head, endStream);
  }
}
