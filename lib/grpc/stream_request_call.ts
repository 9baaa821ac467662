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
 * that a handler which does not read holds one window and one message at most.
 */
export class StreamRequestCall extends BaseCall {
  readonly #assembler = new MessageAssembler(this.context.messageBytesMax, this.context.budget);
  readonly #requests = new MessageQueue<Uint8Array>({
    onTaken: (message) => {
      this.#assembler.release(message.length);
      this.#consume();
    },
    onStopped: () => this.#stopReading(),
  });
  #unconsumedBytes = 0;
  #reading = true;

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
      this.#assembler.push(bytes, start, end, (message) => this.#requests.push(message));
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
    for await (const bytes of this.#requests) {
      yield decodeMessage(this.route.method.request, bytes, 0, bytes.length, "request");
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
