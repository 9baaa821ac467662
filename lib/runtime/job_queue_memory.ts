import { THREADS_MAX } from "../limits.ts";
import { SharedMutex } from "../lock/shared_mutex.ts";
import { ARENA_BLOCK_BYTES, BuddyArena } from "./buddy_arena.ts";
import {
  HEAD,
  type JobQueueBounds,
  openHeader,
  openViews,
  tableBytesOf,
} from "./job_queue_layout.ts";

/** The most jobs of a queue: a batch may have to look at each of them, under the lock, which takes 1 ms then. */
export const JOB_SLOTS_MAX = 65_536;

/** The most bytes of a queue's payloads: the indexes of its blocks' words stay within an int32. */
export const JOB_ARENA_BYTES_MAX = 4_294_967_296;

/** The most priority levels: each is looked at for each batch. */
export const PRIORITY_LEVELS_MAX = 256;

/** The most instances of one queue: no machine we know gains past its cores, and each costs a thread. */
export const INSTANCES_MAX = 256;

/** How much a queue may hold, and who takes part. */
export interface JobQueueLimits {
  /** The most jobs that wait, run or have not been picked up: 1 to 65 536. */
  readonly slots: number;
  /** The most bytes of their payloads, each in a region of 64 · 2ⁿ bytes; rounded down to whole 64. */
  readonly arenaBytes: number;
  /** Serving threads, numbered from 0: 1 to 256. */
  readonly threads: number;
  /** 1 is the highest: 1 to 256. */
  readonly priorityLevels: number;
  /** Instances that run the jobs, numbered from 0: 1 to 256. */
  readonly instances: number;
}

/** The memory of a queue; goes to each thread by `postMessage`. */
export interface JobQueueMemory {
  readonly lock: SharedArrayBuffer;
  readonly table: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
}

/**
 * Memory for one empty queue. How it is divided is drawn in `job_queue_layout.ts`.
 *
 * Memory is zero pages until it is used, so large bounds cost nothing by themselves.
 *
 * @throws {RangeError} if a limit is out of its range, or the machine does not give as much memory
 */
export function allocateJobQueue(limits: JobQueueLimits): JobQueueMemory {
  const { slots, arenaBytes, threads, priorityLevels, instances } = limits;
  requireInteger("slots", slots, 1, JOB_SLOTS_MAX);
  requireInteger("arenaBytes", arenaBytes, ARENA_BLOCK_BYTES, JOB_ARENA_BYTES_MAX);
  requireInteger("threads", threads, 1, THREADS_MAX);
  requireInteger("priorityLevels", priorityLevels, 1, PRIORITY_LEVELS_MAX);
  requireInteger("instances", instances, 1, INSTANCES_MAX);
  const arenaBlocks = Math.floor(arenaBytes / ARENA_BLOCK_BYTES);
  const bounds: JobQueueBounds = { slots, arenaBlocks, threads, priorityLevels, instances };
  const table = new SharedArrayBuffer(tableBytesOf(bounds));
  const header = openHeader(table);
  header[HEAD.slots] = slots;
  header[HEAD.arenaBlocks] = arenaBlocks;
  header[HEAD.threads] = threads;
  header[HEAD.priorityLevels] = priorityLevels;
  header[HEAD.instances] = instances;
  new BuddyArena(openViews(table).buddies, arenaBlocks).begin();
  return {
    lock: SharedMutex.allocate(),
    table,
    arena: new SharedArrayBuffer(arenaBlocks * ARENA_BLOCK_BYTES),
  };
}

function requireInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(
    `Cannot allocate a job queue: ${name} is ${value}, needs an integer from ${min} to ${max}`,
  );
}
