import { KEY_HASH_WORDS } from "../cache/key_hash_128.ts";
import { SharedCache } from "../cache/shared_cache.ts";
import { SharedMutex } from "../lock/shared_mutex.ts";
import { ByteScratch } from "../memory/byte_scratch.ts";
import type { ResultStore } from "./batch_executor.ts";
import type { GenerationCacheMemory } from "./generation.ts";
import type { RequestHash } from "./flight_index.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { LentBytes } from "./lent_bytes.ts";
import type { OwnedBytes } from "./response_buffers.ts";
import { tensorsByteLength, writeTensors } from "./tensor_list.ts";

/** The longest response that is read into memory that is used again. */
const LENT_BYTES_MAX = 1_024;

/** What a request is found by: its bytes, and their hash; of the cache until it makes the next one. */
export interface CacheKey {
  readonly bytes: Uint8Array;
  readonly hash: Int32Array;
}

/** One thread's handle on the results of one generation: request bytes → response bytes. */
export class GenerationCache implements ResultStore {
  readonly #mutex: SharedMutex;
  readonly #cache: SharedCache;
  /** Room for requests and responses that are no longer than most, used again for the next. */
  readonly #request = new ByteScratch();
  #response = new LentBytes(LENT_BYTES_MAX);
  readonly #hash = new Int32Array(KEY_HASH_WORDS);
  /** Whether a response was longer than there is room for: then others will be, too. */
  #hasLong = false;

  /** @param owner the thread's name as an owner of the lock */
  constructor(memory: GenerationCacheMemory, owner: number) {
    this.#mutex = new SharedMutex(memory.lock, owner);
    this.#cache = new SharedCache(memory.cache, this.#mutex);
  }

  /** The key of a request's tensors, made without the lock. */
  keyOfTensors(tensors: readonly Tensor[]): CacheKey {
    const bytes = this.#request.take(tensorsByteLength(tensors));
    writeTensors(tensors, bytes, 0);
    return this.keyOf(bytes);
  }

  /** Hashes a request, without the lock. */
  keyOf(bytes: Uint8Array): CacheKey {
    const hash = this.#hash;
    this.#cache.hash(bytes, hash);
    return { bytes, hash };
  }

  /** The response to a request that is the same; undefined if there is none. */
  find({ bytes, hash }: CacheKey): OwnedBytes | undefined {
    const mutex = this.#mutex;
    mutex.acquire();
    try {
      return this.#read(bytes, hash);
    } finally {
      mutex.release();
    }
  }

  store(request: Uint8Array, response: Uint8Array): void {
    this.put(this.keyOf(request), response);
  }

  put({ bytes, hash }: CacheKey, response: Uint8Array): void {
    using _ = this.#mutex.acquire();
    this.#cache.put(bytes, response, this.#cache.epoch, hash);
  }

  #read(bytes: Uint8Array, hash: Int32Array): OwnedBytes | undefined {
    if (this.#hasLong) return this.#readLong(bytes, hash);
    // Who has the last one may never give it back.
    if (this.#response.isLent) this.#response = new LentBytes(LENT_BYTES_MAX);
    try {
      const length = this.#cache.get(bytes, this.#response.memory, hash);
      return length === undefined ? undefined : this.#response.lend(length);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#hasLong = true;
      return this.#readLong(bytes, hash);
    }
  }

  #readLong(bytes: Uint8Array, hash: Int32Array): OwnedBytes | undefined {
    const response = this.#cache.read(bytes, hash);
    return response && { bytes: response, recycle: undefined };
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
