import type { HeaderList } from "../http2/hpack/header_field.ts";
import type { Http2Error } from "../http2/http2_error.ts";
import type { ServerStream } from "../http2/server_connection.ts";
import { END_STREAM, MORE_FOLLOWS, type StreamHandler } from "../http2/stream.ts";
import type { DeadlineTimer, Expiring } from "../timing/deadline_timer.ts";
import type { ByteBudget } from "./message_assembler.ts";
import { Metadata } from "./metadata.ts";
import type { CallHead } from "./request_head.ts";
import { acceptsGzip } from "./message_encoding.ts";
import { responseHeaders, trailersFor, trailersOk } from "./response_fields.ts";
import { sendCompressedMessage, sendMessage } from "./send_message.ts";
import type { CallOrigin, Route, ServerCall } from "./service.ts";
import { Code, GrpcError } from "./status.ts";

/** Who watches a server's calls. */
export interface CallObserver {
  onCallStart(): void;
  onCallEnd(code: Code): void;
  /** A handler failed with something that is no GrpcError: a bug, of which the client hears nothing. */
  onHandlerError(path: string, error: unknown): void;
}

/** What the calls of one connection share. */
export interface CallContext {
  readonly messageBytesMax: number;
  readonly budget: ByteBudget;
  readonly deadlines: DeadlineTimer;
  readonly observer: CallObserver;
}

/** What a handler that asked for compression gets. */
interface ResponseCompression {
  /** What the client reads, of what there is. */
  readonly encoding: "gzip" | undefined;
  /** Whether the next message is to be compressed. */
  wanted: boolean;
}

/**
 * One call on the server, from its head to its trailers.
 *
 * Ends exactly once: with the handler's response, its error, the deadline, or the client's reset.
 * What is costly and rarely asked for (metadata, signal) is made when it is first asked for.
 */
export abstract class BaseCall implements ServerCall, StreamHandler, Expiring {
  readonly deadlineMs: number | undefined;
  protected readonly stream: ServerStream;
  protected readonly route: Route;
  protected readonly context: CallContext;
  readonly #head: CallHead;
  readonly #deadlineBucket: number | undefined;
  #metadata: Metadata | undefined;
  #headers: Metadata | undefined;
  #trailers: Metadata | undefined;
  #aborter: AbortController | undefined;
  #abortReason: GrpcError | undefined;
  #compression: ResponseCompression | undefined;
  #headersSent = false;
  #ended = false;
  #writable: PromiseWithResolvers<void> | undefined;

  constructor(stream: ServerStream, head: CallHead, route: Route, context: CallContext) {
    this.stream = stream;
    this.route = route;
    this.context = context;
    this.#head = head;
    stream.handler = this;
    context.observer.onCallStart();
    if (head.timeoutMs === undefined) return;
    this.deadlineMs = performance.now() + head.timeoutMs;
    this.#deadlineBucket = context.deadlines.add(this, this.deadlineMs);
  }

  get metadata(): Metadata {
    return this.#metadata ??= Metadata.fromFields(this.#head.head.fields);
  }

  get origin(): CallOrigin {
    const { fields } = this.#head.head;
    const valuesOf = (name: string) =>
      fields.flatMap((field) => field.name === name ? [field.value] : []);
    const parents = valuesOf("traceparent");
    const states = valuesOf("tracestate");
    return {
      protocol: "grpc",
      path: this.route.method.path,
      // Two of them are as wrong as one that cannot be read. Source: W3C Trace Context.
      traceparent: parents.length === 1 ? parents[0] : undefined,
      tracestate: states.length === 0 ? undefined : states.join(","),
    };
  }

  get headers(): Metadata {
    return this.#headers ??= new Metadata();
  }

  get trailers(): Metadata {
    return this.#trailers ??= new Metadata();
  }

  set trailers(metadata: Metadata) {
    this.#trailers = metadata;
  }

