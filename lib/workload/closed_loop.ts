import type { WorkloadRequest } from "./request.ts";

/** How often progress is told: ten times a second looks smooth and costs nothing. */
const PROGRESS_INTERVAL_MS = 100;

/** Latencies that fit before the first reallocation; the default run makes this many calls. */
const INITIAL_CAPACITY = 1000;

/**
 * What a closed loop needs of a client. An `error` that is not empty is an answer of the server
 * like any other; what a rejection means is that there is no answer.
 */
export interface ModelServerCaller {
  setCoefs(
    coefs: readonly number[],
  ): Promise<{ readonly success: boolean; readonly error: string }>;
  predict(
    inputs: readonly number[],
  ): Promise<{ readonly output: number; readonly cacheHit: boolean; readonly error: string }>;
}

/** What a closed loop needs of a client of NumStore; an `error` is as with ModelServer. */
export interface NumStoreCaller {
  setNum(key: string, value: bigint): Promise<{ readonly total: bigint }>;
  fact(
    key: string,
  ): Promise<{ readonly value: bigint; readonly hit: boolean; readonly error: string }>;
}

/** Makes all calls that a workload can have. */
export type WorkloadCaller = ModelServerCaller & NumStoreCaller;

/** What one closed loop measured. Plain data whose buffer may be transferred to another thread. */
export interface ClosedLoopResult {
  /** Of every answered call in order. Shapes: [calls], float64, milliseconds. */
  readonly latenciesMs: Float64Array<ArrayBuffer>;
  /** Answered Predict calls, and Fact calls that were not answered with an error. */
  readonly lookUps: number;
  /** Those of them whose value came from the cache. */
  readonly hits: number;
  /**
   * Answers that carry an error text. A Predict before this loop's first accepted SetCoefs is not one:
   * there may be no coefficients yet. Nor is a Fact of a key before this loop's first SetNum of it.
   */
  readonly errors: number;
}

/** Options of `runClosedLoop`. */
export interface ClosedLoopOptions {
  /** Told how many calls were answered, about ten times a second and at the end. */
  readonly onProgress?: (done: number) => void;
  /** A clock that never goes back, in milliseconds; `performance.now` by default. */
  readonly nowMs?: () => number;
}

/**
 * Makes the requests one after the other, each as soon as the one before is answered, and times
 * each call.
 *
 * An answer with an error text is a call with a latency, and no hit.
 *
 * @throws what the caller rejects with, at the first call without an answer
 */
export async function runClosedLoop(
  caller: WorkloadCaller,
  requests: Iterable<WorkloadRequest>,
  { onProgress, nowMs = () => performance.now() }: ClosedLoopOptions = {},
): Promise<ClosedLoopResult> {
  const tally = new Tally();
  let toldAtMs = nowMs();
  for (const request of requests) {
    const startMs = nowMs();
    const answer = await call(caller, request);
    const endMs = nowMs();
    tally.add(request, answer, endMs - startMs);
    if (endMs - toldAtMs < PROGRESS_INTERVAL_MS) continue;
    onProgress?.(tally.calls);
    toldAtMs = endMs;
  }
  onProgress?.(tally.calls);
  return tally.result();
}

/** The parts of an answer that are counted. */
interface Answer {
  readonly cacheHit: boolean;
  readonly error: string;
}

async function call(caller: WorkloadCaller, request: WorkloadRequest): Promise<Answer> {
  switch (request.type) {
    case "Predict":
      return await caller.predict(request.value.inputs);
    case "SetCoefs": {
      const { error } = await caller.setCoefs(request.value.coefs);
      return { cacheHit: false, error };
    }
    case "SetNum":
      await caller.setNum(request.value.key, request.value.value);
      return { cacheHit: false, error: "" };
    case "Fact": {
      const { hit, error } = await caller.fact(request.value.key);
      return { cacheHit: hit, error };
    }
  }
}

/** Counts answers and keeps latencies in an array that doubles when it is full. */
class Tally {
  #latenciesMs = new Float64Array(INITIAL_CAPACITY);
  #lookUps = 0;
  #hits = 0;
  #errors = 0;
  #coefsSet = false;
  /** No more than the workload has keys. */
  readonly #keysSet = new Set<string>();
  calls = 0;

  add(request: WorkloadRequest, answer: Answer, latencyMs: number): void {
    if (this.calls === this.#latenciesMs.length) {
      const larger = new Float64Array(2 * this.calls);
      larger.set(this.#latenciesMs);
      this.#latenciesMs = larger;
    }
    this.#latenciesMs[this.calls++] = latencyMs;
    const isRefused = answer.error !== "";
    if (request.type === "Predict" || request.type === "Fact" && !isRefused) this.#lookUps++;
    if (answer.cacheHit) this.#hits++;
    if (request.type === "SetCoefs" && !isRefused) this.#coefsSet = true;
    if (request.type === "SetNum") this.#keysSet.add(request.value.key);
    if (isRefused && !this.#mayBeRefused(request)) this.#errors++;
  }

  /** Whether what a request asks for may not be there yet. */
  #mayBeRefused({ type, value }: WorkloadRequest): boolean {
    if (type === "Predict") return !this.#coefsSet;
    return type === "Fact" && !this.#keysSet.has(value.key);
  }

  result(): ClosedLoopResult {
    return {
      latenciesMs: this.#latenciesMs.slice(0, this.calls),
      lookUps: this.#lookUps,
      hits: this.#hits,
      errors: this.#errors,
    };
  }
}
