import { OperationError } from "../errors.ts";
import type { CallOrigin, InferCall } from "../inference/infer.ts";

/**
 * A client that waits for an answer: until its connection ends, or the time is over that it gave.
 *
 * The runtime makes a signal only for those who ask for one.
 */
export class HttpInferCall implements InferCall {
  readonly deadlineMs: number | undefined;
  readonly #request: Request;
  readonly #path: string;
  readonly #timeoutMs: number | undefined;
  #expiry: AbortController | undefined;
  #signal: AbortSignal | undefined;

  /**
   * @param path the route, as a pattern
   * @param timeoutMs how long the client waits from now on; undefined for ever
   */
  constructor(request: Request, path: string, timeoutMs: number | undefined) {
    this.#request = request;
    this.#path = path;
    this.#timeoutMs = timeoutMs;
    this.deadlineMs = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  }

  get signal(): AbortSignal {
    this.#signal ??= this.deadlineMs === undefined ? this.#request.signal : AbortSignal.any([
      this.#request.signal,
      (this.#expiry ??= new AbortController()).signal,
    ]);
    return this.#signal;
  }

  get origin(): CallOrigin {
    const { headers } = this.#request;
    return {
      protocol: "http",
      path: this.#path,
      traceparent: headers.get("traceparent") ?? undefined,
      tracestate: headers.get("tracestate") ?? undefined,
    };
  }

  /**
   * The answer, if it comes in time; at the deadline whoever computes it is told by the signal.
   *
   * @throws {OperationError} `deadline-exceeded`
   */
  async wait<Answer>(answer: Promise<Answer>): Promise<Answer> {
    const timeoutMs = this.#timeoutMs;
    if (timeoutMs === undefined) return await answer;
    const { promise: expired, reject } = Promise.withResolvers<never>();
    // A timer cannot be longer; nobody waits three weeks for an answer.
    const timer = setTimeout(() => {
      const error = new OperationError(
        "deadline-exceeded",
        `Cannot infer: no answer within the timeout of ${timeoutMs} ms`,
      );
      reject(error);
      this.#expiry?.abort(error);
    }, Math.min(timeoutMs, TIMER_MS_MAX));
    try {
      return await Promise.race([answer, expired]);
    } finally {
      clearTimeout(timer);
    }
  }
}

const TIMER_MS_MAX = 2 ** 31 - 1;
