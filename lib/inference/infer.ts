import type { Tensor } from "../tensor/tensor.ts";

/** A parameter of a request. */
export type ParameterValue = boolean | number | bigint | string;

/** Inputs for a model, and what is asked of it. */
export interface InferRequest {
  readonly model: string;
  /** Undefined for the one that the model's policy takes. */
  readonly version: string | undefined;
  /** In any order; valid only until `infer` has returned, whether its promise is settled or not. */
  readonly inputs: readonly Tensor[];
  /** The names of the outputs that are wanted, in the order of the answer; undefined for all. */
  readonly outputs: readonly string[] | undefined;
  /** 0 or undefined for the model's default; 1 is the highest. */
  readonly priority: number | undefined;
  /** What else the request says of its result, as parameters of the protocol. */
  readonly parameters: Readonly<Record<string, ParameterValue>> | undefined;
}

/** Who waits for an answer, and how long. A gRPC `ServerCall` is one. */
export interface InferCall {
  /** Aborts when nobody waits any more; may cost something to ask for, so it is asked for only to wait. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, on the clock of `performance.now()`; undefined for never. */
  readonly deadlineMs: number | undefined;
  /** Where it comes from; costs something to ask for, so only who traces does. */
  readonly origin?: CallOrigin | undefined;
}

/** How a call came, and what it says of the trace that it is part of. */
export interface CallOrigin {
  readonly protocol: "grpc" | "http";
  /** Of gRPC `/package.Service/Method`, of HTTP the route as a pattern. */
  readonly path: string;
  /** The fields of these names, as they came. Source: W3C Trace Context. */
  readonly traceparent: string | undefined;
  readonly tracestate: string | undefined;
}

/** Where an answer came from; undefined for a model without a cache. */
export type CacheOutcome = "hit" | "miss" | "coalesced" | undefined;

/** Where the time of an answer went, in milliseconds; 0 for what there was none of. */
export interface InferTiming {
  /** In the queue, waiting for others of its batch or for an instance. */
  readonly queueMs: number;
  /** In the model, the whole batch's. */
  readonly computeMs: number;
  /** Looking up and storing. */
  readonly cacheMs: number;
}

/** A model's answer. */
export interface InferResponse {
  readonly model: string;
  readonly version: string;
  /** Owned by whoever gets them, until `recycle` is called. */
  readonly outputs: readonly Tensor[];
  readonly cache: CacheOutcome;
  readonly timing: InferTiming;
  /**
   * Gives the outputs' memory to other answers. To be called once at most, by who reads them no more; who does
   * not call it leaves garbage.
   */
  readonly recycle?: (() => void) | undefined;
}
