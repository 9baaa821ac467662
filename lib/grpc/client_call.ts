import type { ClientStream, ResponseHandler } from "../http2/client_connection.ts";
import { type HeaderField, type HeaderList, valueOf } from "../http2/hpack/header_field.ts";
import { ErrorCode, type Http2Error } from "../http2/http2_error.ts";
import type { ResponseHead } from "../http2/message_head.ts";
import type { DeadlineTimer, Expiring } from "../timing/deadline_timer.ts";
import { assertEncoded, type ReceivedMessage } from "./compressed_message.ts";
import { messageEncoding } from "./message_encoding.ts";
import { decodeBase64, Metadata, STATUS_DETAILS } from "./metadata.ts";
import { Code, codeOfHttpStatus, decodeStatusMessage, GrpcError, parseCode } from "./status.ts";

/** What one call may be told apart from its request. */
export interface CallOptions {
  readonly metadata?: Metadata;
  /** Milliseconds until the call fails with DEADLINE_EXCEEDED; without it, it waits for ever. */
  readonly timeoutMs?: number;
  /** Cancels the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * Whether request messages are compressed with gzip; a function is asked for each, by its index from
   * 0. Without it none is. A server that does not read gzip ends the call with UNIMPLEMENTED.
   */
  readonly compress?: boolean | ((index: number) => boolean);
  /** Hears the metadata that the response starts with. */
  readonly onHeaders?: (headers: Metadata) => void;
  /** Hears of each response message, before the caller gets it, how it came. */
  readonly onMessage?: (how: MessageForm) => void;
  /** Hears the metadata that the response ends with. */
  readonly onTrailers?: (trailers: Metadata) => void;
  /**
   * As `onTrailers`, but hears the fields as they came, the protocol's own among them: for a caller of many
   * calls that looks for a field or two, which reading all of them into Metadata would hold up. They stay
   * what they are after the call.
   */
  readonly onTrailerFields?: (fields: HeaderList) => void;
}

/** How a message came over the wire. */
export interface MessageForm {
  readonly compressed: boolean;
}

/** What the calls of one channel share. */
export interface ChannelContext {
  readonly messageBytesMax: number;
  readonly deadlines: DeadlineTimer;
  /** Makes a call once more from its start; its method's path goes with it. */
  readonly makeAgain: (call: ClientCall, path: string) => void;
}

/** gRPC codes for the errors of a stream. Source: doc/PROTOCOL-HTTP2.md, Errors. */
const CODE_OF_RESET: ReadonlyMap<ErrorCode, Code> = new Map<ErrorCode, Code>([
  [ErrorCode.REFUSED_STREAM, Code.UNAVAILABLE],
  [ErrorCode.CANCEL, Code.CANCELLED],
  [ErrorCode.ENHANCE_YOUR_CALM, Code.RESOURCE_EXHAUSTED],
  [ErrorCode.INADEQUATE_SECURITY, Code.PERMISSION_DENIED],
]);

/**
 * One call on the client, from its request to its status.
 *
 * Ends exactly once: with the server's status, the deadline, the caller's signal, or the stream's
 * or connection's end.
 */
export abstract class ClientCall implements ResponseHandler, Expiring {
  protected stream: ClientStream | undefined;
  readonly options: CallOptions;
  protected readonly context: ChannelContext;
  /** When the call was made, on the clock of `performance.now()`; `undefined` without a deadline. */
  readonly deadlineMs: number | undefined;
  readonly #deadlineBucket: number | undefined;
  readonly #onAbort: (() => void) | undefined;
  #responseFields: HeaderList = NO_FIELDS;
  #ended = false;

