import { PIPELINE_AVERAGED_REQUESTS } from "../limits.ts";

/** Times of requests, in milliseconds. */
export interface AverageTimes {
  /** Of the last PIPELINE_AVERAGED_REQUESTS; 0 when there were none. */
  readonly handlingMs: number;
  readonly inferenceMs: number;
}

/** What the board has of a worker. */
export interface WorkerFigures extends AverageTimes {
  readonly handled: number;
  /** Whether it works now. */
  readonly serves: boolean;
}

const COUNT_BYTES = 8;
const FLAG_BYTES = 8;
const RING_BYTES = 4 * PIPELINE_AVERAGED_REQUESTS;
const ROW_BYTES = COUNT_BYTES + FLAG_BYTES + 2 * RING_BYTES;

/** The bits of a float32 that is NaN: nothing has been written there. */
const NOTHING = 0x7fc0_0000;

/**
 * What the Pipeline's workers are told to have done, in memory that all threads share, by their places. It outlives
 * networks and workers: who holds the next network, or replaces one that died, goes on counting.
 *
 * ```text
 *          int64     int32             float32[100]      float32[100]
 *  row 0   ┌────────┬────────┬───┬─────────────────┬─────────────────┐  requests, of all serving threads
 *  row 1   │ count  │ serves │   │ handling ms     │ inference ms    │  the worker at place 0
 *  …       └────────┴────────┴───┴─────────────────┴─────────────────┘
 * ```
 *
 * Each row may have several writers, as while one network takes over from another: the count says where each
 * writes. A reader may find a time that is a hundred requests old where the newest is being written.
 */
export class WorkerBoard {
  readonly #counts: BigInt64Array;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#counts = new BigInt64Array(memory);
    this.#words = new Int32Array(memory);
  }

  /** All workers serve, and have done nothing. */
  static allocate(workers: number): SharedArrayBuffer {
    const memory = new SharedArrayBuffer((1 + workers) * ROW_BYTES);
    const words = new Int32Array(memory);
    for (let row = 0; row <= workers; row++) {
      words.fill(NOTHING, ringOf(row), ringOf(row) + 2 * PIPELINE_AVERAGED_REQUESTS);
      words[flagOf(row)] = 1;
    }
    return memory;
  }

  /** A serving thread has answered a request. */
  recordRequest(handlingMs: number): void {
    this.#record(0, handlingMs, 0);
  }

  /** A worker has. */
  recordWork(place: number, handlingMs: number, inferenceMs: number): void {
    this.#record(1 + place, handlingMs, inferenceMs);
  }

  setServing(place: number, serves: boolean): void {
    Atomics.store(this.#words, flagOf(1 + place), serves ? 1 : 0);
  }

  /** Of requests. */
  requests(): AverageTimes {
    return this.#averages(0);
  }

  /** By place. */
  workers(): readonly WorkerFigures[] {
    const rows = this.#words.byteLength / ROW_BYTES;
    return Array.from({ length: rows - 1 }, (_, place) => ({
      handled: Number(Atomics.load(this.#counts, countOf(1 + place))),
      serves: Atomics.load(this.#words, flagOf(1 + place)) === 1,
      ...this.#averages(1 + place),
    }));
  }

  #record(row: number, handlingMs: number, inferenceMs: number): void {
    const before = Atomics.add(this.#counts, countOf(row), 1n);
    const at = ringOf(row) + Number(before % BigInt(PIPELINE_AVERAGED_REQUESTS));
    Atomics.store(this.#words, at, bitsOf(handlingMs));
    Atomics.store(this.#words, at + PIPELINE_AVERAGED_REQUESTS, bitsOf(inferenceMs));
  }

  #averages(row: number): AverageTimes {
    const handling = ringOf(row);
    return {
      handlingMs: this.#average(handling),
      inferenceMs: this.#average(handling + PIPELINE_AVERAGED_REQUESTS),
    };
  }

  #average(ring: number): number {
    let sum = 0;
    let count = 0;
    for (let at = ring; at < ring + PIPELINE_AVERAGED_REQUESTS; at++) {
      const ms = ofBits(Atomics.load(this.#words, at));
      if (Number.isNaN(ms)) continue;
      sum += ms;
      count++;
    }
    return count === 0 ? 0 : sum / count;
  }
}

function countOf(row: number): number {
  return row * ROW_BYTES / BigInt64Array.BYTES_PER_ELEMENT;
}

function flagOf(row: number): number {
  return (row * ROW_BYTES + COUNT_BYTES) / Int32Array.BYTES_PER_ELEMENT;
}

function ringOf(row: number): number {
  return (row * ROW_BYTES + COUNT_BYTES + FLAG_BYTES) / Int32Array.BYTES_PER_ELEMENT;
}

const scratch = new Float32Array(1);
const scratchBits = new Int32Array(scratch.buffer);

/** Atomics know integers alone. */
function bitsOf(value: number): number {
  scratch[0] = value;
  return scratchBits[0];
}

function ofBits(bits: number): number {
  scratchBits[0] = bits;
  return scratch[0];
}
