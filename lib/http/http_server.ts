import { OperationError } from "../errors.ts";
import type { Authenticator } from "../grpc/authenticator.ts";
import { DeadlineTimer } from "../timing/deadline_timer.ts";
import { type KeyPair, type ListenOptions, openOn } from "../grpc/listener.ts";
import type { InferenceBackend } from "../inference/backend.ts";
import {
  HTTP_BODY_RECEIVE_MS,
  HTTP_REQUESTS_MAX,
  LINGER_MS,
  SERVER_BUFFERED_BYTES_MAX,
} from "../limits.ts";
import type { PipelineWorkers } from "../pipeline/pipeline_workers.ts";
import { BodyBudget } from "./body_budget.ts";
import type { HttpApp, HttpObserver } from "./http_app.ts";
import type { KeptRuns } from "./kept_runs.ts";
import type { CounterSource } from "./route.ts";

/** What a thread serves over HTTP, and where. */
export interface HttpServerOptions extends ListenOptions {
  /** With it, over TLS. */
  readonly keyPair: KeyPair | undefined;
  /** Lets only those in whom it lets, but to health; without it everybody. */
  readonly authenticator: Authenticator | undefined;
  /** The largest body of a request, in bytes. */
  readonly bodyBytesMax: number;
  readonly backend: InferenceBackend;
  readonly pipeline: PipelineWorkers;
  readonly invocations: KeptRuns;
  /** Counters of the whole server, for its metrics. */
  readonly counters: CounterSource;
  /** The server's version. */
  readonly version: string;
  readonly observer: HttpObserver;
  /** Requests at once; HTTP_REQUESTS_MAX by default. */
  readonly requestsMax?: number;
  /** How long a body may take to arrive, in milliseconds; HTTP_BODY_RECEIVE_MS by default. */
  readonly receiveMs?: number;
}

/**
 * Serves HTTP/1.1 and HTTP/2 on a port, which other threads may share.
 *
 * The runtime bounds a request's head (431 past 100 fields or about half a megabyte), but no time: a client
 * that sends nothing, half a head or nothing more keeps its connection, with what it has sent of the head,
 * until it or the server ends. Only file descriptors bound how many there are, so strangers are to be kept
 * off by a proxy that limits connections and their idle time.
 */
export class HttpServer {
  readonly #options: HttpServerOptions;
  /** With what it needs, a third of a thread's start: it is loaded for the first request. */
  #app: HttpApp | undefined;
  #appLoading: Promise<HttpApp> | undefined;
  #authenticator: Authenticator | undefined;
  readonly #deadlines = new DeadlineTimer();
  #served: Deno.HttpServer<Deno.NetAddr>;
  /** Resolves when all that was served with certificates of before has ended. */
  #replacedEnded: Promise<unknown> = Promise.resolve();
  #draining = false;

  /** @throws {OperationError} `unavailable`, naming the address and what is wrong with it. */
  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#authenticator = options.authenticator;
    this.#served = this.#serve(options, options.keyPair);
  }

  /** The port's number, also when the system has chosen it. */
  get port(): number {
    return this.#served.addr.port;
  }

  /** Lets only those in, from now on, whom it lets. Requests in flight go on. */
  set authenticator(authenticator: Authenticator | undefined) {
    this.#authenticator = authenticator;
    if (this.#app !== undefined) this.#app.authenticator = authenticator;
  }

  /**
   * Gives new connections another certificate; those that are open end with the request that they are at.
   *
   * @throws {OperationError} `unavailable` when it cannot listen again, `failed-precondition` when the port
   *   is not shared; then the old certificate stays.
   */
  replaceKeyPair(keyPair: KeyPair): void {
    if (this.#draining) return;
    const { port } = this;
    if (!this.#options.sharePort) {
      throw new OperationError(
        "failed-precondition",
        `Cannot replace the certificate of port ${port}: it is not shared, need a restart`,
      );
    }
    const old = this.#served;
    this.#served = this.#serve({ ...this.#options, port, probePort: false }, keyPair);
    this.#replacedEnded = Promise.all([this.#replacedEnded, old.shutdown()]);
  }

  /**
   * Takes no more connections, says that it is not ready, and ends.
   *
   * Resolves when the requests in flight have been answered, and their clients had LINGER_MS to take what
   * is left: one that reads no more, or never ended its request's head, would hold it for ever.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    const ended = Promise.all([this.#replacedEnded, this.#served.shutdown()]);
    const app = await this.#appLoading;
    await Promise.race([ended, app?.untilIdle()]);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const lingered = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LINGER_MS);
    });
    await Promise.race([ended, lingered]);
    clearTimeout(timer);
    this.#deadlines.close();
  }

  async #loadApp(): Promise<HttpApp> {
    const { HttpApp } = await import("./http_app.ts");
    const { bodyBytesMax, receiveMs, requestsMax, backend, pipeline, invocations } = this.#options;
    const { counters, version, observer } = this.#options;
    this.#app = new HttpApp({
      backend,
      pipeline,
      invocations,
      counters,
      version,
      observer,
      bodyLimits: {
        bytesMax: bodyBytesMax,
        receiveMs: receiveMs ?? HTTP_BODY_RECEIVE_MS,
        deadlines: this.#deadlines,
      },
      // One compressed body can always be held, with what it is after decompression.
      budget: new BodyBudget(Math.max(SERVER_BUFFERED_BYTES_MAX, 2 * bodyBytesMax)),
      // So can one answer: a character of a body may take six in JSON.
      answers: new BodyBudget(Math.max(SERVER_BUFFERED_BYTES_MAX, 8 * bodyBytesMax)),
      requestsMax: requestsMax ?? HTTP_REQUESTS_MAX,
      isDraining: () => this.#draining,
    });
    this.#app.authenticator = this.#authenticator;
    return this.#app;
  }

  async #fetchFirst(request: Request): Promise<Response> {
    this.#appLoading ??= this.#loadApp();
    return (await this.#appLoading).fetch(request);
  }

  #serve(listen: ListenOptions, keyPair: KeyPair | undefined): Deno.HttpServer<Deno.NetAddr> {
    return openOn(listen, (socket) =>
      Deno.serve(
        { ...socket, ...keyPair, onListen: () => {} },
        (request) => this.#app?.fetch(request) ?? this.#fetchFirst(request),
      ));
  }
}
