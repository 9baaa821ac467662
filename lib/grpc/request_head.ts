import { HeaderField, type HeaderList, valueOf } from "../http2/hpack/header_field.ts";
import type { RequestHead } from "../http2/message_head.ts";
import type { Authenticator } from "./authenticator.ts";
import { messageEncoding } from "./message_encoding.ts";
import { Code, GrpcError } from "./status.ts";
import { parseTimeout } from "./timeout.ts";
import type { Route, ServiceRegistry } from "./service.ts";

/** What gRPC reads out of a request's head. */
export interface CallHead {
  readonly head: RequestHead;
  /** The method, or why the call cannot be served. */
  readonly route: Route | GrpcError;
  /** Milliseconds from the arrival of the head; `undefined` without a deadline. */
  readonly timeoutMs: number | undefined;
  /** How messages with their compressed flag set are compressed; `undefined` where none may be. */
  readonly encoding: "gzip" | undefined;
}

/** An answer to a request that is not gRPC's. */
export interface PlainAnswer {
  readonly fields: HeaderList;
  readonly body: Uint8Array;
}

const text = (body: string, status: string, ...more: HeaderField[]): PlainAnswer => {
  const bytes = new TextEncoder().encode(body);
  return {
    fields: [
      new HeaderField(":status", status),
      new HeaderField("content-type", "text/plain; charset=utf-8"),
      new HeaderField("content-length", String(bytes.length)),
      ...more,
    ],
    body: bytes,
  };
};

const GREETING = text("This port speaks gRPC.\n", "200");
const UNSUPPORTED = text("Cannot answer: need content-type application/grpc.\n", "415");
/** Source: RFC 9110 §15.5.6, which demands `allow`. */
const NOT_POST = text(
  "Cannot answer: gRPC needs the method POST.\n",
  "405",
  new HeaderField("allow", "POST"),
);

/** `application/grpc`, `application/grpc+proto`, parameters; not `application/grpc-web`. */
const CONTENT_TYPE = /^application\/grpc(?:\+proto)?(?:;.*)?$/;

/**
 * Reads a request's head as gRPC.
 *
 * A request without a content-type is somebody who looks what is here, and gets a greeting. Whether a
 * method exists is told only to who may call.
 *
 * Source: gRPC over HTTP/2 (doc/PROTOCOL-HTTP2.md), Requests.
 */
export function readCallHead(
  head: RequestHead,
  registry: ServiceRegistry,
  authenticator?: Authenticator,
): CallHead | PlainAnswer {
  const contentType = valueOf(head.fields, "content-type");
  if (contentType === undefined) return greet(head.method);
  if (!CONTENT_TYPE.test(contentType)) return UNSUPPORTED;
  if (head.method !== "POST") return NOT_POST;
  const refusal = authenticator?.refusalOf(head);
  if (refusal !== undefined) {
    return { head, route: refusal, timeoutMs: undefined, encoding: undefined };
  }
  try {
    const timeout = valueOf(head.fields, "grpc-timeout");
    const timeoutMs = timeout === undefined ? undefined : parseTimeout(timeout);
    const route = findRoute(head, registry);
    const encoding = messageEncoding(head.fields, Code.UNIMPLEMENTED);
    return { head, route, timeoutMs, encoding };
  } catch (error) {
    if (!(error instanceof GrpcError)) throw error;
    return { head, route: error, timeoutMs: undefined, encoding: undefined };
  }
}

/** Source: RFC 9110 §9.3.2 for HEAD: what GET would get, without the body. */
function greet(method: string): PlainAnswer {
  if (method === "HEAD") return { fields: GREETING.fields, body: new Uint8Array(0) };
  return method === "GET" || method === "POST" ? GREETING : NOT_POST;
}

function findRoute(head: RequestHead, registry: ServiceRegistry): Route {
  const path = head.path ?? "";
  const route = registry.find(path);
  if (route !== undefined) return route;
  const what = registry.hasServiceOf(path) ? "method" : "service";
  throw new GrpcError(Code.UNIMPLEMENTED, `Cannot call ${path}: unknown ${what}`);
}
