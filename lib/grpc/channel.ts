import { clientConnection, type ResponseHandler } from "../http2/client_connection.ts";
import type { Connection, Transport } from "../http2/connection.ts";
import { Http2Error } from "../http2/http2_error.ts";
import { Keeper, type KeeperTimes } from "../http2/keeper.ts";
import {
  CLIENT_WAITING_CALLS_MAX,
  CONNECT_TIMEOUT_MS,
  KEEPALIVE_ANSWER_MS,
  KEEPER_ROUND_MS,
  MESSAGE_BYTES_MAX_DEFAULT,
} from "../limits.ts";
import type { CallOptions, ChannelContext, ClientCall } from "./client_call.ts";
import { type ChannelTraffic, sumTraffic } from "./channel_traffic.ts";
import { DeadlineTimer } from "../timing/deadline_timer.ts";
import { type Address, dialTcp, formatAddress } from "./dial.ts";
import { dialTls, type TlsOptions } from "./dial_tls.ts";
import type { Metadata } from "./metadata.ts";
import { RequestFields } from "./request_fields.ts";
import type { Method } from "./service.ts";
import { Code, GrpcError } from "./status.ts";
import { StreamingClientCall } from "./streaming_client_call.ts";
import { UnaryClientCall } from "./unary_client_call.ts";

/** How a channel reaches its server. */
export interface ChannelOptions {
  /** Opens a connection; called for the first call and for the first after a connection has ended. */
  readonly dial: () => Promise<Transport>;
  /** The `:authority` of requests: `host:port`. */
  readonly authority: string;
  /** The largest response message, in bytes. */
  readonly messageBytesMax: number;
  /** How the channel finds out that a server is gone without a word; by default it does not. */
  readonly keepalive?: Keepalive;
  /** `http` by default; `https` over TLS. */
  readonly scheme?: "http" | "https";
  /** Sent with every call, before the call's own: a part of the fields whose encoding is kept. */
  readonly metadata?: Metadata;
}

/**
 * PINGs to a server that is quiet while calls wait for it; without calls none are sent.
 *
 * Servers of other libraries take PINGs more often than every few minutes for an attack.
 * Source: gRPC doc/keepalive.md.
 */
export interface Keepalive {
  /** Milliseconds of quiet before a PING. */
  readonly quietMs: number;
  /** Milliseconds that the server has for the answer; then its calls fail with UNAVAILABLE. */
  readonly answerMs?: number;
  /** How often the connection is looked at, in milliseconds. */
  readonly roundMs?: number;
}

/** What a client leaves to its calls' deadlines. */
const FOREVER: KeeperTimes = {
  prefaceMs: Infinity,
  quietMs: Infinity,
  answerMs: Infinity,
  idleMs: Infinity,
  ageMs: Infinity,
  ageGraceMs: Infinity,
  stalledMs: Infinity,
  heldBackMs: Infinity,
};

const closedError = () => new GrpcError(Code.UNAVAILABLE, "the channel was closed");

interface WaitingCall {
  readonly call: ClientCall;
  readonly path: string;
}

