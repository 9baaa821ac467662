import type { CallOrigin, InferCall } from "../inference/infer.ts";

/** What a backend is told of a call whose request has a timeout of its own. */
class TimedCall implements InferCall {
  readonly deadlineMs: number;
  readonly #call: InferCall;

  constructor(call: InferCall, deadlineMs: number) {
    this.#call = call;
    this.deadlineMs = deadlineMs;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get origin(): CallOrigin | undefined {
    return this.#call.origin;
  }
}

/**
 * The call as a backend is told of it: with the earlier of its deadline and the request's.
 *
 * @param timeoutMs from now on; `undefined` for none
 */
export function inferCall(call: InferCall, timeoutMs: number | undefined): InferCall {
  if (timeoutMs === undefined) return call;
  return new TimedCall(
    call,
    Math.min(call.deadlineMs ?? Infinity, performance.now() + timeoutMs),
  );
}
