import { SharedCache } from "../cache/shared_cache.ts";
import { SharedMutex } from "../lock/shared_mutex.ts";
import type { ResultStore } from "./batch_executor.ts";
import type { GenerationCacheMemory } from "./generation.ts";
import type { RequestHash } from "./flight_index.ts";

/** 128 bits. */
const HASH_WORDS = 4;

/** What a request is found by: its bytes, and their hash. */
export interface CacheKey {
  readonly bytes: Uint8Array;
  readonly hash: Int32Array;
}

/** One thread's handle on the results of one generation: request bytes → response bytes. */
export class GenerationCache implements ResultStore {
  readonly #mutex: SharedMutex;
  readonly #cache: SharedCache;

  /** @param owner the thread's name as an owner of the lock */
  constructor(memory: GenerationCacheMemory, owner: number) {
    this.#mutex = new SharedMutex(memory.lock, owner);
    this.#cache = new SharedCache(memory.cache, this.#mutex);
  }

  /** Hashes a request, without the lock. */
  keyOf(bytes: Uint8Array): CacheKey {
    const hash = new Int32Array(HASH_WORDS);
    this.#cache.hash(bytes, hash);
    return { bytes, hash };
  }

  /** The response to a request that is the same, owned by the caller; undefined if there is none. */
  find({ bytes, hash }: CacheKey): Uint8Array | undefined {
    using _ = this.#mutex.acquire();
    return this.#cache.read(bytes, hash);
  }

  store(request: Uint8Array, response: Uint8Array): void {
    this.put(this.keyOf(request), response);
  }

  put({ bytes, hash }: CacheKey, response: Uint8Array): void {
    using _ = this.#mutex.acquire();
    this.#cache.put(bytes, response, this.#cache.epoch, hash);
  }

  /** A thread that is dead may have held the lock: frees it, and empties the cache then. */
  recoverFrom(deadOwner: number): void {
    if (!this.#mutex.takeOver(deadOwner)) return;
    using _ = this.#mutex;
    this.#cache.reset();
  }
}

/** The part of a key's hash by which requests in flight are found. */
export function flightHash({ hash }: CacheKey): RequestHash {
  return { hash0: hash[0], hash1: hash[1] };
}
