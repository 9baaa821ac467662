import { SharedCache } from "../cache/shared_cache.ts";
import { BLOCK_BYTES } from "../cache/cache_layout.ts";
import { SharedMutex } from "../lock/shared_mutex.ts";
import type { NumStoreParts } from "./num_store.ts";
import { NumberTable } from "./number_table.ts";

/** The memory of a store that all threads share; goes to each by `postMessage`. */
export interface NumStoreMemory {
  readonly lock: SharedArrayBuffer;
  readonly table: SharedArrayBuffer;
  readonly cache: SharedArrayBuffer;
}

/** How much a store may hold. */
export interface NumStoreLimits {
  readonly keys: number;
  /** Bytes of all keys, each padded to 4. */
  readonly bytes: number;
  /** Factorials in the cache. */
  readonly cacheEntries: number;
}

/**
 * Allocates an empty store, its lock free.
 *
 * @throws {RangeError} if a limit is out of its range, or the machine does not give as much memory
 */
export function allocateNumStore({ keys, bytes, cacheEntries }: NumStoreLimits): NumStoreMemory {
  return {
    lock: SharedMutex.allocate(),
    table: NumberTable.allocate({ keys, bytes }),
    // A number and its factorial are 16 bytes: one block.
    cache: SharedCache.allocate({ entries: cacheEntries, bytes: cacheEntries * BLOCK_BYTES }),
  };
}

/** Opens a store for one thread. @param owner the thread's name as an owner of the lock */
export function openNumStore(memory: NumStoreMemory, owner: number): NumStoreParts {
  const mutex = new SharedMutex(memory.lock, owner);
  return {
    mutex,
    table: new NumberTable(memory.table, mutex),
    cache: new SharedCache(memory.cache, mutex),
  };
}

/**
 * Frees the store's lock from a dead thread that held it, and repairs what it may have left
 * half-written: the numbers are as before its last change or as after it, the cache is emptied.
 *
 * @param supervisor the caller's store
 * @returns whether the dead thread held the lock
 */
export function recoverNumStore(deadOwner: number, supervisor: NumStoreParts): boolean {
  const { mutex, table, cache } = supervisor;
  if (!mutex.takeOver(deadOwner)) return false;
  try {
    table.recover();
    cache.reset();
  } finally {
    mutex.release();
  }
  return true;
}
