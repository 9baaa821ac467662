import { RESET_STREAMS_REMEMBERED } from "../limits.ts";
import { STREAM_ID_MAX } from "./frame.ts";
import type { Stream, StreamHandler } from "./stream.ts";

/** Which side of a connection we are: it decides who opens odd-numbered streams. Source: RFC 9113 §5.1.1. */
export type Side = "client" | "server";

/** Slots of a new table: more than most connections have streams at once. */
const SLOTS_MIN = 32;

/** Slots of the largest table, 8 KiB: peers allow 100 streams at once, rarely more than 1 000. */
const SLOTS_MAX = 1_024;

/**
 * The open streams of a connection, and what can be told of those that are not open.
 *
 * Identifiers rise by two, so each stream has the slot that its identifier stands for, until one that
 * was opened later needs it: then the older one moves to a map. A map for all of them would cost more
 * than look-ups: each time it rehashes, V8 links the old hash table to the new one, and once a dead one
 * is in the old generation it keeps all that came after it, with their streams, from being collected
 * young.
 *
 * Only clients open streams: we neither push nor accept pushes. Bounded by
 * CONCURRENT_STREAMS_MAX, or the peer's limit, and RESET_STREAMS_REMEMBERED.
 *
 * Cost: a look-up is an array access; adding and removing allocate nothing.
 */
export class StreamTable<Handler extends StreamHandler> {
  #slots: (Stream<Handler> | undefined)[] = new Array(SLOTS_MIN).fill(undefined);
  /** Streams that were open for so long that a later one has their slot. */
  readonly #displaced = new Map<number, Stream<Handler>>();
  readonly #resets = new Set<number>();
  #size = 0;
  #lastId = 0;
  #lastForgotten = 0;

  /** The highest stream identifier that the client has used so far, 0 before the first. */
  get lastId(): number {
    return this.#lastId;
  }

  get size(): number {
    return this.#size;
  }

  get(id: number): Stream<Handler> | undefined {
    const stream = this.#slots[this.#slotOf(id)];
    if (stream !== undefined && stream.id === id) return stream;
    return this.#displaced.size === 0 ? undefined : this.#displaced.get(id);
  }

  /** The open streams; removing some meanwhile is fine. Those that others have displaced come first. */
  *values(): IterableIterator<Stream<Handler>> {
    yield* this.#displaced.values();
    // From the slot behind the last one's on they stand in the order of their identifiers.
    const slots = this.#slots;
    const first = this.#slotOf(this.#lastId) + 1;
    for (let i = 0; i < slots.length; i++) {
      const stream = slots[(first + i) & (slots.length - 1)];
      if (stream !== undefined) yield stream;
    }
  }

  /** Whether nobody has used `id` yet; clients open odd ones in rising order, nobody opens even ones. */
  isIdle(id: number): boolean {
    return id % 2 === 0 || id > this.#lastId;
  }

  /** The next identifier that we as a client may use; `undefined` when they have run out. */
  nextId(): number | undefined {
    const id = this.#lastId === 0 ? 1 : this.#lastId + 2;
    return id <= STREAM_ID_MAX ? id : undefined;
  }

  /** Notes that the client has used `id`, whether or not a stream comes of it. */
  use(id: number): void {
    this.#lastId = id;
  }

  /** Adds a stream whose identifier is not in the table. */
  add(stream: Stream<Handler>): void {
    this.#size++;
    let slot = this.#slotOf(stream.id);
    while (this.#slots[slot] !== undefined && this.#crowded) {
      this.#grow();
      slot = this.#slotOf(stream.id);
    }
    const older = this.#slots[slot];
    if (older !== undefined) this.#displaced.set(older.id, older);
    this.#slots[slot] = stream;
  }

  /** Removes the stream; false when it was not there. */
  remove(id: number): boolean {
    const slot = this.#slotOf(id);
    if (this.#slots[slot]?.id === id) this.#slots[slot] = undefined;
    else if (!this.#displaced.delete(id)) return false;
    this.#size--;
    return true;
  }

  /** Remembers that we reset `id`; of too many, the oldest are remembered as a range alone. */
  rememberReset(id: number): void {
    this.#resets.add(id);
    if (this.#resets.size <= RESET_STREAMS_REMEMBERED) return;
    for (const oldest of this.#resets) {
      this.#resets.delete(oldest);
      this.#lastForgotten = Math.max(this.#lastForgotten, oldest);
      return;
    }
  }

  /** Whether frames on `id` may still be on their way because we reset it. */
  wasReset(id: number): boolean {
    return id <= this.#lastForgotten || this.#resets.has(id);
  }

  /** Whether more slots would help: a few streams of long standing are no reason. */
  get #crowded(): boolean {
    return this.#size * 2 > this.#slots.length && this.#slots.length < SLOTS_MAX;
  }

  #slotOf(id: number): number {
    return (id >>> 1) & (this.#slots.length - 1);
  }

  /** Streams with slots of their own keep having them when there are twice as many. */
  #grow(): void {
    const smaller = this.#slots;
    this.#slots = new Array(smaller.length * 2).fill(undefined);
    for (const stream of smaller) {
      if (stream !== undefined) this.#slots[this.#slotOf(stream.id)] = stream;
    }
  }
}
