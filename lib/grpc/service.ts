import type { Codec } from "./codec.ts";
import type { Metadata } from "./metadata.ts";

/** Which sides of a method send any number of messages rather than one. */
export type MethodKind = "unary" | "clientStreaming" | "serverStreaming" | "bidiStreaming";

/** A method of a service, as both ends see it. */
export interface Method<Kind extends MethodKind, Request, Response> {
  readonly kind: Kind;
  /** `/package.Service/Method`, as it stands in `:path`. */
  readonly path: string;
  readonly request: Codec<Request>;
  readonly response: Codec<Response>;
}

/** How a call came, and what it says of the trace that it is part of. */
export interface CallOrigin {
  readonly protocol: "grpc";
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The fields of these names, as they came. Source: W3C Trace Context. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** A call, as its handler sees it. */
export interface ServerCall {
  /** What the client sent beside its messages. */
  readonly metadata: Metadata;
  /**
   * Aborts when the client cancels or is gone (reason: a GrpcError with CANCELLED) or the deadline
   * passes (DEADLINE_EXCEEDED). What the handler returns after that goes nowhere.
   */
  readonly signal: AbortSignal;
  /** When the client stops waiting, on the clock of `performance.now()`; `undefined` for never. */
  readonly deadlineMs: number | undefined;
  /** Where it comes from; looked up each time. */
  readonly origin?: CallOrigin | undefined;
  /** Metadata that the response starts with. Sent with the first message, or by `sendHeaders`. */
  readonly headers: Metadata;
  /** Metadata that the response ends with; those that many responses end with may be frozen ones. */
  trailers: Metadata;
  /**
   * Whether the response messages from now on are compressed with gzip; false until it is set. A
   * client that does not say that it reads gzip gets them as they are.
   *
   * @throws {TypeError} when it is first set to true after the head, which names the encoding, was sent.
   */
  compress: boolean;
  /** Whether the request message that was read last came compressed. */
  readonly requestCompressed: boolean;
  /** Sends `headers` now rather than with the first message. */
  sendHeaders(): void;
}

/**
 * What answers calls of a method. A GrpcError that it throws chooses the status; anything else
 * becomes UNKNOWN without its text, and is reported to the server's observer.
 *
 * A unary handler that returns its response rather than a promise is answered in the same turn.
 */
export type Handler<Kind extends MethodKind, Request, Response> = {
  unary: (request: Request, call: ServerCall) => Response | Promise<Response>;
  clientStreaming: (requests: AsyncIterable<Request>, call: ServerCall) => Promise<Response>;
  serverStreaming: (request: Request, call: ServerCall) => AsyncIterable<Response>;
  bidiStreaming: (requests: AsyncIterable<Request>, call: ServerCall) => AsyncIterable<Response>;
}[Kind];

/** A method with its handler, its message types forgotten. */
export interface Route {
  readonly method: Method<MethodKind, unknown, unknown>;
  readonly handler: Handler<MethodKind, unknown, unknown>;
}

/** The methods that a server has, by path. */
export class ServiceRegistry {
  readonly #routes = new Map<string, Route>();
  readonly #services = new Set<string>();

  /**
   * Adds a method.
   *
   * @throws {TypeError} when its path is taken.
   */
  add<Kind extends MethodKind, Request, Response>(
    method: Method<Kind, Request, Response>,
    handler: Handler<Kind, Request, Response>,
  ): this {
    if (this.#routes.has(method.path)) {
      throw new TypeError(`Cannot add method ${method.path}: it is there already`);
    }
    // The handler is called with what the method's own codec decodes, so the types still agree.
    this.#routes.set(method.path, { method, handler } as unknown as Route);
    this.#services.add(serviceOf(method.path));
    return this;
  }

  /** The method at `path`, `undefined` when there is none. */
  find(path: string): Route | undefined {
    return this.#routes.get(path);
  }

  /** The full names of all services, each as in `package.Service`, in the order of their first method. */
  get services(): readonly string[] {
    return [...this.#services];
  }

  /** Whether any method of the service that `path` names is there. */
  hasServiceOf(path: string): boolean {
    return this.#services.has(serviceOf(path));
  }
}

function serviceOf(path: string): string {
  return path.slice(1, path.lastIndexOf("/"));
}
