import { uniformFloat32 } from "pure-rand/distribution/uniformFloat32";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { JumpableRandomGenerator } from "pure-rand/types/JumpableRandomGenerator";
import { THREADS_MAX } from "../limits.ts";
import { openStream, SEED_MAX } from "./random_stream.ts";
import type { WorkloadRequest } from "./request.ts";

/** How likely a request is SetCoefs. Source: spec modelserver, "Client". */
export const SET_COEFS_PROBABILITY = 0.1;

/** Input vectors to choose from. Source: spec modelserver, "Client". */
export const MATRIX_ROWS = 20;

/** Numbers in each input vector, and coefficients. Source: spec modelserver, "Client". */
export const MATRIX_COLUMNS = 10;

/** Coefficients are uniform in [-10, 10). Source: spec modelserver, "Client". */
export const COEF_MAGNITUDE_MAX = 10;

/** The streams of one seed: the matrix has the first, the threads the ones after it. */
const MATRIX_STREAM = 0;
const FIRST_THREAD_STREAM = 1;

/** Which part of which random workload to make. */
export interface RandomWorkloadOptions {
  /** An unsigned 32-bit integer, the same for all threads of one run. */
  readonly seed: number;
  /** This thread's number, from 0 to `THREADS_MAX` − 1. */
  readonly thread: number;
  /** How many requests this thread makes; none for 0. */
  readonly requests: number;
}

/**
 * One thread's share of the random workload: SetCoefs with probability 0.1, else Predict of one row
 * of a 20×10 matrix that all threads of the seed have in common.
 *
 * The same options give the same requests, on every machine. A thread's requests depend on the seed
 * and its number only, and the streams of two threads never overlap: the generator is
 * xoroshiro128+, whose period of 2¹²⁸−1 is cut into streams 2⁶⁴ numbers apart by its jump function.
 * Every number is a float32, so what is logged is what is sent.
 *
 * Shapes: coefs [10], uniform in [-10, 10); inputs [10], uniform in [0, 1), one of 20 arrays that
 * are made once and yielded again.
 *
 * Cost: about 0.1 µs per request, and at the start 0.5 µs per thread number.
 *
 * Source: spec modelserver, "Client"; Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators" (2021).
 *
 * @throws {RangeError} at the first request, if an option is no integer or out of its range
 *
 * @example
 * ```ts
 * import { randomWorkload } from "./random.ts";
 * const once = [...randomWorkload({ seed: 1, thread: 0, requests: 3 })];
 * const again = [...randomWorkload({ seed: 1, thread: 0, requests: 3 })];
 * if (JSON.stringify(once) !== JSON.stringify(again)) throw new Error("Not repeatable");
 * ```
 */
export function* randomWorkload(
  { seed, thread, requests }: RandomWorkloadOptions,
): Generator<WorkloadRequest, void, undefined> {
  requireIntegerUpTo("seed", seed, SEED_MAX);
  requireIntegerUpTo("thread", thread, THREADS_MAX - 1);
  requireIntegerUpTo("requests", requests, Number.MAX_SAFE_INTEGER);
  const rows = inputRows(seed);
  const random = openStream(seed, FIRST_THREAD_STREAM + thread);
  for (let made = 0; made < requests; made++) {
    if (uniformFloat32(random) < SET_COEFS_PROBABILITY) {
      yield { type: "SetCoefs", value: { coefs: randomCoefs(random) } };
    } else {
      const inputs = rows[uniformInt(random, 0, MATRIX_ROWS - 1)];
      yield { type: "Predict", value: { inputs } };
    }
  }
}

/**
 * The input vectors of a seed's random workload.
 *
 * Shapes: 20 rows of 10 float32 values, uniform in [0, 1).
 */
function inputRows(seed: number): readonly (readonly number[])[] {
  const random = openStream(seed, MATRIX_STREAM);
  return Array.from(
    { length: MATRIX_ROWS },
    () => Array.from({ length: MATRIX_COLUMNS }, () => uniformFloat32(random)),
  );
}

function randomCoefs(random: JumpableRandomGenerator): readonly number[] {
  // The largest uniform number is 1 − 2⁻²⁴, and 10 − 20·2⁻²⁴ still rounds to a float32 below 10.
  return Array.from(
    { length: MATRIX_COLUMNS },
    () => Math.fround((2 * uniformFloat32(random) - 1) * COEF_MAGNITUDE_MAX),
  );
}

function requireIntegerUpTo(name: string, value: number, max: number): void {
  if (!Number.isInteger(value) || value < 0 || value > max) {
    throw new RangeError(
      `Cannot make a workload: ${name} is ${value}, needs an integer from 0 to ${max}`,
    );
  }
}
