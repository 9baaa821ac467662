import type { ListedRun, RunPage } from "../invocation/run_store.ts";
import { STORE_MEMORY_BYTES_MAX } from "../limits.ts";
import { parseCursor } from "./cursor.ts";
import type { RunText } from "./run_text.ts";
import type { StoreOptions } from "./store_options.ts";
import type { Begin, TextStore } from "./text_store.ts";

/** So few empty places are not worth the work. */
const PLACES_KEPT = 16;

/** A place in the order of saves. */
interface Place {
  /** What was saved; undefined once it is replaced or removed. */
  run: RunText | undefined;
  readonly savedMs: number;
  readonly sequence: number;
}

/**
 * Runs in this thread's memory, gone with it.
 *
 * Beyond `rowsMax`, and beyond STORE_MEMORY_BYTES_MAX, the oldest are removed. The place of
 * one that is replaced or removed stays, empty, until half of them are.
 *
 * Cost: constant time a save, amortised; a page's length and log(runs) a page.
 */
export class MemoryStore implements TextStore {
  readonly #byId = new Map<number, Place>();
  /** By sequence. */
  #places: Place[] = [];
  /** No place before this one is taken. */
  #from = 0;
  #sequence = 0;
  #bytes = 0;
  readonly #rowsMax: number;
  readonly #ttlMs: number;
  readonly #now: () => number;

  constructor({ ttlMs, rowsMax }: Pick<StoreOptions, "ttlMs" | "rowsMax">, now = Date.now) {
    this.#rowsMax = rowsMax ?? Infinity;
    this.#ttlMs = ttlMs ?? Infinity;
    this.#now = now;
  }

  save(run: RunText, begin: Begin): Promise<void> {
    begin();
    this.#remove(run.id);
    const place = { run, savedMs: this.#now(), sequence: ++this.#sequence };
    this.#byId.set(run.id, place);
    this.#places.push(place);
    this.#bytes += bytesOf(run);
    this.#retain();
    return Promise.resolve();
  }

  find(id: number): Promise<RunText | undefined> {
    const place = this.#byId.get(id);
    return Promise.resolve(place === undefined || this.#isOver(place) ? undefined : place.run);
  }

  delete(id: number, begin: Begin): Promise<boolean> {
    begin();
    const place = this.#byId.get(id);
    this.#remove(id);
    this.#compact();
    return Promise.resolve(place !== undefined && !this.#isOver(place));
  }

  // Rejects for a wrong cursor rather than throw.
  // deno-lint-ignore require-await
  async list({ after, limit }: RunPage): Promise<readonly ListedRun[]> {
    const before = parseCursor(after) ?? Infinity;
    const listed: ListedRun[] = [];
    for (let index = this.#indexOf(before) - 1; index >= this.#from; index--) {
      if (listed.length >= limit) break;
      const { run, savedMs, sequence } = this.#places[index];
      if (run === undefined || this.#isOver({ savedMs })) continue;
      listed.push({ id: run.id, savedMs, cursor: String(sequence) });
    }
    return listed;
  }

  check(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #isOver({ savedMs }: Pick<Place, "savedMs">): boolean {
    return savedMs + this.#ttlMs <= this.#now();
  }

  #remove(id: number): void {
    const place = this.#byId.get(id);
    if (place?.run === undefined) return;
    this.#byId.delete(id);
    this.#bytes -= bytesOf(place.run);
    place.run = undefined;
  }

  /** Removes the oldest while they are over or too many; the newest stays, whatever its size. */
  #retain(): void {
    for (; this.#from < this.#places.length - 1; this.#from++) {
      const { run, savedMs } = this.#places[this.#from];
      if (run === undefined) continue;
      const isTooMuch = this.#byId.size > this.#rowsMax || this.#bytes > STORE_MEMORY_BYTES_MAX;
      if (!isTooMuch && !this.#isOver({ savedMs })) break;
      this.#remove(run.id);
    }
    this.#compact();
  }

  #compact(): void {
    if (this.#places.length <= 2 * this.#byId.size + PLACES_KEPT) return;
    this.#places = this.#places.filter(({ run }) => run !== undefined);
    this.#from = 0;
  }

  /** Of the first place whose sequence is not less. */
  #indexOf(sequence: number): number {
    let low = this.#from;
    let high = this.#places.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#places[middle].sequence >= sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** A character takes two bytes, or one where all are Latin. */
function bytesOf({ input, output }: RunText): number {
  return 2 * (input.length + output.length);
}
