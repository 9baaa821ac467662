import { SharedLru, type SharedLruCounters } from "../cache/shared_lru.ts";
import { OperationError } from "../errors.ts";
import { SharedMutex } from "../lock/shared_mutex.ts";
import { LinearModel } from "../model/linear_model.ts";
import { Counters } from "./counters.ts";
import type { PredictorParts } from "./predictor.ts";

/** The memory that all serving threads share; goes to each by `postMessage`. */
export interface SharedMemory {
  readonly lock: SharedArrayBuffer;
  readonly cache: SharedArrayBuffer;
  readonly model: SharedArrayBuffer;
  readonly counters: SharedArrayBuffer;
}

/** How much is shared. */
export interface SharedMemoryLimits {
  readonly threads: number;
  readonly cacheEntries: number;
  readonly cacheBytes: number;
  /** The most coefficients that the model can hold. */
  readonly coefsMax: number;
}

/** The supervisor's name as an owner of the lock, and its row of counters is 0. */
export const SUPERVISOR_OWNER = 1;

/**
 * Allocates the state of a server: no coefficients, an empty cache, a free lock.
 *
 * @throws {OperationError} `resource-exhausted` when the machine does not give as much memory.
 */
export function allocateSharedMemory(limits: SharedMemoryLimits): SharedMemory {
  return {
    lock: SharedMutex.allocate(),
    cache: allocateCache(limits),
    model: LinearModel.allocate({ coefsMax: limits.coefsMax }),
    counters: Counters.allocate(limits.threads + 1),
  };
}

function allocateCache({ cacheEntries, cacheBytes }: SharedMemoryLimits): SharedArrayBuffer {
  try {
    return SharedLru.allocate({ entries: cacheEntries, bytes: cacheBytes });
  } catch (cause) {
    throw new OperationError(
      "resource-exhausted",
      `Cannot allocate a cache of ${cacheEntries} entries in ${cacheBytes} bytes: ` +
        "more than this machine gives",
      { cause },
    );
  }
}

/** Opens the state for one thread. @param owner the thread's name as an owner of the lock */
export function openSharedState(memory: SharedMemory, owner: number): PredictorParts {
  const mutex = new SharedMutex(memory.lock, owner);
  return {
    mutex,
    cache: new SharedLru(memory.cache, mutex),
    model: new LinearModel(memory.model, mutex),
  };
}

/**
 * Frees the lock from a dead thread that held it, and resets what it may have left half-written.
 *
 * The cache is emptied. The coefficients need no repair: they change with a single store.
 *
 * @param supervisor the caller's state
 * @returns whether the dead thread held the lock
 */
export function recoverFrom(deadOwner: number, supervisor: PredictorParts): boolean {
  if (!supervisor.mutex.takeOver(deadOwner)) return false;
  try {
    supervisor.cache.reset();
  } finally {
    supervisor.mutex.release();
  }
  return true;
}

/** The cache's counters, as of now. */
export function cacheCounters({ mutex, cache }: PredictorParts): SharedLruCounters {
  using _ = mutex.acquire();
  return cache.counters();
}
