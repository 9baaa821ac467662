import type { ClientStream } from "../http2/client_connection.ts";
import type { HeaderList } from "../http2/hpack/header_field.ts";
import { END_STREAM, MORE_FOLLOWS } from "../http2/stream.ts";
import { MESSAGE_OVERHEAD_BYTES, STREAM_WINDOW_BYTES } from "../limits.ts";
import { type CallOptions, type ChannelContext, ClientCall } from "./client_call.ts";
import { CompressedMessage, type ReceivedMessage } from "./compressed_message.ts";
import { decodeMessage } from "./decode_message.ts";
import { ByteBudget, MessageAssembler } from "./message_assembler.ts";
import { PREFIX_BYTES } from "./message_prefix.ts";
import { MessageQueue } from "./message_queue.ts";
import { sendCompressedMessage, sendMessage } from "./send_message.ts";
import type { Method, MethodKind } from "./service.ts";
import { Code, GrpcError } from "./status.ts";

/**
 * A call with any number of requests, responses or both.
 *
 * Requests are taken from the caller no faster than the server takes them; responses are given back
 * to the server's window only while none waits to be read.
 */
export class StreamingClientCall<Request, Response> extends ClientCall
  implements AsyncIterable<Response> {
  readonly #method: Method<MethodKind, Request, Response>;
  readonly #requests: AsyncIterable<Request> | Iterable<Request>;
  readonly #assembler: MessageAssembler;
  readonly #responses: MessageQueue<ReceivedMessage>;
  #unconsumedBytes = 0;
  #writable: PromiseWithResolvers<void> | undefined;

  constructor(
    method: Method<MethodKind, Request, Response>,
    requests: AsyncIterable<Request> | Iterable<Request>,
    options: CallOptions,
    context: ChannelContext,
  ) {
    super(options, context);
    this.#method = method;
    this.#requests = requests;
    // A message that the caller has, decompressed, one that is being received, and behind them no more
    // than the server may send unasked.
    const messagesMax = STREAM_WINDOW_BYTES / PREFIX_BYTES + 2;
    const budget = new ByteBudget(
      2 * context.messageBytesMax + STREAM_WINDOW_BYTES + messagesMax * MESSAGE_OVERHEAD_BYTES,
    );
    this.#assembler = new MessageAssembler(context.messageBytesMax, budget);
    this.#responses = new MessageQueue<ReceivedMessage>({
      onTaken: (message) => {
        if (!(message instanceof CompressedMessage)) this.#assembler.release(message.length);
        this.#consume();
      },
      onStopped: () => this.cancel(new GrpcError(Code.CANCELLED, "the caller stopped reading")),
    });
  }

  start(stream: ClientStream, fields: HeaderList): void {
    this.stream = stream;
    stream.sendHeaders(fields, MORE_FOLLOWS);
    this.#sendAll(stream).catch((error) => this.cancel(error));
  }

  onData(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    if (this.ended) return this.stream?.consume(end - start);
    this.#unconsumedBytes += end - start;
    try {
      this.#assembler.push(bytes, start, end, (message) => {
        this.assertReadable(message);
        this.#responses.push(message);
      });
    } catch (error) {
      return this.cancel(error);
    }
    this.#consume();
    if (endStream) this.end(new GrpcError(Code.UNKNOWN, "The response ended without a status"));
  }

  onWritable(): void {
    this.#writable?.resolve();
    this.#writable = undefined;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Response> {
    const codec = this.#method.response;
    for await (const message of this.#responses) {
      const compressed = message instanceof CompressedMessage;
      const bytes = compressed ? this.#assembler.decompress(message) : message;
      const response = decodeMessage(codec, bytes, 0, bytes.length, "response");
      this.options.onMessage?.({ compressed });
      yield response;
      if (compressed) this.#assembler.release(bytes.length);
    }
  }

  protected onEnd(error: unknown): void {
    this.onWritable();
    if (error !== undefined) return this.#responses.endWith(error);
    if (!this.#assembler.partial) return this.#responses.end();
    this.#responses.endWith(
      new GrpcError(Code.INTERNAL, "Cannot read response: its last message is incomplete"),
    );
  }

  async #sendAll(stream: ClientStream): Promise<void> {
    let index = 0;
    for await (const request of this.#requests) {
      if (this.ended) return;
      if (this.compresses(index++)) {
        sendCompressedMessage(stream, this.#method.request, request, { endStream: false });
      } else {
        sendMessage(stream, this.#method.request, request, { endStream: false });
      }
      if (!stream.writable) {
        this.#writable = Promise.withResolvers<void>();
        await this.#writable.promise;
        if (this.ended) return;
      }
    }
    if (!this.ended) stream.sendData(EMPTY, END_STREAM);
  }

  #consume(): void {
    if (!this.#responses.empty) return;
    this.stream?.consume(this.#unconsumedBytes);
    this.#unconsumedBytes = 0;
  }
}

const EMPTY = new Uint8Array(0);
