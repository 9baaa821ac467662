import { arenaWordsOf } from "./buddy_arena.ts";

/**
 * Where everything lies in the table of a job queue; its payloads are in the arena, memory of their own.
 *
 * ```text
 *  byte 0     header     16 int32: bounds, epoch, and what is in use now
 *             stats      192 float64 × (threads + instances): see job_queue_statistics.ts
 *             times      4 float64 × (1 + slots), in ms on the clock that all threads share
 *             since      1 float64 × instances: since when it runs its jobs, 0 = it runs none
 *             levels     (first, last) slot × (1 + priority levels)
 *             buckets    first slot × a power of two ≥ 2 × slots: requests in flight by their hash
 *             slots      32 int32 × (1 + slots)
 *             threads    4 int32 × threads: owner, and how much went through its ring
 *             rings      1 int32 × slots × threads: slots that are done, for each thread
 *             instances  2 int32 × instances: owner, idle
 *             wakes      16 int32 × instances: one futex word each, on a cache line of its own
 *             errors     1 KiB × (1 + slots): text of a failed job, UTF-8
 *             buddies    what is in use of the arena: see buddy_arena.ts
 *
 *                     submit                     a runner takes a batch
 *   ┌──────────┐ ────────────────► ┌──────────┐ ───────────────────────► ┌───────────┐
 *   │   free   │                   │  queued  │                          │  running  │
 *   └──────────┘ ◄──────────────── └──────────┘ ◄─────────────────────── └───────────┘
 *     ▲   ▲        nobody waits      │            its instance is fenced    │      │
 *     │   │        any more          │ expired    off: once, to run alone   │      │ nobody waits
 *     │   │                          ▼ in line                              ▼      │ any more
 *     │   │  the last thread   ┌──────────────────────────────────────────────┐    │
 *     │   └─────────────────── │  done or failed; its id is in the rings of   │    │
 *     │      has its copy      │  the threads whose bit is set in the mask    │    │
 *     │                        └──────────────────────────────────────────────┘    │
 *     └────────────────────────────────────────────────────────────────────────────┘
 * ```
 *
 * Slots count from 1 and 0 means "none" everywhere, so zero-filled memory is an empty queue (but for the
 * arena, which has to be divided). A slot's sequence grows each time it becomes free, so whoever remembers a
 * slot together with its sequence can tell whether it is still the same job. All of it is guarded by the
 * queue's lock, but for the stats, of which each cell has one writer, for `since`, and for the wakes, which
 * are written with Atomics.
 */

/** Indexes of the int32 header words. `reset` trusts the first eight: each changes by a single store, or never. */
export const HEAD = {
  slots: 0,
  arenaBlocks: 1,
  threads: 2,
  priorityLevels: 3,
  instances: 4,
  epoch: 5,
  closing: 6,
  stranded: 7,
  freeSlot: 8,
  slotBump: 9,
  used: 10,
  queued: 11,
  running: 12,
  queuedRows: 13,
  watcher: 14,
  watchRows: 15,
} as const;
export const HEAD_TRUSTED = HEAD.freeSlot;

/** Values of a slot's state. */
export const STATE = { free: 0, queued: 1, running: 2, done: 3, failed: 4 } as const;

/** Indexes within a slot. `next` is also the list of free slots; the mask has a bit for each thread. */
export const SLOT = {
  state: 0,
  sequence: 1,
  previous: 2,
  next: 3,
  level: 4,
  group: 5,
  rows: 6,
  request: 7,
  requestBytes: 8,
  response: 9,
  responseBytes: 10,
  hash0: 11,
  hash1: 12,
  isIndexed: 13,
  bucketNext: 14,
  runner: 15,
  fences: 16,
  errorCode: 17,
  errorBytes: 18,
  mask: 19,
} as const;
export const SLOT_WORDS = 32;
/** 256 threads, THREADS_MAX, in words of 32 bits. */
export const MASK_WORDS = 8;

/** Indexes within a slot's times. A deadline of Infinity is none. */
export const TIME = { arrival: 0, deadline: 1, started: 2, ended: 3 } as const;
export const TIME_NUMBERS = 4;

/** Indexes within a thread's words. `pushed` and `popped` count modulo 2³². */
export const THREAD = { owner: 0, pushed: 1, popped: 2 } as const;
export const THREAD_WORDS = 4;

/** Indexes within an instance's words. The owner is 0 when nobody runs there, or was fenced off. */
export const INSTANCE = { owner: 0, idle: 1 } as const;
export const INSTANCE_WORDS = 2;

