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
    signal: AbortSignal | undefined,
  ): Promise<{ readonly success: boolean; readonly error: string }>;
  predict(
    inputs: readonly number[],
    signal: AbortSignal | undefined,
  ): Promise<{ readonly output: number; readonly cacheHit: boolean; readonly error: string }>;
}

/** What one closed loop measured. Plain data whose buffer may be transferred to another thread. */
export interface ClosedLoopResult {
  /** Of every answered call in order. Shapes: [calls], float64, milliseconds. */
  readonly latenciesMs: Float64Array<ArrayBuffer>;
  /** Answered Predict calls. */
  readonly predicts: number;
  /** Answered Predict calls whose value came from the cache. */
  readonly hits: number;
  /** Answers that carry an error text, of either method. */
  readonly errors: number;
}

/** Options of `runClosedLoop`. */
export interface ClosedLoopOptions {
  /** Ends the run early; also handed to the calls. */
  readonly signal?: AbortSignal;
  /** Told how many calls were answered, about ten times a second and at the end. */
  readonly onProgress?: (done: number) => void;
  /** A clock that never goes back, in milliseconds; `performance.now` by default. */
  readonly nowMs?: () => number;
}

/**
 * Makes the requests one after the other, each as soon as the one before is answered, and times
 * each call.
 *
 * An answer with an error text is a call with a latency, and no hit. The first call without an
 * answer ends the run. An abort ends it too, but is no failure: the result tells of the calls that
 * were answered before it, and the request that it cut off counts for nothing.
 *
 * @throws what the caller rejects with, unless the signal is aborted
 */
export async function runClosedLoop(
  caller: ModelServerCaller,
  requests: Iterable<WorkloadRequest>,
  { signal, onProgress, nowMs = () => performance.now() }: ClosedLoopOptions = {},
): Promise<ClosedLoopResult> {
  const tally = new Tally();
  let toldAtMs = nowMs();
  for (const request of requests) {
    if (signal?.aborted) break;
    const startMs = nowMs();
    const answer = await call(caller, request, signal);
    if (answer === undefined) break;
    const endMs = nowMs();
    tally.add(request.type, answer, endMs - startMs);
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

/** The answer, or undefined if the signal cut the call off. */
async function call(
  caller: ModelServerCaller,
  request: WorkloadRequest,
  signal: AbortSignal | undefined,
): Promise<Answer | undefined> {
  try {
    if (request.type === "Predict") return await caller.predict(request.value.inputs, signal);
    const { error } = await caller.setCoefs(request.value.coefs, signal);
    return { cacheHit: false, error };
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  }
}

/** Counts answers and keeps latencies in an array that doubles when it is full. */
class Tally {
  #latenciesMs = new Float64Array(INITIAL_CAPACITY);
  #predicts = 0;
  #hits = 0;
  #errors = 0;
  calls = 0;

  add(type: WorkloadRequest["type"], answer: Answer, latencyMs: number): void {
    if (this.calls === this.#latenciesMs.length) {
      const larger = new Float64Array(2 * this.calls);
      larger.set(this.#latenciesMs);
      this.#latenciesMs = larger;
    }
    this.#latenciesMs[this.calls++] = latencyMs;
    if (type === "Predict") this.#predicts++;
    if (answer.cacheHit) this.#hits++;
    if (answer.error !== "") this.#errors++;
  }

  result(): ClosedLoopResult {
    return {
      latenciesMs: this.#latenciesMs.slice(0, this.calls),
      predicts: this.#predicts,
      hits: this.#hits,
      errors: this.#errors,
    };
  }
}
