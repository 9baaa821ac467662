import type { Connection, Transport } from "../http2/connection.ts";
import { ErrorCode, Http2Error } from "../http2/http2_error.ts";
import { Keeper, KEEPER_TIMES, type KeeperTimes } from "../http2/keeper.ts";
import type { RequestHead } from "../http2/message_head.ts";
import {
  type RequestAcceptor,
  serverConnection,
  type ServerStream,
} from "../http2/server_connection.ts";
import { END_STREAM, type StreamHandler } from "../http2/stream.ts";
import {
  BUFFERED_MESSAGES_PER_CONNECTION,
  CONCURRENT_STREAMS_MAX,
  KEEPER_ROUND_MS,
  MESSAGE_OVERHEAD_BYTES,
  REFUSALS_MAX,
  SERVER_BUFFERED_BYTES_MAX,
  STREAM_WINDOW_BYTES,
} from "../limits.ts";
import type { Authenticator } from "./authenticator.ts";
import { DeadlineTimer } from "../timing/deadline_timer.ts";
import { ByteBudget } from "./message_assembler.ts";
import { PlainCall } from "./plain_call.ts";
import { type CallHead, type PlainAnswer, readCallHead } from "./request_head.ts";
import { trailersFor } from "./response_fields.ts";
import type { CallContext, CallObserver } from "./server_call.ts";
import type { ServiceRegistry } from "./service.ts";
import { GrpcError } from "./status.ts";
import { StreamRequestCall } from "./stream_request_call.ts";
import { UnaryRequestCall } from "./unary_request_call.ts";

/** How a server treats its calls. */
export interface GrpcServerOptions {
  /** The largest request message, in bytes. */
  readonly messageBytesMax: number;
  /** Calls that one connection may have at once; CONCURRENT_STREAMS_MAX by default. */
  readonly streamsMax?: number;
  /** How long connections may be what; those that are not given as in KEEPER_TIMES. */
  readonly times?: Partial<KeeperTimes>;
  /** How often connections are looked at, in milliseconds; KEEPER_ROUND_MS by default. */
  readonly roundMs?: number;
  readonly observer: CallObserver;
}

/**
 * Serves gRPC on connections that somebody else accepts.
 *
 * Owns the connections until they end. Everything runs on the thread that made it.
 *
 * Source: gRPC over HTTP/2 (doc/PROTOCOL-HTTP2.md).
 */
export class GrpcServer {
  readonly #registry: ServiceRegistry;
  readonly #options: GrpcServerOptions;
  readonly #streamsMax: number;
  readonly #times: KeeperTimes;
  readonly #connections = new Map<Connection<StreamHandler>, Keeper>();
  readonly #acceptors = new Set<CallAcceptor>();
  #authenticator: Authenticator | undefined;
  readonly #deadlines = new DeadlineTimer();
  readonly #budget: ByteBudget;
  #rounds: ReturnType<typeof setInterval> | undefined;
  #refusals = 0;
  #shuttingDown = false;

  constructor(registry: ServiceRegistry, options: GrpcServerOptions) {
    this.#registry = registry;
    this.#options = options;
    this.#streamsMax = options.streamsMax ?? CONCURRENT_STREAMS_MAX;
    this.#times = { ...KEEPER_TIMES, ...options.times };
    this.#budget = new ByteBudget(
      Math.max(SERVER_BUFFERED_BYTES_MAX, this.#connectionBytesMax),
      { holder: "server thread" },
    );
  }

