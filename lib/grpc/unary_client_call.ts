import type { ClientStream } from "../http2/client_connection.ts";
import type { HeaderList } from "../http2/hpack/header_field.ts";
import { MORE_FOLLOWS } from "../http2/stream.ts";
import { ErrorCode, type Http2Error } from "../http2/http2_error.ts";
import { MESSAGE_OVERHEAD_BYTES } from "../limits.ts";
import { type CallOptions, type ChannelContext, ClientCall } from "./client_call.ts";
import { CompressedMessage, type ReceivedMessage } from "./compressed_message.ts";
import { decodeMessage } from "./decode_message.ts";
import { ByteBudget, MessageAssembler } from "./message_assembler.ts";
import { MESSAGE_BUFFERS } from "./message_buffers.ts";
import { isWholeMessage, PREFIX_BYTES, readLength } from "./message_prefix.ts";
import { sendCompressedMessage, sendMessage } from "./send_message.ts";
import type { Method } from "./service.ts";
import { Code, GrpcError } from "./status.ts";

/** A call of one request and one response. `response` settles when it ends. */
export class UnaryClientCall<Request, Response> extends ClientCall {
  readonly response: Promise<Response>;
  readonly #method: Method<"unary", Request, Response>;
  readonly #request: Request;
  readonly #resolve: (response: Response) => void;
  readonly #reject: (error: unknown) => void;
  #assembler: MessageAssembler | undefined;
  #message: Response | undefined;
  #messageTaken = false;
  #refused = false;

  constructor(
    method: Method<"unary", Request, Response>,
    request: Request,
    options: CallOptions,
    context: ChannelContext,
  ) {
    super(options, context);
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    this.response = promise;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#method = method;
    this.#request = request;
  }

  start(stream: ClientStream, fields: HeaderList): void {
    this.stream = stream;
    stream.sendHeaders(fields, MORE_FOLLOWS);
    try {
      if (this.compresses(0)) {
        sendCompressedMessage(stream, this.#method.request, this.#request, { endStream: true });
      } else {
        sendMessage(stream, this.#method.request, this.#request, { endStream: true });
      }
    } catch (error) {
      this.cancel(error);
    }
  }

  onData(bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    this.stream?.consume(end - start);
    if (this.ended) return;
    const messageBytesMax = this.context.messageBytesMax;
    try {
      if (this.#assembler === undefined && isWholeMessage(bytes, start, end)) {
        readLength(bytes, start, messageBytesMax);
        this.#take(bytes, start + PREFIX_BYTES, end);
      } else {
        this.#assemble(bytes, start, end);
      }
    } catch (error) {
      return this.cancel(error);
    }
    if (endStream) this.end(new GrpcError(Code.UNKNOWN, "The response ended without a status"));
  }

  onWritable(): void {}

  /** A server that refuses a stream has not looked at it: then the call is made again, once. */
  override onReset(error: Http2Error): void {
    if (error.code !== ErrorCode.REFUSED_STREAM || this.#refused) return super.onReset(error);
    this.#refused = true;
    this.stream = undefined;
    this.context.makeAgain(this, this.#method.path);
  }

  protected onEnd(error: unknown): void {
    if (error !== undefined) return this.#reject(error);
    const partial = this.#assembler?.partial === true;
    if (this.#messageTaken && !partial) return this.#resolve(this.#message as Response);
    const found = partial ? "an incomplete message" : "no message";
    this.#reject(new GrpcError(Code.INTERNAL, `The response has ${found}, need one`));
  }

  #assemble(bytes: Uint8Array, start: number, end: number): void {
    const { messageBytesMax } = this.context;
    const assembler = this.#assembler ??= new MessageAssembler(
      messageBytesMax,
      new ByteBudget(messageBytesMax + 2 * MESSAGE_OVERHEAD_BYTES),
      MESSAGE_BUFFERS,
    );
    assembler.push(bytes, start, end, (message) => this.#open(assembler, message));
  }

  #open(assembler: MessageAssembler, message: ReceivedMessage): void {
    this.assertReadable(message);
    const bytes = message instanceof CompressedMessage ? assembler.decompress(message) : message;
    this.#take(bytes, 0, bytes.length);
    assembler.recycle();
  }

  #take(bytes: Uint8Array, start: number, end: number): void {
    if (this.#messageTaken) {
      throw new GrpcError(Code.INTERNAL, "The response has two messages, need one");
    }
    const { response } = this.#method;
    this.#message = decodeMessage(response, bytes, start, end, "response");
    this.#messageTaken = true;
    this.options.onMessage?.({ compressed: this.#assembler?.compressed === true });
  }
}
