import type { HeaderList } from "./hpack/header_field.ts";
import { Connection, type ConnectionLimits, type Role, type Transport } from "./connection.ts";
import { HeadParser, parseRequestHead, type RequestHead } from "./message_head.ts";
import type { Stream, StreamHandler } from "./stream.ts";

/** A stream as a server sees it. */
export type ServerStream = Stream<StreamHandler>;

/** Who answers requests. */
export interface RequestAcceptor {
  /**
   * Takes a request; sets `stream.handler` before it sends anything. With `endStream` the request
   * has no body, and the handler hears no data. Equal requests in a row may share one `head` object.
   */
  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): void;
}

/** Makes the server's end of an HTTP/2 connection; `run` serves it. */
export function serverConnection(
  transport: Transport,
  acceptor: RequestAcceptor,
  limits?: ConnectionLimits,
): Connection<StreamHandler> {
  return new Connection(transport, new ServerRole(acceptor), limits);
}

class ServerRole implements Role<StreamHandler> {
  readonly side = "server";
  readonly #acceptor: RequestAcceptor;
  readonly #heads = new HeadParser(parseRequestHead);

  constructor(acceptor: RequestAcceptor) {
    this.#acceptor = acceptor;
  }

  onRequest(stream: ServerStream, fields: HeaderList, endStream: boolean): void {
    const head = this.#heads.parse(stream.id, fields);
    stream.bodyBytesLeft = head.contentLengthBytes;
    if (endStream) stream.receiveEnd();
    this.#acceptor.onRequest(stream, head, endStream);
  }

  onResponse(): void {
    throw new TypeError("a server receives no responses");
  }

  onCapacity(): void {}
}
