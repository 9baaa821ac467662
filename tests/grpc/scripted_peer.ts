import { Channel } from "../../lib/grpc/channel.ts";
import type { Transport } from "../../lib/http2/connection.ts";
import { clientConnection, type ResponseHandler } from "../../lib/http2/client_connection.ts";
import type { Connection } from "../../lib/http2/connection.ts";
import { HeaderField, type HeaderList } from "../../lib/http2/hpack/header_field.ts";
import type { ErrorCode } from "../../lib/http2/http2_error.ts";
import type { RequestHead, ResponseHead } from "../../lib/http2/message_head.ts";
import { serverConnection, type ServerStream } from "../../lib/http2/server_connection.ts";
import type { StreamHandler } from "../../lib/http2/stream.ts";
import { memoryPipe } from "./memory_pipe.ts";

/** Header fields of `[name, value]` pairs. */
export function fieldsOf(pairs: readonly (readonly [string, string])[]): HeaderList {
  return pairs.map(([name, value]) => new HeaderField(name, value));
}

/** An HTTP/2 server that answers each request as its script says, gRPC or not. */
export class ScriptedServer implements AsyncDisposable {
  /** Connections that were opened, in order. */
  readonly connections: Connection<StreamHandler>[] = [];
  /** Requests that came in, in order. */
  readonly heads: RequestHead[] = [];
  readonly channel: Channel;
  readonly #answer: (stream: ServerStream, head: RequestHead) => void;
  readonly #serving: Promise<unknown>[] = [];

  /** @param answer called with each request, whose body is dropped */
  constructor(
    answer: (stream: ServerStream, head: RequestHead) => void,
    { messageBytesMax = 1_000 } = {},
  ) {
    this.#answer = answer;
    this.channel = new Channel({
      dial: () => this.#dial(),
      authority: "script:1",
      messageBytesMax,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.channel.close();
    for (const connection of this.connections) connection.close();
    await Promise.all(this.#serving);
  }

  #dial(): Promise<Transport> {
    const [client, server] = memoryPipe();
    const connection = serverConnection(server, {
      onRequest: (stream, head) => {
        stream.handler = {
          onData: (_bytes, start, end) => stream.consume(end - start),
          onTrailers: () => {},
          onWritable: () => {},
          onReset: () => {},
        };
        this.heads.push(head);
        this.#answer(stream, head);
      },
    });
    this.connections.push(connection);
    this.#serving.push(connection.run());
    return Promise.resolve(client);
  }
}

/** Whether the peer sends more on the stream, or ends its side of it. */
export const MORE = false;
export const END = true;

/** The head of a response that is gRPC's. */
export const RESPONSE_HEAD = fieldsOf([[":status", "200"], ["content-type", "application/grpc"]]);

/** The trailers of a call that ended well. */
export const STATUS_OK = fieldsOf([["grpc-status", "0"]]);

/** What came back for a request that was made by hand. */
export interface RawResponse {
  readonly status: number | undefined;
  /** Fields of the head, then of the trailers. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
  /** The code of RST_STREAM, when the stream ended so. */
  readonly reset: ErrorCode | undefined;
}

/** A client that sends what it is told to, gRPC or not. */
export class ScriptedClient implements Disposable {
  readonly #connection: Connection<ResponseHandler>;

  constructor(transport: Transport) {
    this.#connection = clientConnection(transport, () => {});
    this.#connection.run();
  }

  /** Sends a request with its body in chunks, each a DATA frame, and collects the response. */
  request(head: HeaderList, chunks: readonly Uint8Array[] = []): Promise<RawResponse> {
    const { promise, resolve } = Promise.withResolvers<RawResponse>();
    const fields = new Map<string, string>();
    const body: number[] = [];
    let status: number | undefined;
    const finish = (reset?: ErrorCode) =>
      resolve({ status, fields, body: Uint8Array.from(body), reset });
    const add = (list: HeaderList) => {
      for (const { name, value } of list) fields.set(name, value);
    };
    const stream = this.#connection.openStream({
      onResponse: (head: ResponseHead, endStream) => {
        status = head.status;
        add(head.fields);
        if (endStream) finish();
      },
      onData: (bytes, start, end, endStream) => {
        stream.consume(end - start);
        body.push(...bytes.subarray(start, end));
        if (endStream) finish();
      },
      onTrailers: (list) => {
        add(list);
        finish();
      },
      onWritable: () => {},
      onReset: (error) => finish(error.code),
    });
    stream.sendHeaders(head, chunks.length === 0);
    chunks.forEach((chunk, i) => stream.sendData(chunk, i === chunks.length - 1));
    return promise;
  }

  [Symbol.dispose](): void {
    this.#connection.close();
  }
}
