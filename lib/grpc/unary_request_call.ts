import { assertEncoded, CompressedMessage } from "./compressed_message.ts";
import { decodeMessage } from "./decode_message.ts";
import { MessageAssembler } from "./message_assembler.ts";
import { MESSAGE_BUFFERS } from "./message_buffers.ts";
import type { ServerStream } from "../http2/server_connection.ts";
import { isWholeMessage, PREFIX_BYTES, readLength } from "./message_prefix.ts";
import type { CallHead } from "./request_head.ts";
import { BaseCall, type CallContext } from "./server_call.ts";
import type { Handler, Route } from "./service.ts";
import { Code, GrpcError } from "./status.ts";

/**
 * A call whose request is one message: unary and server streaming.
 *
 * A message that comes whole in the frame that ends the request, as small ones do, is decoded where
 * it stands in the connection's buffer. A compressed one holds of the connection's budget what it was
 * decompressed to until the call is over, since a few bytes can stand for the largest message.
 */
export class UnaryRequestCall extends BaseCall {
  #assembler: MessageAssembler | undefined;
  #message: Uint8Array | undefined;

  constructor(stream: ServerStream, head: CallHead, route: Route, context: CallContext) {
    super(stream, head, route, context);
    stream.awaitsBody = true;
  }

  get requestCompressed(): boolean {
    return this.#assembler?.compressed === true;
  }

  onData(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.stream.consume(end - start);
    if (this.ended) return;
    try {
      if (endStream && this.#assembler === undefined && isWholeMessage(bytes, start, end)) {
        readLength(bytes, start, this.context.messageBytesMax);
        return this.#run(bytes, start + PREFIX_BYTES, end);
      }
      this.#assemble(bytes, start, end);
      if (endStream) this.#runAssembled();
    } catch (error) {
      this.fail(error);
    }
  }

  protected override release(): void {
    this.#assembler?.close();
    this.#message = undefined;
  }

  #assemble(bytes: Uint8Array, start: number, end: number): void {
    const { messageBytesMax, budget } = this.context;
    // A message is decoded before its call is run, and read no more.
    const assembler = this.#assembler ??= new MessageAssembler(
      messageBytesMax,
      budget,
      MESSAGE_BUFFERS,
    );
    assembler.push(bytes, start, end, (message) => {
      if (this.#message !== undefined) {
        throw new GrpcError(Code.INTERNAL, "Cannot read request: two messages, need one");
      }
      assertEncoded(message, this.requestEncoding);
      this.#message = message instanceof CompressedMessage
        ? assembler.decompress(message)
        : message;
    });
  }

  #runAssembled(): void {
    const message = this.#message;
    const partial = this.#assembler?.partial === true;
    if (message === undefined || partial) {
      const found = partial ? "an incomplete message" : "no message";
      throw new GrpcError(Code.INTERNAL, `Cannot read request: ${found}, need one`);
    }
    this.#message = undefined;
    this.#run(message, 0, message.length);
    this.#assembler?.recycle();
  }

  #run(bytes: Uint8Array, start: number, end: number): void {
    const { method, handler } = this.route;
    const request = decodeMessage(method.request, bytes, start, end, "request");
    if (method.kind === "unary") {
      this.respond((handler as Handler<"unary", unknown, unknown>)(request, this));
    } else {
      const responses = (handler as Handler<"serverStreaming", unknown, unknown>)(request, this);
      this.respondStream(responses);
    }
  }
}
