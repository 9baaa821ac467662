import type { Connection, ConnectionLimits } from "../../lib/http2/connection.ts";
import { HeaderField, type HeaderList } from "../../lib/http2/hpack/header_field.ts";
import type { Http2Error } from "../../lib/http2/http2_error.ts";
import type { RequestHead } from "../../lib/http2/message_head.ts";
import {
  type RequestAcceptor,
  serverConnection,
  type ServerStream,
} from "../../lib/http2/server_connection.ts";
import type { StreamHandler } from "../../lib/http2/stream.ts";
import { bytePipe, type PipeEnd, type PipeOptions, quiescence } from "./byte_pipe.ts";
import { PREFACE, settings } from "./wire.ts";
import { WirePeer } from "./wire_peer.ts";

/** Whether more follows on the stream. */
export const END = true;
export const MORE = false;

export const OK: HeaderList = [new HeaderField(":status", "200")];
export const DONE: HeaderList = [new HeaderField("grpc-status", "0")];

/** One request as its handler saw it; by default it is answered by OK when it has ended. */
export class RecordedRequest implements StreamHandler {
  readonly stream: ServerStream;
  readonly head: RequestHead;
  readonly events: string[] = [];
  bodyBytes = 0;
  ended: boolean;
  trailers: HeaderList | undefined;
  reset: Http2Error | undefined;
  writable = 0;
  /** What to do when the request has ended, and when there is room to send again. */
  onEnd = () => {
    if (!this.stream.localClosed) this.stream.sendHeaders(OK, END);
  };
  onRoom = () => {};
  /** Whether body bytes are given back to the peer's window at once. */
  consumes = true;

  constructor(stream: ServerStream, head: RequestHead, endStream: boolean) {
    this.stream = stream;
    this.head = head;
    this.ended = endStream;
    this.events.push(endStream ? "head, end" : "head");
  }

  onData(_bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.bodyBytes += end - start;
    this.events.push(`data ${end - start}${endStream ? ", end" : ""}`);
    if (this.consumes) this.stream.consume(end - start);
    if (endStream) this.#end();
  }

  onTrailers(fields: HeaderList): void {
    this.trailers = fields;
    this.events.push("trailers");
    this.#end();
  }

  onWritable(): void {
    this.writable++;
    this.onRoom();
  }

  onReset(error: Http2Error): void {
    this.reset = error;
    this.events.push(`reset ${error.scope} ${error.code}`);
  }

  #end(): void {
    this.ended = true;
    this.onEnd();
  }
}

/** A server connection under test and the peer that is wired to it. */
export class WiredServer implements RequestAcceptor, AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  readonly connection: Connection<StreamHandler>;
  readonly peer: WirePeer;
  /** The server's end of the pipe, and the peer's. */
  readonly transport: PipeEnd;
  readonly peerPipe: PipeEnd;
  /** Why the connection ended. */
  readonly result: Promise<Error | undefined>;
  over = false;
  readonly #prepare: (request: RecordedRequest) => void;

  constructor(
    prepare: (request: RecordedRequest) => void = () => {},
    options: PipeOptions = {},
    limits: ConnectionLimits = {},
  ) {
    this.#prepare = prepare;
    [this.peerPipe, this.transport] = bytePipe({}, options);
    this.connection = serverConnection(this.transport, this, limits);
    this.peer = new WirePeer(this.peerPipe, "client");
    this.result = this.connection.run().finally(() => this.over = true);
  }

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): void {
    const request = new RecordedRequest(stream, head, endStream);
    stream.handler = request;
    this.requests.push(request);
    this.#prepare(request);
    if (endStream) request.onEnd();
  }

  /** Exchanges the prefaces, with the peer's settings; drops what the server says to them. */
  async greet(...values: readonly (readonly [number, number])[]): Promise<void> {
    await this.peer.send(PREFACE, settings(...values));
    this.peer.take();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer.close();
    await quiescence();
    await this.result;
  }
}
