import { RESET_STREAMS_REMEMBERED } from "../limits.ts";
import { STREAM_ID_MAX } from "./frame.ts";
import type { Stream, StreamHandler } from "./stream.ts";

/** Which side of a connection we are: it decides who opens odd-numbered streams. Source: RFC 9113 §5.1.1. */
export type Side = "client" | "server";

/**
 * The open streams of a connection, and what can be told of those that are not open.
 *
 * Only clients open streams: we neither push nor accept pushes. Bounded by
 * CONCURRENT_STREAMS_MAX, or the peer's limit, and RESET_STREAMS_REMEMBERED.
 */
export class StreamTable<Handler extends StreamHandler> {
  readonly #streams = new Map<number, Stream<Handler>>();
  readonly #resets = new Set<number>();
  #lastId = 0;
  #lastForgotten = 0;

  /** The highest stream identifier that the client has used so far, 0 before the first. */
  get lastId(): number {
    return this.#lastId;
  }

  get size(): number {
    return this.#streams.size;
  }

  get(id: number): Stream<Handler> | undefined {
    return this.#streams.get(id);
  }

  values(): IterableIterator<Stream<Handler>> {
    return this.#streams.values();
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

  add(stream: Stream<Handler>): void {
    this.#streams.set(stream.id, stream);
  }

  /** Removes the stream; false when it was not there. */
  remove(id: number): boolean {
    return this.#streams.delete(id);
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
}