  constructor(options: CallOptions, context: ChannelContext) {
    this.options = options;
    this.context = context;
    if (options.timeoutMs !== undefined) {
      this.deadlineMs = performance.now() + options.timeoutMs;
      this.#deadlineBucket = context.deadlines.add(this, this.deadlineMs);
    }
    if (options.signal !== undefined) {
      this.#onAbort = () => this.cancel(options.signal?.reason);
      options.signal.addEventListener("abort", this.#onAbort);
    }
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Milliseconds until the deadline, 0 when it is over; `undefined` without one. */
  get leftMs(): number | undefined {
    return this.deadlineMs === undefined
      ? undefined
      : Math.max(0, this.deadlineMs - performance.now());
  }

  /** Sends the request on a stream that was opened for the call. */
  abstract start(stream: ClientStream, fields: HeaderList): void;
  abstract onData(bytes: Uint8Array, start: number, end: number, endStream: boolean): void;
  abstract onWritable(): void;
  /** The call has ended: `error` is `undefined` when its status is OK. */
  protected abstract onEnd(error: unknown): void;

  onResponse(head: ResponseHead, endStream: boolean): void {
    if (endStream) return this.onTrailers(head.fields, head.status);
    if (head.status !== 200) {
      return this.#refuse(codeOfHttpStatus(head.status), `HTTP status ${head.status}, need 200`);
    }
    const type = valueOf(head.fields, "content-type");
    if (type === undefined || !type.startsWith("application/grpc")) {
      return this.#refuse(Code.UNKNOWN, `content-type ${type}, need application/grpc`);
    }
    this.#responseFields = head.fields;
    this.#tell(this.options.onHeaders, head.fields);
  }

  onTrailers(fields: HeaderList, httpStatus = 200): void {
    const status = valueOf(fields, "grpc-status");
    if (status === undefined) {
      const code = httpStatus === 200 ? Code.UNKNOWN : codeOfHttpStatus(httpStatus);
      return this.end(
        new GrpcError(code, `Cannot read response: HTTP ${httpStatus} without a status`),
      );
    }
    this.#tell(this.options.onTrailers, fields);
    this.#hand(this.options.onTrailerFields, fields);
    const code = parseCode(status);
    if (code === Code.OK) return this.end(undefined);
    const message = decodeStatusMessage(valueOf(fields, "grpc-message") ?? "");
    const details = readDetails(fields);
    this.end(new GrpcError(code, message, { trailers: readMetadata(fields), details }));
  }

  /**
   * A server whose own count of the deadline runs out may cut the call off before our timer fires: that
   * is the deadline too, not a cancellation, which nobody asked for.
   */
  onReset(error: Http2Error): void {
    const late = this.deadlineMs !== undefined && performance.now() >= this.deadlineMs;
    if (late && error.scope === "stream" && error.code === ErrorCode.CANCEL) {
      return this.end(this.#deadlineError({ cause: error }));
    }
    const code = error.scope === "connection"
      ? Code.UNAVAILABLE
      : CODE_OF_RESET.get(error.code) ?? Code.INTERNAL;
    this.end(new GrpcError(code, `The call was cut off: ${error.message}`, { cause: error }));
  }

  onDeadline(): void {
    this.cancel(this.#deadlineError());
  }

  /**
   * Makes sure that a message which came compressed can be read. The head is not looked at before: few
   * messages are compressed, and an encoding that no message uses does no harm.
   *
   * @throws {GrpcError} INTERNAL for an encoding that was not named, or is not supported.
   */
  protected assertReadable(message: ReceivedMessage): void {
    if (message instanceof Uint8Array) return;
    assertEncoded(message, messageEncoding(this.#responseFields, Code.INTERNAL));
  }

  /** Whether the request message of this index is to be compressed. */
  protected compresses(index: number): boolean {
    const { compress } = this.options;
    return typeof compress === "function" ? compress(index) : compress === true;
  }

  /** Ends the call on our own account and tells the server to stop. */
  cancel(reason: unknown): void {
    if (this.#ended) return;
    this.stream?.reset(ErrorCode.CANCEL);
    this.end(reason);
  }

  /** Ends the call; every way leads through here. */
  end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#deadlineBucket !== undefined) {
      this.context.deadlines.remove(this, this.#deadlineBucket);
    }
    if (this.#onAbort !== undefined) {
      this.options.signal?.removeEventListener("abort", this.#onAbort);
    }
    // The server has answered without reading all of the request: nobody wants the rest.
    if (this.stream !== undefined && !this.stream.localClosed) {
      this.stream.reset(ErrorCode.CANCEL);
    }
    this.onEnd(error);
  }

  #deadlineError(options: ErrorOptions = {}): GrpcError {
    const seconds = (this.options.timeoutMs ?? 0) / 1_000;
    return new GrpcError(Code.DEADLINE_EXCEEDED, `no answer within ${seconds} s`, options);
  }

  #refuse(code: Code, what: string): void {
    this.cancel(new GrpcError(code, `Cannot read response: ${what}`));
  }

  #tell(listener: ((metadata: Metadata) => void) | undefined, fields: HeaderList): void {
    if (listener !== undefined) this.#hand((list) => listener(readMetadata(list)), fields);
  }

  /** A listener that throws ends its own call, not the connection that it is called from. */
  #hand(listener: ((fields: HeaderList) => void) | undefined, fields: HeaderList): void {
    if (listener === undefined) return;
    try {
      listener(fields);
    } catch (error) {
      this.cancel(error);
    }
  }
}

const NO_FIELDS: HeaderList = [];

/** A status is worth more than details that are not base64, too. */
function readDetails(fields: HeaderList): Uint8Array | undefined {
  const text = valueOf(fields, STATUS_DETAILS);
  if (text === undefined) return undefined;
  try {
    return decodeBase64(STATUS_DETAILS, text);
  } catch {
    return undefined;
  }
}

function readMetadata(fields: HeaderList): Metadata {
  try {
    return Metadata.fromFields(fields);
  } catch {
    // A status is worth more than a -bin value beside it that is not base64.
    return Metadata.fromFields(fields.filter((field: HeaderField) => !field.name.endsWith("-bin")));
  }
}