  get signal(): AbortSignal {
    if (this.#aborter === undefined) {
      this.#aborter = new AbortController();
      if (this.#abortReason !== undefined) this.#aborter.abort(this.#abortReason);
    }
    return this.#aborter.signal;
  }

  get compress(): boolean {
    return this.#compression?.wanted === true;
  }

  set compress(wanted: boolean) {
    if (this.#compression !== undefined) {
      this.#compression.wanted = wanted;
    } else if (wanted) {
      if (this.#headersSent) {
        throw new TypeError(
          "Cannot compress responses: their head was sent, and names no encoding",
        );
      }
      const encoding = acceptsGzip(this.#head.head.fields) ? "gzip" : undefined;
      this.#compression = { encoding, wanted };
    }
  }

  abstract get requestCompressed(): boolean;

  /** What compressed request messages are compressed with. */
  protected get requestEncoding(): "gzip" | undefined {
    return this.#head.encoding;
  }

  /** Whether the call is over: nothing more is sent, and what arrives is dropped. */
  protected get ended(): boolean {
    return this.#ended;
  }

  abstract onData(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;

  onTrailers(_fields: HeaderList): void {
    // gRPC requests have no trailers; those of a client that sends them end its messages.
    this.onData(EMPTY, 0, 0, END_STREAM);
  }

  onWritable(): void {
    this.#writable?.resolve();
    this.#writable = undefined;
  }

  onReset(error: Http2Error): void {
    this.abort(error.scope === "stream" ? RESET : cancelled({ cause: error }));
  }

  onDeadline(): void {
    this.fail(new GrpcError(Code.DEADLINE_EXCEEDED, "the deadline has passed"));
  }

  sendHeaders(): void {
    if (this.#headersSent || this.#ended) return;
    this.#headersSent = true;
    this.stream.sendHeaders(
      responseHeaders(this.#headers, this.#compression?.encoding),
      MORE_FOLLOWS,
    );
  }

  /** Answers with what the handler of a single response returned. */
  protected respond(result: unknown): void {
    if (result instanceof Promise) {
      result.then((message) => this.#finish(message), (error) => this.fail(error));
    } else {
      this.#finish(result);
    }
  }

  /** Answers with each message of `responses`, no faster than the client takes them. */
  protected async respondStream(responses: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const message of responses) {
        if (this.#ended) return;
        this.#send(message);
        if (!this.stream.writable) {
          this.#writable = Promise.withResolvers<void>();
          await this.#writable.promise;
          if (this.#ended) return;
        }
      }
      this.sendHeaders();
      this.#end(trailersOk(this.#trailers), Code.OK);
    } catch (error) {
      this.fail(error);
    }
  }

  /** Ends the call with an error's status; what is not a GrpcError becomes UNKNOWN without its text. */
  protected fail(error: unknown): void {
    if (this.#ended) return;
    let status: GrpcError;
    if (error instanceof GrpcError) {
      status = error;
    } else {
      this.context.observer.onHandlerError(this.route.method.path, error);
      status = new GrpcError(Code.UNKNOWN, "the handler failed");
    }
    // Headers that were set but not sent go before the trailers rather than get lost.
    if (this.#headers !== undefined) this.sendHeaders();
    const fields = trailersFor(status, this.#trailers, { alone: !this.#headersSent });
    this.#end(fields, status.code, status);
  }

  /** Ends the call without an answer: there is nobody to read it. */
  protected abort(reason: GrpcError): void {
    if (this.#ended) return;
    this.#close(reason.code, reason);
  }

  /** Lets go of what the call holds; called once, at its end, with why if it did not end well. */
  protected release(_reason: GrpcError | undefined): void {}

  #finish(message: unknown): void {
    if (this.#ended) return;
    try {
      this.#send(message);
    } catch (error) {
      return this.fail(error);
    }
    this.#end(trailersOk(this.#trailers), Code.OK);
  }

  #send(message: unknown): void {
    this.sendHeaders();
    const codec = this.route.method.response;
    if (this.#compression?.encoding !== undefined && this.#compression.wanted) {
      sendCompressedMessage(this.stream, codec, message, { endStream: false });
    } else {
      sendMessage(this.stream, codec, message, { endStream: false });
    }
  }

  #end(fields: HeaderList, code: Code, reason?: GrpcError): void {
    if (this.#ended) return;
    this.stream.sendHeaders(fields, END_STREAM);
    this.#close(code, reason);
  }

  #close(code: Code, reason?: GrpcError): void {
    this.#ended = true;
    if (this.#deadlineBucket !== undefined) {
      this.context.deadlines.remove(this, this.#deadlineBucket);
    }
    this.release(reason);
    this.onWritable();
    this.context.observer.onCallEnd(code);
    if (reason === undefined) return;
    this.#abortReason = reason;
    this.#aborter?.abort(reason);
  }
}

const EMPTY = new Uint8Array(0);

const cancelled = (options?: ErrorOptions) =>
  new GrpcError(Code.CANCELLED, "the client cancelled the call", options);

/** Shared by all calls that are reset: an error costs more than all else that a reset does. */
const RESET = cancelled();
