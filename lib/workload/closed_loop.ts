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

/** What one closed loop measured. Plain data whose buffer may be transferred to another thread. */
export interface ClosedLoopResult {
  /** Of every answered call in order. Shapes: [calls], float64, milliseconds. */
  readonly latenciesMs: Float64Array<ArrayBuffer>;
  /** Answered Predict calls. */
  readonly predicts: number;
  /** Answered Predict calls whose value came from the cache. */
  readonly hits: number;
  /**
   * Answers that carry an error text. A Predict before this loop's first accepted SetCoefs is not one:
   * there may be no coefficients yet.
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
  caller: ModelServerCaller,
  requests: Iterable<WorkloadRequest>,
  { onProgress, nowMs = () => performance.now() }: ClosedLoopOptions = {},
): Promise<ClosedLoopResult> {
  const tally = new Tally();
  let toldAtMs = nowMs();
  for (const request of requests) {
    const startMs = nowMs();
    const answer = await call(caller, request);
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

async function call(caller: ModelServerCaller, request: WorkloadRequest): Promise<Answer> {
  if (request.type === "Predict") return await caller.predict(request.value.inputs);
  const { error } = await caller.setCoefs(request.value.coefs);
  return { cacheHit: false, error };
}

/** Counts answers and keeps latencies in an array that doubles when it is full. */
class Tally {
  #latenciesMs = new Float64Array(INITIAL_CAPACITY);
  #predicts = 0;
  #hits = 0;
  #errors = 0;
  #coefsSet = false;
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
    if (type === "SetCoefs" && answer.error === "") this.#coefsSet = true;
    if (answer.error !== "" && (this.#coefsSet || type === "SetCoefs")) this.#errors++;
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
