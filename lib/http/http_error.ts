import { type ErrorCode, OperationError } from "../errors.ts";

/** How each kind of operational error is told over HTTP. Source: RFC 9110 §15; google.rpc.Code for the choice. */
const STATUSES: Readonly<Record<ErrorCode, number>> = {
  "invalid-argument": 400,
  "out-of-range": 400,
  "not-found": 404,
  "failed-precondition": 409,
  "resource-exhausted": 429,
  "internal": 500,
  "unavailable": 503,
  "deadline-exceeded": 504,
};

/** How long a client that was turned away for load should wait, in seconds: what is full now drains in less. */
const RETRY_AFTER = { "retry-after": "1" };

/** What a client hears of an error that is a bug: nothing of its text, which may tell of others' calls. */
const BUG = "the handler failed";

/** An error that is HTTP's own, such as a method that a route has not. The message is for the client. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  /** @param headers beside those that every answer has */
  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }

  /** There is too much to do: the client may come again. */
  static overloaded(message: string): HttpError {
    return new HttpError(503, message, RETRY_AFTER);
  }
}

/** Whether an error may be told to the client; any other is a bug, and for the log. */
export function isTellable(error: unknown): error is HttpError | OperationError {
  return error instanceof HttpError || error instanceof OperationError;
}

/** The answer that tells an error: `{"error": "…"}` with a 4xx or 5xx. Source: Open Inference Protocol v2, "Errors". */
export function errorResponse(error: unknown): Response {
  if (error instanceof HttpError) return respond(error.status, error.message, error.headers);
  if (!(error instanceof OperationError)) return respond(500, BUG, {});
  const status = STATUSES[error.code];
  return respond(status, error.message, status === 429 || status === 503 ? RETRY_AFTER : {});
}

function respond(
  status: number,
  message: string,
  headers: Readonly<Record<string, string>>,
): Response {
  return new Response(JSON.stringify({ error: message }), {
    status,
    // Clients that accept compressed answers do not expect it of errors.
    headers: {
      "content-type": "application/json",
      "cache-control": "no-transform",
      ...headers,
    },
  });
}
