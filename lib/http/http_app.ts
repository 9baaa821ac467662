import { type Context, Hono } from "hono";
import type { Authenticator, CallKind } from "../grpc/authenticator.ts";
import { Code } from "../grpc/status.ts";
import { HeaderField } from "../http2/hpack/header_field.ts";
import type { RequestHead } from "../http2/message_head.ts";
import { API_ROUTES } from "./api_routes.ts";
import { errorResponse, HttpError, isTellable } from "./http_error.ts";
import { type HttpContext, pathsOf, type Route } from "./route.ts";

/** Who is told of the requests of a thread that a route has matched. */
export interface HttpObserver {
  onRequestStart(): void;
  onRequestEnd(status: number): void;
  /** A request failed by a bug, of which the client hears nothing. */
  onHandlerError(path: string, error: unknown): void;
}

/** How the requests of a thread are treated. */
export interface HttpAppOptions extends HttpContext {
  /** Requests that are answered at once; more get 503. */
  readonly requestsMax: number;
  readonly observer: HttpObserver;
}

/** What is answered to a client that is not there to read it. Source: nginx's "client closed request". */
const CLIENT_GONE = 499;

/** Of `HttpError.overloaded`. */
const OVERLOADED = 503;

/**
 * Answers HTTP requests, wherever they come from: `fetch` is all that a server, or a test, needs.
 *
 * Everything runs on the thread that made it.
 */
export class HttpApp {
  /** Lets only those in, from now on, whom it lets; without it everybody. Health is told to all. */
  authenticator: Authenticator | undefined;
  readonly #options: HttpAppOptions;
  readonly #hono: Hono;
  #inFlight = 0;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: HttpAppOptions) {
    this.#options = options;
    this.#hono = this.#newHono();
  }

  /** Never rejects. */
  fetch(request: Request): Response | Promise<Response> {
    return this.#hono.fetch(request);
  }

  /** Resolves when no request is being answered. */
  async untilIdle(): Promise<void> {
    if (this.#inFlight === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  #newHono(): Hono {
    const hono = new Hono();
    const methods = new Map<string, string[]>();
    for (const route of API_ROUTES) {
      for (const path of pathsOf(route)) {
        const pattern = path.replaceAll(/\{(\w+)\}/g, ":$1");
        hono.on(route.method, pattern, (context) => this.#answer(route, context));
        const allowed = route.method === "GET" ? ["GET", "HEAD"] : [route.method];
        methods.set(pattern, [...methods.get(pattern) ?? [], ...allowed]);
      }
    }
    for (const [pattern, allowed] of methods) {
      hono.all(pattern, ({ req }) => wrongMethod(req.raw, allowed));
    }
    hono.notFound(({ req }) => notFound(req.path));
    return hono;
  }

  async #answer(route: Route, { req }: Context): Promise<Response> {
    const { observer } = this.#options;
    const request = req.raw;
    observer.onRequestStart();
    this.#inFlight++;
    let response: Response;
    try {
      refuseForeignPage(request);
      if (route.isHealth === undefined) this.#admit(request, req.path, route.kind);
      const call = {
        request,
        model: req.param("model") ?? "",
        modelVersion: req.param("version"),
        id: req.param("id") ?? "",
      };
      response = await route.handler(call, this.#options);
    } catch (error) {
      const isOverload = error instanceof HttpError && error.status === OVERLOADED;
      const overload = isOverload ? route.onOverload?.() : undefined;
      response = overload ?? this.#failure(request, req.path, error);
    }
    this.#inFlight--;
    if (this.#inFlight === 0) this.#idle?.resolve();
    observer.onRequestEnd(response.status);
    return response;
  }

  #admit(request: Request, path: string, kind: CallKind | undefined): void {
    const { requestsMax } = this.#options;
    if (this.#inFlight > requestsMax) {
      throw HttpError.overloaded(`Cannot answer: ${requestsMax} other requests are being answered`);
    }
    const refusal = this.authenticator?.refusalOf(headOf(request, path), kind);
    if (refusal === undefined) return;
    if (refusal.code === Code.PERMISSION_DENIED) throw new HttpError(403, refusal.message);
    throw new HttpError(401, refusal.message, { "www-authenticate": "Bearer" });
  }

  #failure(request: Request, path: string, error: unknown): Response {
    if (isTellable(error)) return errorResponse(error);
    if (request.signal.aborted && error === request.signal.reason) {
      return new Response(null, { status: CLIENT_GONE });
    }
    this.#options.observer.onHandlerError(path, error);
    return errorResponse(error);
  }
}

/**
 * A browser sends a form, or nothing, to any address for any page; what changes something is for pages of this
 * server alone.
 */
function refuseForeignPage({ method, headers, url }: Request): void {
  const origin = headers.get("origin");
  if (method === "GET" || method === "HEAD" || origin === null) return;
  if (URL.canParse(origin) && new URL(origin).host === (headers.get("host") ?? new URL(url).host)) {
    return;
  }
  throw new HttpError(403, "Cannot answer a page of another origin: its Origin is not this server");
}

/** What an authenticator reads of a request's head. */
function headOf({ method, headers }: Request, path: string): RequestHead {
  const value = headers.get("authorization");
  return {
    method,
    path,
    scheme: undefined,
    authority: undefined,
    contentLengthBytes: undefined,
    fields: value === null ? [] : [new HeaderField("authorization", value)],
  };
}

function wrongMethod({ method }: Request, allowed: readonly string[]): Response {
  const allow = allowed.join(", ");
  const message = `Cannot answer ${method}, need ${allowed.join(" or ")}`;
  return errorResponse(new HttpError(405, message, { allow }));
}

/** Characters of a path that an error message repeats. */
const PATH_CHARS_MAX = 128;

function notFound(path: string): Response {
  const found = path.slice(0, PATH_CHARS_MAX);
  return errorResponse(new HttpError(404, `Cannot find ${found}: there is no such route`));
}
