import { SharedCache, type SharedCacheCounters } from "../cache/shared_cache.ts";
import { OperationError } from "../errors.ts";
import {
  NUM_STORE_BYTES_DEFAULT,
  NUM_STORE_CACHE_ENTRIES_DEFAULT,
  NUM_STORE_KEYS_DEFAULT,
} from "../limits.ts";
import { SharedMutex } from "../lock/shared_mutex.ts";
import { LinearModel } from "../model/linear_model.ts";
import type { NumStoreParts } from "../numstore/num_store.ts";
import {
  allocateNumStore,
  type NumStoreLimits,
  type NumStoreMemory,
  openNumStore,
  recoverNumStore,
} from "../numstore/num_store_memory.ts";
import { Counters } from "./counters.ts";
import type { PredictorParts } from "./predictor.ts";

/** The memory that all serving threads share; goes to each by `postMessage`. */
export interface SharedMemory {
  readonly lock: SharedArrayBuffer;
  readonly cache: SharedArrayBuffer;
  readonly model: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
  readonly numStore: NumStoreMemory;
}

/** One thread's handles on all that is shared, but the counters. */
export interface SharedState extends PredictorParts {
  /** Has a lock of its own. */
  readonly numStore: NumStoreParts;
}

/** How much is shared. */
export interface SharedMemoryLimits {
  readonly threads: number;
  readonly cacheEntries: number;
  readonly cacheBytes: number;
  /** The most coefficients that the model can hold. */
  readonly coefsMax: number;
  /** NumStore's defaults if left out. */
  readonly numStore?: NumStoreLimits;
}

const NUM_STORE_DEFAULTS: NumStoreLimits = {
  keys: NUM_STORE_KEYS_DEFAULT,
  bytes: NUM_STORE_BYTES_DEFAULT,
  cacheEntries: NUM_STORE_CACHE_ENTRIES_DEFAULT,
};

/** The supervisor's name as an owner of the lock, and its row of counters is 0. */
export const SUPERVISOR_OWNER = 1;

/**
 * Allocates the state of a server: no coefficients, no numbers, empty caches, free locks.
 *
 * @throws {OperationError} `resource-exhausted` when the machine does not give as much memory.
 */
export function allocateSharedMemory(limits: SharedMemoryLimits): SharedMemory {
  const { threads, cacheEntries, cacheBytes, coefsMax, numStore = NUM_STORE_DEFAULTS } = limits;
  return {
    lock: SharedMutex.allocate(),
    cache: allocate(
      `a cache of ${cacheEntries} entries in ${cacheBytes} bytes`,
      () => SharedCache.allocate({ entries: cacheEntries, bytes: cacheBytes }),
    ),
    model: allocate(`${coefsMax} coefficients`, () => LinearModel.allocate({ coefsMax })),
    counters: Counters.allocate(threads + 1),
    numStore: allocate(
      `${numStore.keys} numbers with ${numStore.bytes} bytes of keys`,
      () => allocateNumStore(numStore),
    ),
  };
}

/** Tells a machine that has no more memory, V8's "Array buffer allocation failed", from a wrong bound. */
function allocate<Memory>(what: string, make: () => Memory): Memory {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof RangeError && /allocation failed/.test(cause.message))) throw cause;
    const message = `Cannot allocate ${what}: more than this machine gives`;
    throw new OperationError("resource-exhausted", message, { cause });
  }
}

/** Opens the state for one thread. @param owner the thread's name as an owner of the locks */
export function openSharedState(memory: SharedMemory, owner: number): SharedState {
  const mutex = new SharedMutex(memory.lock, owner);
  return {
    mutex,
    cache: new SharedCache(memory.cache, mutex),
    model: new LinearModel(memory.model, mutex),
    numStore: openNumStore(memory.numStore, owner),
  };
}

/**
 * Frees the locks that a dead thread held, and repairs what it may have left half-written.
 *
 * The cache is emptied. The coefficients need no repair: they change with a single store. Numbers are
 * kept, as `recoverNumStore` says.
 *
 * @param supervisor the caller's state
 * @returns whether the dead thread held a lock
 */
export function recoverFrom(deadOwner: number, supervisor: SharedState): boolean {
  const heldNumStore = recoverNumStore(deadOwner, supervisor.numStore);
  return recoverPredictor(deadOwner, supervisor) || heldNumStore;
}

function recoverPredictor(deadOwner: number, { mutex, cache }: PredictorParts): boolean {
  if (!mutex.takeOver(deadOwner)) return false;
  try {
    cache.reset();
  } finally {
    mutex.release();
  }
  return true;
}

/** The cache's counters, as of now. */
export function cacheCounters({ mutex, cache }: PredictorParts): SharedCacheCounters {
  using _ = mutex.acquire();
  return cache.counters();
}
