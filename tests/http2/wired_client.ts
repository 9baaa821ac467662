import {
  clientConnection,
  type ClientStream,
  type ResponseHandler,
} from "../../lib/http2/client_connection.ts";
import type { Connection } from "../../lib/http2/connection.ts";
import { HeaderField, type HeaderList } from "../../lib/http2/hpack/header_field.ts";
import type { Http2Error } from "../../lib/http2/http2_error.ts";
import type { ResponseHead } from "../../lib/http2/message_head.ts";
import { bytePipe, type PipeEnd, quiescence } from "./byte_pipe.ts";
import { settings } from "./wire.ts";
import { WirePeer } from "./wire_peer.ts";

export const POST: HeaderList = [
  new HeaderField(":method", "POST"),
  new HeaderField(":scheme", "http"),
  new HeaderField(":path", "/"),
];

/** One response as its handler saw it. */
export class RecordedResponse implements ResponseHandler {
  readonly events: string[] = [];
  reset: Http2Error | undefined;

  onResponse(head: ResponseHead, endStream: boolean): void {
    this.events.push(`head ${head.status}${endStream ? ", end" : ""}`);
  }

  onData(_bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.events.push(`data ${end - start}${endStream ? ", end" : ""}`);
  }

  onTrailers(fields: HeaderList): void {
    this.events.push(`trailers ${fields.length}`);
  }

  onWritable(): void {}

  onReset(error: Http2Error): void {
    this.reset = error;
    this.events.push(`reset ${error.scope} ${error.code}`);
  }
}

/** A client connection under test and the peer that is wired to it. */
export class WiredClient implements AsyncDisposable {
  readonly connection: Connection<ResponseHandler>;
  readonly peer: WirePeer;
  readonly transport: PipeEnd;
  readonly result: Promise<Error | undefined>;
  /** How often the connection said that its capacity has changed. */
  capacityChanges = 0;

  constructor() {
    const [pipe, transport] = bytePipe();
    this.transport = transport;
    this.connection = clientConnection(transport, () => this.capacityChanges++);
    this.peer = new WirePeer(pipe, "server");
    this.result = this.connection.run();
  }

  /** Sends the server's settings; drops what the client has sent so far. */
  async greet(...values: readonly (readonly [number, number])[]): Promise<void> {
    await this.peer.send(settings(...values));
    this.peer.take();
  }

  /** Opens a stream and sends a request, whole or without its end. */
  request(options: { whole: boolean }): { stream: ClientStream; response: RecordedResponse } {
    const response = new RecordedResponse();
    const stream = this.connection.openStream(response);
    stream.sendHeaders(POST, options.whole);
    return { stream, response };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.peer.close();
    await quiescence();
    await this.result;
  }
}
