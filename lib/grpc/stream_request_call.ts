import { assertEncoded, CompressedMessage, type ReceivedMessage } from "./compressed_message.ts";
import { decodeMessage } from "./decode_message.ts";
import { MessageAssembler } from "./message_assembler.ts";
import { MessageQueue } from "./message_queue.ts";
import { BaseCall } from "./server_call.ts";
import type { Handler } from "./service.ts";
import { Code, GrpcError } from "./status.ts";

/**
 * A call whose request is any number of messages: client and bidirectional streaming.
 *
 * Received bytes are given back to the client's window only while no message waits to be read, so
 * that a handler which does not read holds one window and one message at most. Compressed messages wait
 * as they came; one that is decompressed holds of the connection's budget what it takes until the
 * handler asks for the next.
 */
export class StreamRequestCall extends BaseCall {
  readonly #assembler = new MessageAssembler(this.context.messageBytesMax, this.context.budget);
  readonly #requests = new MessageQueue<ReceivedMessage>({
    onTaken: (message) => {
      if (!(message instanceof CompressedMessage)) this.#assembler.release(message.length);
      this.#consume();
    },
    onStopped: () => this.#stopReading(),
  });
  #unconsumedBytes = 0;
  #reading = true;
  #requestCompressed = false;

  get requestCompressed(): boolean {
    return this.#requestCompressed;
  }

  /** Calls the handler; its requests come later. */
  start(): void {
    const { method, handler } = this.route;
    const requests = this.#decoded();
    try {
      if (method.kind === "clientStreaming") {
        this.respond((handler as Handler<"clientStreaming", unknown, unknown>)(requests, this));
      } else {
        this.respondStream((handler as Handler<"bidiStreaming", unknown, unknown>)(requests, this));
      }
    } catch (error) {
      this.fail(error);
    }
  }

  onData(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.ended || !this.#reading) return this.stream.consume(end - start);
    this.#unconsumedBytes += end - start;
    try {
      this.#assembler.push(bytes, start, end, (message) => {
        assertEncoded(message, this.requestEncoding);
        this.#requests.push(message);
      });
      if (endStream && this.#assembler.partial) {
        throw new GrpcError(Code.INTERNAL, "Cannot read request: its last message is incomplete");
      }
    } catch (error) {
      return this.fail(error);
    }
    if (endStream) this.#requests.end();
    this.#consume();
  }

  protected override release(reason: GrpcError | undefined): void {
    this.#stopReading();
    this.#requests.fail(reason ?? new GrpcError(Code.CANCELLED, "the call has ended"));
  }

  async *#decoded(): AsyncGenerator<unknown> {
    const codec = this.route.method.request;
    for await (const message of this.#requests) {
      this.#requestCompressed = message instanceof CompressedMessage;
      if (message instanceof CompressedMessage) {
        const bytes = this.#assembler.decompress(message);
        yield decodeMessage(codec, bytes, 0, bytes.length, "request");
        this.#assembler.release(bytes.length);
      } else {
        yield decodeMessage(codec, message, 0, message.length, "request");
      }
    }
  }

  #stopReading(): void {
    this.#reading = false;
    this.#assembler.close();
    this.stream.consume(this.#unconsumedBytes);
    this.#unconsumedBytes = 0;
  }

  #consume(): void {
    if (!this.#requests.empty) return;
    this.stream.consume(this.#unconsumedBytes);
    this.#unconsumedBytes = 0;
  }
}
