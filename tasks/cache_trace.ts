import { popularityStream } from "../lib/bench/bench_stream.ts";
import { Popularity } from "../lib/bench/popularity.ts";
import type { CachePolicy } from "../lib/cache/eviction_policy.ts";
import { SharedCache } from "../lib/cache/shared_cache.ts";
import { SharedMutex } from "../lib/lock/shared_mutex.ts";

/** Which keys are asked for, one after the other. */
export interface TraceOptions {
  readonly keys: number;
  readonly requests: number;
  /** The exponent of Zipf's law by which keys are chosen. */
  readonly zipf: number;
  /** After every so many requests comes a scan; none if it is left out. */
  readonly scanEvery?: number;
  /** Keys of a scan, each asked for once; the next scan goes on behind it, round and round. */
  readonly scanKeys?: number;
  readonly seed: number;
}

/** How a cache did with a trace. */
export interface Replay {
  /** Hits over look-ups, after the warm-up. */
  readonly hitRate: number;
  /** Of a look-up and, after a miss, a put, in one thread; the trace stands ready in memory. */
  readonly nsPerRequest: number;
}

/** A key of 10 float64, and a value of one float32: what Predict caches, one block. */
const KEY_NUMBERS = 10;
const VALUE_BYTES = 4;

/** The part of a trace that fills the cache and is not counted. */
const WARM_UP = 0.2;

/** The keys of a trace, from 0: the same ones for the same options. */
export function traceOf(options: TraceOptions): Uint32Array {
  const { keys, requests, zipf, scanEvery = 0, scanKeys = 0, seed } = options;
  const popularity = new Popularity({ distinct: keys, zipf }, popularityStream(seed, 0));
  const trace = new Uint32Array(requests);
  const period = scanEvery + scanKeys;
  let scanned = 0;
  for (let index = 0; index < requests; index++) {
    const isScan = period > 0 && index % period >= scanEvery;
    trace[index] = isScan ? scanned++ % keys : popularity.next();
  }
  return trace;
}

/** Asks a cache of so many entries for every key of a trace, and stores what it has not. */
export function replay(trace: Uint32Array, entries: number, policy: CachePolicy): Replay {
  const mutex = new SharedMutex(SharedMutex.allocate(), 1);
  const memory = SharedCache.allocate({ entries, bytes: entries * 128, policy });
  const cache = new SharedCache(memory, mutex);
  const numbers = new Float64Array(KEY_NUMBERS);
  const key = new Uint8Array(numbers.buffer);
  const value = new Uint8Array(VALUE_BYTES);
  const warmUp = Math.floor(trace.length * WARM_UP);
  let hits = 0;
  let beginMs = 0;
  mutex.acquire();
  for (let index = 0; index < trace.length; index++) {
    if (index === warmUp) {
      hits = 0;
      beginMs = performance.now();
    }
    numbers.fill(trace[index]);
    if (cache.get(key, value) !== undefined) hits++;
    else cache.put(key, value, cache.epoch);
  }
  mutex.release();
  const counted = trace.length - warmUp;
  return {
    hitRate: hits / counted,
    nsPerRequest: (performance.now() - beginMs) * 1e6 / counted,
  };
}
