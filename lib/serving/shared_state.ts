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
  const { threads, cacheEntries, cacheBytes, coefsMax } = limits;
  return {
    lock: SharedMutex.allocate(),
    cache: allocate(
      `a cache of ${cacheEntries} entries in ${cacheBytes} bytes`,
      () => SharedLru.allocate({ entries: cacheEntries, bytes: cacheBytes }),
    ),
    model: allocate(`${coefsMax} coefficients`, () => LinearModel.allocate({ coefsMax })),
    counters: Counters.allocate(threads + 1),
  };
}

/** Tells a machine that has no more memory, V8's "Array buffer allocation failed", from a wrong bound. */
function allocate(what: string, make: () => SharedArrayBuffer): SharedArrayBuffer {
  try {
    return make();
  } catch (cause) {
    if (!(cause instanceof RangeError && /allocation failed/.test(cause.message))) throw cause;
    const message = `Cannot allocate ${what}: more than this machine gives`;
    throw new OperationError("resource-exhausted", message, { cause });
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
