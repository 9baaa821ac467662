import assert from "node:assert/strict";
import { setImmediate } from "node:timers";
import type { Transport } from "../../lib/http2/connection.ts";

/** How an in-memory connection treats its bytes. */
export interface PipeOptions {
  /** The most bytes of the next read or write, at least 1; without it they are as large as can be. */
  readonly cut?: () => number;
  /** Bytes under way in one direction before a write waits for a read; unlimited without it. */
  readonly capacityBytes?: number;
}

/** The bytes of one direction, and who waits for them. */
class Lane {
  bytes = new Uint8Array(0);
  /** No more bytes will come. */
  ended = false;
  /** Nobody will read what comes. */
  abandoned = false;
  #changed: PromiseWithResolvers<void> | undefined;

  wait(): Promise<void> {
    this.#changed ??= Promise.withResolvers();
    return this.#changed.promise;
  }

  notify(): void {
    this.#changed?.resolve();
    this.#changed = undefined;
  }
}

/** One end of an in-memory connection. Its promises need microtasks alone; see `quiescence`. */
export class PipeEnd implements Transport {
  /** Calls of `write` that found room. */
  writes = 0;
  /** Calls of `read` that found bytes. */
  reads = 0;
  closed = false;
  #writing = false;
  readonly #inward: Lane;
  readonly #outward: Lane;
  readonly #options: PipeOptions;

  constructor(inward: Lane, outward: Lane, options: PipeOptions) {
    this.#inward = inward;
    this.#outward = outward;
    this.#options = options;
  }

  /** Bytes that the other end has written and this one has not read. */
  get unreadBytes(): number {
    return this.#inward.bytes.length;
  }

  async read(into: Uint8Array): Promise<number | null> {
    const lane = this.#inward;
    while (lane.bytes.length === 0 && !lane.ended && !this.closed) await lane.wait();
    if (this.closed) throw new Error("read of a closed pipe");
    if (lane.bytes.length === 0) return null;
    const count = Math.min(into.length, lane.bytes.length, this.#options.cut?.() ?? Infinity);
    into.set(lane.bytes.subarray(0, count));
    lane.bytes = lane.bytes.slice(count);
    lane.notify();
    this.reads++;
    return count;
  }

  /** As a socket may take a part of the bytes, a second write at once would mix with the first. */
  async write(bytes: Uint8Array): Promise<number> {
    assert.ok(!this.#writing, "two writes at once");
    this.#writing = true;
    try {
      return await this.#write(bytes);
    } finally {
      this.#writing = false;
    }
  }

  closeWrite(): Promise<void> {
    this.#outward.ended = true;
    this.#outward.notify();
    return Promise.resolve();
  }

  close(): void {
    if (this.closed) throw new Error("close of a closed pipe");
    this.closed = true;
    this.#outward.ended = true;
    this.#inward.abandoned = true;
    this.#outward.notify();
    this.#inward.notify();
  }

  async #write(bytes: Uint8Array): Promise<number> {
    const lane = this.#outward;
    const room = () => (this.#options.capacityBytes ?? Infinity) - lane.bytes.length;
    while (room() <= 0 && !lane.abandoned && !this.closed) await lane.wait();
    if (this.closed || lane.ended) throw new Error("write to a closed pipe");
    if (lane.abandoned) throw new Error("broken pipe");
    const count = Math.min(bytes.length, room(), this.#options.cut?.() ?? Infinity);
    const joined = new Uint8Array(lane.bytes.length + count);
    joined.set(lane.bytes);
    joined.set(bytes.subarray(0, count), lane.bytes.length);
    lane.bytes = joined;
    lane.notify();
    this.writes++;
    return count;
  }
}

/** Makes an in-memory connection; returns its two ends, which obey one of the options each. */
export function bytePipe(near: PipeOptions = {}, far: PipeOptions = {}): [PipeEnd, PipeEnd] {
  const one = new Lane();
  const other = new Lane();
  return [new PipeEnd(one, other, near), new PipeEnd(other, one, far)];
}

const setTimer = globalThis.setTimeout;
const TURNS = 64;

/**
 * Resolves when nothing happens any more on pipes and on what is connected by them.
 *
 * All of that runs in microtasks, but for the turns that a connection with much input gives to others:
 * no test sends more than TURNS of them.
 */
export async function quiescence(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setTimer(resolve, 0));
}
