import type { ServerStream } from "../http2/server_connection.ts";
import { END_STREAM, MORE_FOLLOWS, type StreamHandler } from "../http2/stream.ts";
import type { PlainAnswer } from "./request_head.ts";

/** Answers a request that is not gRPC's once its body, which is dropped, has ended. */
export class PlainCall implements StreamHandler {
  readonly #stream: ServerStream;
  readonly #answer: PlainAnswer;

  constructor(stream: ServerStream, answer: PlainAnswer, endStream: boolean) {
    this.#stream = stream;
    this.#answer = answer;
    stream.handler = this;
    stream.awaitsBody = true;
    if (endStream) this.#respond();
  }

  onData(_bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.#stream.consume(end - start);
    if (endStream) this.#respond();
  }

  onTrailers(): void {
    this.#respond();
  }

  onWritable(): void {}

  onReset(): void {}

  #respond(): void {
    const { fields, body } = this.#answer;
    if (body.length === 0) return this.#stream.sendHeaders(fields, END_STREAM);
    this.#stream.sendHeaders(fields, MORE_FOLLOWS);
    this.#stream.sendData(body.slice(), END_STREAM);
  }
}
