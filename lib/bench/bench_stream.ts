import type { JumpableRandomGenerator } from "pure-rand/types/JumpableRandomGenerator";
import { THREADS_MAX } from "../limits.ts";
import { openStream } from "../workload/random_stream.ts";

/** The streams below are those of the random workload: one for its matrix, one for each thread. */
const VECTORS_STREAM = THREADS_MAX + 1;
const STREAMS_PER_THREAD = 2;

/** What the vectors of a load are drawn from, the same for all threads. */
export function vectorStream(seed: number): JumpableRandomGenerator {
  return openStream(seed, VECTORS_STREAM);
}

/** What decides which vector each call of a thread has. */
export function popularityStream(seed: number, thread: number): JumpableRandomGenerator {
  return openStream(seed, VECTORS_STREAM + 1 + STREAMS_PER_THREAD * thread);
}

/** What decides which workload each call of a thread is of; behind all others, which so stay what they were. */
export function mixStream(seed: number, thread: number): JumpableRandomGenerator {
  return openStream(seed, VECTORS_STREAM + 1 + STREAMS_PER_THREAD * THREADS_MAX + thread);
}

/** What decides when the calls of a thread are due. */
export function arrivalStream(seed: number, thread: number): JumpableRandomGenerator {
  return openStream(seed, VECTORS_STREAM + 2 + STREAMS_PER_THREAD * thread);
}
