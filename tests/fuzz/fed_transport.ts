import assert from "node:assert/strict";
import type { Transport } from "../../lib/http2/connection.ts";
import { cuts } from "./script.ts";
import { concatenated } from "./wire_builder.ts";

/** More calls than this for one input are a loop. */
const CALLS_MAX = 200_000;

/** Answers to one input have an end, even those to a request for a lot. */
const OUTPUT_BYTES_MAX = 1 << 24;

/** Microtasks without a write, after which nothing more is written unasked. */
const QUIET_STEPS = 40;

/** From here on single bytes would take longer than they tell. */
const LONG_BYTES = 4_000;

/** How a transport treats its bytes. */
export interface FeedOptions {
  /** Chooses how reads and writes are cut. */
  readonly readCut: number;
  readonly writeCut: number;
  /** How many bytes are written before writing fails, `undefined` for never. */
  readonly breaksAfter: number | undefined;
}

/** A connection whose peer says the given bytes, whatever it is told, then ends its side. */
export class FedTransport implements Transport {
  readonly output: Uint8Array[] = [];
  outputBytes = 0;
  readonly #input: Uint8Array;
  readonly #options: FeedOptions;
  readonly #readCut: () => number;
  readonly #writeCut: () => number;
  #at = 0;
  #calls = 0;
  #closed = false;
  #writing = false;

  constructor(input: Uint8Array, options: FeedOptions) {
    this.#input = input;
    this.#options = options;
    this.#readCut = cuts(atLeast(options.readCut, input.length > LONG_BYTES));
    this.#writeCut = cuts(atLeast(options.writeCut, true));
  }

  /** What may happen to a transport; the connection's end may be due to it. */
  static readonly BROKEN = "the pipe was broken";

  async read(into: Uint8Array): Promise<number | null> {
    this.#count();
    assert.ok(into.length > 0, "a read into no room");
    if (this.#at === this.#input.length) await this.#quiescence();
    if (this.#closed) throw new Error("read of a closed transport");
    const count = Math.min(into.length, this.#input.length - this.#at, this.#readCut());
    if (count === 0) return null;
    into.set(this.#input.subarray(this.#at, this.#at + count));
    this.#at += count;
    return count;
  }

  async write(bytes: Uint8Array): Promise<number> {
    this.#count();
    assert.ok(!this.#writing, "two writes at once");
    assert.ok(bytes.length > 0, "a write of nothing");
    this.#writing = true;
    const count = Math.min(bytes.length, this.#writeCut());
    this.output.push(bytes.slice(0, count));
    this.outputBytes += count;
    assert.ok(this.outputBytes <= OUTPUT_BYTES_MAX, "answers without end");
    await undefined;
    this.#writing = false;
    if (this.#closed) throw new Error("write to a closed transport");
    if (this.outputBytes > (this.#options.breaksAfter ?? Infinity)) {
      throw new Error(FedTransport.BROKEN);
    }
    return count;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    assert.ok(!this.#closed, "a transport that is closed twice");
    this.#closed = true;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** All that was written. */
  joined(): Uint8Array {
    return concatenated(this.output);
  }

  /** Lets what is answered without waiting be answered, before the peer ends its side. */
  async #quiescence(): Promise<void> {
    let before = -1;
    for (let quiet = 0; quiet < QUIET_STEPS && !this.#closed; quiet++) {
      if (before !== this.#calls) quiet = 0;
      before = this.#calls;
      await undefined;
    }
  }

  #count(): void {
    if (++this.#calls > CALLS_MAX) throw new Error("an input that is read without end");
  }
}

/** The seed of cuts that are not all tiny, where that is asked for. */
function atLeast(seed: number, large: boolean): number {
  return large && (seed & 7) !== 0 ? seed | 4 : seed;
}