/** Futex words stand a cache line apart. */
export const WAKE_WORDS = 16;

/** (first, last) slot of a level. */
export const LEVEL_WORDS = 2;

/** Room for the text of an error, 1 KiB; a longer one is cut. */
export const ERROR_WORDS = 256;
export const ERROR_BYTES = 4 * ERROR_WORDS;

/** float64 numbers of a row of statistics: whole cache lines, so that counting never contends. */
export const STAT_NUMBERS = 192;

const HEADER_WORDS = 16;

/** A region begins on a cache line. */
const LINE_BYTES = 64;

/** How large a queue is. */
export interface JobQueueBounds {
  readonly slots: number;
  /** Blocks of 64 bytes. */
  readonly arenaBlocks: number;
  readonly threads: number;
  readonly priorityLevels: number;
  readonly instances: number;
}

type SharedWords = Int32Array<SharedArrayBuffer>;
type SharedNumbers = Float64Array<SharedArrayBuffer>;

/** One thread's typed views of a queue's table. */
export interface JobQueueViews {
  readonly header: SharedWords;
  readonly stats: SharedNumbers;
  readonly times: SharedNumbers;
  readonly since: SharedNumbers;
  readonly levels: SharedWords;
  readonly buckets: SharedWords;
  readonly slots: SharedWords;
  readonly threads: SharedWords;
  readonly rings: SharedWords;
  readonly instances: SharedWords;
  readonly wakes: SharedWords;
  readonly errors: SharedWords;
  readonly buddies: SharedWords;
}

/** Divides memory of which only the length is asked for when there is none. */
class Division {
  bytes = 0;
  readonly #memory: SharedArrayBuffer;

  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory;
  }

  words(length: number): SharedWords {
    return new Int32Array(this.#memory, this.#take(4 * length), this.#memory.byteLength && length);
  }

  numbers(length: number): SharedNumbers {
    return new Float64Array(
      this.#memory,
      this.#take(8 * length),
      this.#memory.byteLength && length,
    );
  }

  #take(bytes: number): number {
    const offset = this.bytes;
    this.bytes += Math.ceil(bytes / LINE_BYTES) * LINE_BYTES;
    return this.#memory.byteLength && offset;
  }
}

function divide(division: Division, bounds: JobQueueBounds): JobQueueViews {
  const { slots, arenaBlocks, threads, priorityLevels, instances } = bounds;
  return {
    header: division.words(HEADER_WORDS),
    stats: division.numbers(STAT_NUMBERS * (threads + instances)),
    times: division.numbers(TIME_NUMBERS * (1 + slots)),
    since: division.numbers(instances),
    levels: division.words(LEVEL_WORDS * (1 + priorityLevels)),
    buckets: division.words(2 ** Math.ceil(Math.log2(2 * slots))),
    slots: division.words(SLOT_WORDS * (1 + slots)),
    threads: division.words(THREAD_WORDS * threads),
    rings: division.words(slots * threads),
    instances: division.words(INSTANCE_WORDS * instances),
    wakes: division.words(WAKE_WORDS * instances),
    errors: division.words(ERROR_WORDS * (1 + slots)),
    buddies: division.words(arenaWordsOf(arenaBlocks)),
  };
}

/** Bytes of a table with these bounds. */
export function tableBytesOf(bounds: JobQueueBounds): number {
  const division = new Division(new SharedArrayBuffer(0));
  divide(division, bounds);
  return division.bytes;
}

/** The header alone: before its bounds are known the rest cannot be divided. */
export function openHeader(table: SharedArrayBuffer): SharedWords {
  return new Int32Array(table, 0, HEADER_WORDS);
}

/** The bounds that a header names. */
export function boundsOf(header: Int32Array): JobQueueBounds {
  return {
    slots: header[HEAD.slots],
    arenaBlocks: header[HEAD.arenaBlocks],
    threads: header[HEAD.threads],
    priorityLevels: header[HEAD.priorityLevels],
    instances: header[HEAD.instances],
  };
}

/**
 * Views of a table that `allocateJobQueue` made.
 *
 * @throws {RangeError} if the memory's length is not what its own header says
 */
export function openViews(table: SharedArrayBuffer): JobQueueViews {
  const bounds = boundsOf(openHeader(table));
  const bytes = tableBytesOf(bounds);
  if (table.byteLength !== bytes) {
    throw new RangeError(
      `Cannot open the queue: ${table.byteLength} bytes of table, needs ${bytes}`,
    );
  }
  return divide(new Division(table), bounds);
}