/**
 * Makes calls to one server over one connection, which is opened when it is needed.
 *
 * Calls beyond what the server allows at once wait, CLIENT_WAITING_CALLS_MAX at most, first come
 * first served. When a connection cannot be opened, all that wait fail with UNAVAILABLE. A unary call
 * that the server refused unseen is made once more. Everything runs on the thread that made it.
 */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #context: ChannelContext;
  readonly #waiting: WaitingCall[] = [];
  readonly #fields: RequestFields;
  /** The connection in use, and those that take no more calls but still have some. */
  readonly #connections = new Set<Connection<ResponseHandler>>();
  #connection: Connection<ResponseHandler> | undefined;
  #connecting: Promise<void> | undefined;
  #closed = false;
  /** Of connections that have ended. */
  #endedTraffic: ChannelTraffic = sumTraffic([]);

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#fields = new RequestFields(options);
    this.#context = {
      messageBytesMax: options.messageBytesMax,
      deadlines: new DeadlineTimer(),
      makeAgain: (call, path) => this.#enqueue(call, path, call.leftMs),
    };
  }

  /**
   * Calls a method of one request and one response.
   *
   * @throws {GrpcError} the call's status when it is not OK; the signal's reason when it aborts.
   */
  unary<Request, Response>(
    method: Method<"unary", Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    const call = new UnaryClientCall(method, request, options, this.#context);
    this.#enqueue(call, method.path, options.timeoutMs);
    return call.response;
  }

  /** Calls a method of one request and any number of responses; stopping to read cancels it. */
  serverStreaming<Request, Response>(
    method: Method<"serverStreaming", Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): AsyncIterable<Response> {
    return this.#stream(new StreamingClientCall(method, [request], options, this.#context), method);
  }

  /** Calls a method of any number of requests and one response. */
  async clientStreaming<Request, Response>(
    method: Method<"clientStreaming", Request, Response>,
    requests: AsyncIterable<Request> | Iterable<Request>,
    options: CallOptions = {},
  ): Promise<Response> {
    const call = new StreamingClientCall(method, requests, options, this.#context);
    let only: { readonly response: Response } | undefined;
    for await (const response of this.#stream(call, method)) {
      if (only !== undefined) {
        throw new GrpcError(Code.INTERNAL, "The response has two messages, need one");
      }
      only = { response };
    }
    if (only !== undefined) return only.response;
    throw new GrpcError(Code.INTERNAL, "The response has no message, need one");
  }

  /** Calls a method of any number of requests and responses; stopping to read cancels it. */
  bidiStreaming<Request, Response>(
    method: Method<"bidiStreaming", Request, Response>,
    requests: AsyncIterable<Request> | Iterable<Request>,
    options: CallOptions = {},
  ): AsyncIterable<Response> {
    return this.#stream(new StreamingClientCall(method, requests, options, this.#context), method);
  }

  /**
   * Connects now rather than with the first call. Resolves when connected.
   *
   * @throws {GrpcError} UNAVAILABLE when that fails, or the channel was closed.
   */
  async connect(): Promise<void> {
    if (this.#closed) throw closedError();
    if (this.#connection === undefined || this.#connection.closing) await this.#connect();
  }

  /** Calls that the server lets it have at once, more wait: as it says now, Infinity before it has said. */
  get callsMax(): number {
    return this.#connection?.streamsMax ?? Infinity;
  }

  /** Bytes of HTTP/2 that all its connections have sent and received so far. */
  get traffic(): ChannelTraffic {
    return sumTraffic([this.#endedTraffic, ...[...this.#connections].map(trafficOf)]);
  }

  /** Ends the connection; calls in flight fail with UNAVAILABLE. */
  close(): void {
    this.#closed = true;
    this.#failWaiting(closedError());
    for (const connection of this.#connections) connection.close();
    this.#context.deadlines.close();
  }

  #stream<Call extends ClientCall>(call: Call, method: { readonly path: string }): Call {
    this.#enqueue(call, method.path, call.options.timeoutMs);
    return call;
  }

  /** @param leftMs until the call's deadline, if it has one */
  #enqueue(call: ClientCall, path: string, leftMs: number | undefined): void {
    const { signal } = call.options;
    if (this.#closed) return call.end(closedError());
    if (signal?.aborted) return call.end(signal.reason);
    const connection = this.#connection;
    if (this.#waiting.length === 0 && connection?.closing === false && connection.hasCapacity) {
      return this.#start(connection, call, path, leftMs);
    }
    if (this.#waiting.length >= CLIENT_WAITING_CALLS_MAX) {
      return call.end(
        new GrpcError(Code.RESOURCE_EXHAUSTED, `${this.#waiting.length} calls wait already`),
      );
    }
    this.#waiting.push({ call, path });
    this.#advance();
  }

  /** Starts calls that wait, as far as there is room, or opens the connection that they wait for. */
  #advance(): void {
    if (this.#waiting.length === 0 || this.#closed) return;
    const connection = this.#connection;
    if (connection === undefined || connection.closing) {
      // Calls that wait have been told why it failed.
      this.#connect().catch(() => {});
      return;
    }
    // Starting a call may end it at once, which leads back here: so each is taken off first.
    while (!connection.closing && connection.hasCapacity) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (!next.call.ended) this.#start(connection, next.call, next.path, next.call.leftMs);
    }
  }

  /** Opens a connection, or waits for the one that is being opened. */
  #connect(): Promise<void> {
    this.#connecting ??= this.#open();
    return this.#connecting;
  }

  async #open(): Promise<void> {
    const deadlineMs = performance.now() + CONNECT_TIMEOUT_MS;
    try {
      const transport = await this.#options.dial();
      if (this.#closed) {
        transport.close();
        throw closedError();
      }
      const connection = clientConnection(transport, () => this.#advance());
      this.#connections.add(connection);
      const over = connection.run();
      const stopKeeping = this.#keep(connection);
      over.then(() => {
        stopKeeping();
        this.#connections.delete(connection);
        this.#endedTraffic = sumTraffic([this.#endedTraffic, trafficOf(connection)]);
      });
      await this.#greet(connection, over, deadlineMs);
      this.#connection = connection;
    } catch (error) {
      this.#failWaiting(error);
      throw error;
    } finally {
      this.#connecting = undefined;
    }
    this.#advance();
  }

  /** @returns what ends it */
  #keep(connection: Connection<ResponseHandler>): () => void {
    const { keepalive } = this.#options;
    if (keepalive === undefined) return () => {};
    const { quietMs, answerMs = KEEPALIVE_ANSWER_MS, roundMs = KEEPER_ROUND_MS } = keepalive;
    const keeper = new Keeper(connection, { ...FOREVER, quietMs, answerMs }, performance.now());
    const timer = setInterval(() => {
      if (connection.streamCount > 0) keeper.check(performance.now());
    }, roundMs);
    return () => clearInterval(timer);
  }

  /**
   * Waits for the server's limits, so that no more streams are opened than it allows.
   *
   * @throws {GrpcError} UNAVAILABLE when what answers does not speak HTTP/2, or nothing does in time.
   */
  async #greet(
    connection: Connection<ResponseHandler>,
    over: Promise<Error | undefined>,
    deadlineMs: number,
  ): Promise<void> {
    let inTime = true;
    const timer = setTimeout(() => {
      inTime = false;
      connection.close();
    }, deadlineMs - performance.now());
    await connection.greeted;
    clearTimeout(timer);
    if (this.#closed) throw closedError();
    if (!connection.closing) return;
    const error = await over;
    const reason = inTime
      ? describeEnd(error)
      : `no HTTP/2 answer within ${CONNECT_TIMEOUT_MS / 1_000} s`;
    throw new GrpcError(
      Code.UNAVAILABLE,
      `Cannot connect to ${this.#options.authority}: ${reason}`,
      error === undefined ? {} : { cause: error },
    );
  }

  #start(
    connection: Connection<ResponseHandler>,
    call: ClientCall,
    path: string,
    leftMs: number | undefined,
  ): void {
    const fields = this.#fields.of(path, leftMs, call.options);
    call.start(connection.openStream(call), fields);
  }

  #failWaiting(error: unknown): void {
    for (const { call } of this.#waiting.splice(0)) call.end(error);
  }
}

function trafficOf({ pulse }: Connection<ResponseHandler>): ChannelTraffic {
  return { bytesSent: pulse.bytesTaken, bytesReceived: pulse.bytesRead };
}

/** Why a connection ended before its server had told its limits. */
function describeEnd(error: Error | undefined): string {
  if (error === undefined) return "the server has closed the connection";
  return error instanceof Http2Error ? `it speaks no HTTP/2 (${error.message})` : error.message;
}

/** What `openChannel` opens. */
export interface OpenChannelOptions extends Address {
  /** The largest response, gRPC's usual 4 MiB by default. */
  readonly messageBytesMax?: number;
  /** Whose certificates are believed; without it the connection is not encrypted. */
  readonly tls?: TlsOptions | undefined;
  /** Sent with every call. */
  readonly metadata?: Metadata | undefined;
}

/** A channel over TCP, or over TLS on it. */
export function openChannel(
  { hostname, port, messageBytesMax = MESSAGE_BYTES_MAX_DEFAULT, tls, metadata }:
    OpenChannelOptions,
): Channel {
  const address = { hostname, port };
  return new Channel({
    dial: () => tls === undefined ? dialTcp(address) : dialTls(address, tls),
    authority: formatAddress(address),
    messageBytesMax,
    scheme: tls === undefined ? "http" : "https",
    ...(metadata === undefined ? {} : { metadata }),
  });
}
