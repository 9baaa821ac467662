import { type CacheViews, ENTRIES_HINGE, HEAD, RECORD, RECORD_WORDS } from "./cache_layout.ts";
import type { EvictionPolicy } from "./eviction_policy.ts";
import { before, emptyRing, linkFirst, unlink } from "./record_ring.ts";
import type { RecordTable } from "./record_table.ts";

/** The marks of a record: whether it had a hit since it came, or since the hand went over it. */
const UNVISITED = 0;
const VISITED = 1;

/**
 * SIEVE: one ring from the newest entry to the oldest, and a hand that goes from old to new.
 *
 * ```text
 *   newest                                   oldest
 *     ○ ── ● ── ○ ── ○ ── ● ── ○ ── ● ── ● ── ●      ● visited
 *                    ▲ hand: the next to go is the first ○ from here to the left; every ● on the
 *                      way becomes ○, and past the newest it goes on with the oldest
 * ```
 *
 * A hit moves nothing. What survives the hand keeps its place, so new entries are sifted out between
 * the old ones.
 *
 * Source: Zhang, Yang, Yue, Vigfusson and Rashmi, "SIEVE is Simpler than LRU: an Efficient Turn-Key
 * Eviction Algorithm for Web Caches", NSDI 2024, algorithm 1.
 */
export class SievePolicy implements EvictionPolicy {
  readonly #header: CacheViews["header"];
  readonly #records: CacheViews["records"];
  readonly #table: RecordTable;

  constructor(views: CacheViews, table: RecordTable) {
    this.#header = views.header;
    this.#records = views.records;
    this.#table = table;
  }

  touch(record: number): void {
    this.#records[record * RECORD_WORDS + RECORD.mark] = VISITED;
  }

  admit(record: number): void {
    this.readmit(record, UNVISITED);
  }

  take(record: number): number {
    const records = this.#records;
    const hand = this.#header[HEAD.hand];
    if (hand === record) this.#header[HEAD.hand] = before(records, record);
    unlink(records, record);
    return records[record * RECORD_WORDS + RECORD.mark];
  }

  readmit(record: number, mark: number): void {
    this.#records[record * RECORD_WORDS + RECORD.mark] = mark;
    linkFirst(this.#records, ENTRIES_HINGE, record);
  }

  evict(): void {
    const records = this.#records;
    let record = this.#orOldest(this.#header[HEAD.hand]);
    while (records[record * RECORD_WORDS + RECORD.mark] !== UNVISITED) {
      records[record * RECORD_WORDS + RECORD.mark] = UNVISITED;
      record = this.#orOldest(before(records, record));
    }
    this.#header[HEAD.hand] = before(records, record);
    unlink(records, record);
    this.#table.remove(record);
  }

  clear(): void {
    emptyRing(this.#records, ENTRIES_HINGE);
  }

  /** The hinge, before the newest and after the oldest, is where a hand has not begun or starts anew. */
  #orOldest(record: number): number {
    return record === ENTRIES_HINGE ? before(this.#records, ENTRIES_HINGE) : record;
  }
}
