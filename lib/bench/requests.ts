import { uniformFloat32 } from "pure-rand/distribution/uniformFloat32";
import { numStoreWorkload } from "../workload/numstore.ts";
import { randomWorkload } from "../workload/random.ts";
import type { WorkloadRequest } from "../workload/request.ts";
import { popularityStream, vectorStream } from "./bench_stream.ts";
import type { RequestChoice, SingleWorkload } from "./load_plan.ts";
import { Popularity } from "./popularity.ts";

/** A sequence of requests that does not end. */
export interface RequestSource<Request> {
  next(): Request;
}

/** What makes a thread's requests the same in every run. */
export interface ThreadSeed {
  readonly seed: number;
  readonly thread: number;
}

/** Keys of the NumStore workload. Source: spec numstore, "Client". */
const WORKLOAD_KEYS = 100;

/**
 * The vectors that one thread calls a method with, in order; the same for the same seed and thread.
 *
 * Shapes: [inputs], float32. The first number of a vector is its index, so that no two are one to a
 * cache, however it rounds; the others are uniform in [0, 1).
 */
export function vectorRequests(
  choice: RequestChoice,
  { seed, thread }: ThreadSeed,
): RequestSource<Float32Array> {
  const vectors = makeVectors(choice, seed);
  const popularity = new Popularity(choice, popularityStream(seed, thread));
  return { next: () => vectors[popularity.next()] };
}

/** The keys that one thread calls a method with, as numbers from 0, in order; likewise. */
export function keyRequests(
  choice: RequestChoice,
  { seed, thread }: ThreadSeed,
): RequestSource<number> {
  return new Popularity(choice, popularityStream(seed, thread));
}

/** The requests of one thread of a workload that has its own; a file's are repeated from its start. */
export function workloadRequests(
  workload: Exclude<SingleWorkload, { kind: "method" | "infer" }>,
  { seed, thread }: ThreadSeed,
): RequestSource<WorkloadRequest> {
  if (workload.kind === "file") return new Cycle(workload.requests);
  const share = { seed, thread, requests: Number.MAX_SAFE_INTEGER };
  const requests: Iterator<WorkloadRequest, void> = workload.kind === "random"
    ? randomWorkload(share)
    : numStoreWorkload({ ...share, keys: WORKLOAD_KEYS });
  // It ends after 2⁵³ − 1.
  return { next: () => requests.next().value as WorkloadRequest };
}

/** The vectors that are drawn from, by their numbers; see `vectorRequests`. */
export function makeVectors(
  { distinct, inputs = 1 }: RequestChoice,
  seed: number,
): readonly Float32Array[] {
  const random = vectorStream(seed);
  return Array.from({ length: distinct }, (_, index) => {
    const vector = Float32Array.from({ length: inputs }, () => uniformFloat32(random));
    vector[0] = index;
    return vector;
  });
}

class Cycle implements RequestSource<WorkloadRequest> {
  readonly #requests: readonly WorkloadRequest[];
  #next = 0;

  constructor(requests: readonly WorkloadRequest[]) {
    this.#requests = requests;
  }

  next(): WorkloadRequest {
    const request = this.#requests[this.#next];
    this.#next = (this.#next + 1) % this.#requests.length;
    return request;
  }
}
