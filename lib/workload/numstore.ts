import { uniformInt } from "pure-rand/distribution/uniformInt";
import {
  FIRST_THREAD_STREAM,
  openStream,
  requireShare,
  type ThreadShare,
} from "./random_stream.ts";
import type { NumStoreRequest } from "./request.ts";

/** SetNum sets a number from 1 to this one. Source: spec numstore, "Client". */
export const VALUE_MAX = 15;

/** The most keys to choose from: a million requests a thread do not use more. */
export const WORKLOAD_KEYS_MAX = 1_000_000;

/** Which part of which NumStore workload to make. */
export interface NumStoreWorkloadOptions extends ThreadShare {
  /** How many keys there are to choose from, 1 to `WORKLOAD_KEYS_MAX`. */
  readonly keys: number;
}

/**
 * One thread's share of the NumStore workload: SetNum or Fact, equally likely, of one of `keys` keys
 * that all threads have in common.
 *
 * The same options give the same requests, on every machine; see `randomWorkload`.
 *
 * Source: spec numstore, "Client".
 *
 * @throws {RangeError} at the first request, if an option is no integer or out of its range
 */
export function* numStoreWorkload(
  options: NumStoreWorkloadOptions,
): Generator<NumStoreRequest, void, undefined> {
  requireShare(options);
  const { seed, thread, requests, keys } = options;
  if (!Number.isInteger(keys) || keys < 1 || keys > WORKLOAD_KEYS_MAX) {
    throw new RangeError(
      `Cannot make a workload: keys is ${keys}, needs an integer from 1 to ${WORKLOAD_KEYS_MAX}`,
    );
  }
  const random = openStream(seed, FIRST_THREAD_STREAM + thread);
  for (let made = 0; made < requests; made++) {
    const isSet = uniformInt(random, 0, 1) === 1;
    const key = `key${uniformInt(random, 0, keys - 1)}`;
    if (isSet) {
      yield { type: "SetNum", value: { key, value: BigInt(uniformInt(random, 1, VALUE_MAX)) } };
    } else {
      yield { type: "Fact", value: { key } };
    }
  }
}