  /** Connections that are open now. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Lets only those call, from now on, whom it lets; without it everybody. Calls in flight go on. */
  set authenticator(authenticator: Authenticator | undefined) {
    this.#authenticator = authenticator;
    for (const acceptor of this.#acceptors) acceptor.authenticator = authenticator;
  }

  /**
   * Serves one connection until it is over, and closes it.
   *
   * @returns why it ended, `undefined` after an orderly end. Never rejects.
   */
  async serve(transport: Transport): Promise<Error | undefined> {
    const acceptor = this.#newAcceptor();
    const connection = this.#newConnection(transport, acceptor);
    this.#acceptors.add(acceptor);
    this.#keep(connection);
    if (this.#shuttingDown) connection.shutdown();
    try {
      return await connection.run();
    } finally {
      this.#acceptors.delete(acceptor);
      this.#letGo(connection);
    }
  }

  /**
   * Takes no calls on a connection, tells its peer why, and closes it; of too many such at once, the rest
   * without a word. Never rejects.
   */
  async refuse(transport: Transport, reason: string): Promise<void> {
    if (this.#refusals >= REFUSALS_MAX) return transport.close();
    this.#refusals++;
    const connection = this.#newConnection(transport, this.#newAcceptor());
    connection.cutOff(Http2Error.connection(ErrorCode.ENHANCE_YOUR_CALM, reason));
    await connection.run();
    this.#refusals--;
  }

  /** Ends all connections gracefully: no new calls, those in flight finish. Resolves when all have. */
  async shutdown(): Promise<void> {
    this.#shuttingDown = true;
    await Promise.all([...this.#connections.keys()].map((connection) => connection.shutdown()));
    this.#deadlines.close();
  }

  /** Ends all connections at once; calls in flight are cancelled. */
  close(): void {
    this.#shuttingDown = true;
    for (const connection of this.#connections.keys()) connection.close();
    this.#deadlines.close();
  }

  /** What waits to be sent is held for the calls as well as what waits to be read. */
  #newConnection(transport: Transport, acceptor: CallAcceptor): Connection<StreamHandler> {
    return serverConnection(transport, acceptor, {
      streamsMax: this.#streamsMax,
      budget: acceptor.budget,
    });
  }

  #newAcceptor(): CallAcceptor {
    const acceptor = new CallAcceptor(this.#registry, {
      messageBytesMax: this.#options.messageBytesMax,
      budget: new ByteBudget(this.#connectionBytesMax, { parent: this.#budget }),
      deadlines: this.#deadlines,
      observer: this.#options.observer,
    });
    acceptor.authenticator = this.#authenticator;
    return acceptor;
  }

  #keep(connection: Connection<StreamHandler>): void {
    this.#connections.set(connection, new Keeper(connection, this.#times, performance.now()));
    this.#rounds ??= setInterval(() => {
      const nowMs = performance.now();
      for (const keeper of this.#connections.values()) keeper.check(nowMs);
    }, this.#options.roundMs ?? KEEPER_ROUND_MS);
  }

  #letGo(connection: Connection<StreamHandler>): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    clearInterval(this.#rounds);
    this.#rounds = undefined;
  }

  /** What flow control lets every stream send unasked is never too much, however small the messages. */
  get #connectionBytesMax(): number {
    const messageBytes = this.#options.messageBytesMax + MESSAGE_OVERHEAD_BYTES;
    return Math.max(
      messageBytes * BUFFERED_MESSAGES_PER_CONNECTION,
      this.#streamsMax * (STREAM_WINDOW_BYTES + MESSAGE_OVERHEAD_BYTES),
    );
  }
}

/** Starts a call for each request of one connection. */
class CallAcceptor implements RequestAcceptor {
  readonly #registry: ServiceRegistry;
  readonly #context: CallContext;
  #authenticator: Authenticator | undefined;
  #last: CallHead | undefined;

  constructor(registry: ServiceRegistry, context: CallContext) {
    this.#registry = registry;
    this.#context = context;
  }

  set authenticator(authenticator: Authenticator | undefined) {
    this.#authenticator = authenticator;
    // What is remembered was let in, or not, by the one before.
    this.#last = undefined;
  }

  /** What the calls of the connection may hold. */
  get budget(): ByteBudget {
    return this.#context.budget;
  }

  onRequest(stream: ServerStream, head: RequestHead, endStream: boolean): void {
    const call = this.#read(head);
    if ("body" in call) {
      new PlainCall(stream, call, endStream);
    } else if (call.route instanceof GrpcError) {
      this.#refuse(stream, call.route);
    } else if (call.route.method.kind === "unary" || call.route.method.kind === "serverStreaming") {
      const unary = new UnaryRequestCall(stream, call, call.route, this.#context);
      if (endStream) unary.onData(EMPTY, 0, 0, END_STREAM);
    } else {
      const streaming = new StreamRequestCall(stream, call, call.route, this.#context);
      streaming.start();
      if (endStream) streaming.onData(EMPTY, 0, 0, END_STREAM);
    }
  }

  /** A client that repeats a request repeats its head: the same object, which was read before. */
  #read(head: RequestHead): CallHead | PlainAnswer {
    if (this.#last?.head === head) return this.#last;
    const call = readCallHead(head, this.#registry, this.#authenticator);
    if (!("body" in call)) this.#last = call;
    return call;
  }

  #refuse(stream: ServerStream, error: GrpcError): void {
    this.#context.observer.onCallStart();
    stream.sendHeaders(trailersFor(error, undefined, { alone: true }), END_STREAM);
    this.#context.observer.onCallEnd(error.code);
  }
}

const EMPTY = new Uint8Array(0);
