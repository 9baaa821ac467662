import type { SharedCache } from "../cache/shared_cache.ts";
import { OperationError } from "../errors.ts";
import type { SharedMutex } from "../lock/shared_mutex.ts";
import type { LinearModel } from "../model/linear_model.ts";
import { roundTo4 } from "../model/rounding.ts";

/** What a prediction is, and where it came from. */
export interface Prediction {
  /** y, float64; dimensionless. */
  readonly output: number;
  readonly cacheHit: boolean;
}

/** The parts that one thread predicts with; all opened on memory that all threads share. */
export interface PredictorParts {
  readonly mutex: SharedMutex;
  readonly cache: SharedCache;
  readonly model: LinearModel;
}

const FLOAT64_BYTES = 8;
const INITIAL_INPUTS = 16;

/**
 * Predicts with a model behind a cache, on one of several threads that share both.
 *
 * The rounded inputs are the cache's key **and** what is computed from, so an answer never depends
 * on which of two near-equal inputs came first. The lock is held to look up and to store, not while
 * the model computes. Coefficients and cache change under the same lock, and the epoch read with a
 * miss decides whether its result may be stored: a value of older coefficients is never stored, nor
 * returned, as one of newer ones.
 */
export class Predictor {
  readonly #parts: PredictorParts;
  readonly #value = new Float64Array(1);
  readonly #valueBytes = new Uint8Array(this.#value.buffer);
  #rounded = new Float64Array(INITIAL_INPUTS);
  #key = new Uint8Array(0);
  #missEpoch = 0;

  constructor(parts: PredictorParts) {
    this.#parts = parts;
  }

  /**
   * Replaces the coefficients for all threads and clears the cache, also when they are the same.
   *
   * Shapes: coefs (n,) float32.
   *
   * @throws {OperationError} `invalid-argument` or `resource-exhausted`, with nothing changed.
   */
  setCoefs(coefs: Float32Array | readonly number[]): void {
    const { mutex, cache, model } = this.#parts;
    const checked = model.check(coefs);
    mutex.acquire();
    try {
      model.replace(checked);
      cache.clear();
    } finally {
      mutex.release();
    }
  }

  /**
   * The model's output for `inputs` rounded to 4 decimals.
   *
   * Shapes: inputs (n,) float32, n the number of coefficients.
   *
   * @throws {OperationError} `invalid-argument` for an input that is NaN or infinite, or for a wrong
   * length; `failed-precondition` before the first `setCoefs`. An error is never cached.
   */
  predict(inputs: Float32Array): Prediction {
    const length = inputs.length;
    this.#round(inputs);
    if (this.#lookUp(length)) return { output: this.#value[0], cacheHit: true };
    const output = this.#parts.model.predict(this.#rounded, length);
    this.#value[0] = output;
    this.#store();
    return { output, cacheHit: false };
  }

  #round(inputs: Float32Array): void {
    const length = inputs.length;
    if (length > this.#rounded.length) this.#rounded = new Float64Array(2 * length);
    if (
      this.#key.length !== length * FLOAT64_BYTES || this.#key.buffer !== this.#rounded.buffer
    ) this.#key = new Uint8Array(this.#rounded.buffer, 0, length * FLOAT64_BYTES);
    const refused = roundTo4(inputs, length, this.#rounded);
    if (refused === undefined) return;
    throw new OperationError(
      "invalid-argument",
      `Cannot predict: input ${refused} is ${inputs[refused]}, need a finite number`,
    );
  }

  /** Whether the value is in the cache; then it is in `#value`. Else notes the epoch of the miss. */
  #lookUp(length: number): boolean {
    const { mutex, cache, model } = this.#parts;
    mutex.acquire();
    try {
      model.refresh();
      // The model refuses a wrong length; asking the cache first would count a miss that is none.
      if (model.length !== length) return false;
      this.#missEpoch = cache.epoch;
      return cache.get(this.#key, this.#valueBytes) !== undefined;
    } finally {
      mutex.release();
    }
  }

  #store(): void {
    const { mutex, cache } = this.#parts;
    mutex.acquire();
    try {
      cache.put(this.#key, this.#valueBytes, this.#missEpoch);
    } finally {
      mutex.release();
    }
  }
}
