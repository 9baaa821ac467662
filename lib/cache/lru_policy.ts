import { type CacheViews, ENTRIES_HINGE } from "./cache_layout.ts";
import type { EvictionPolicy } from "./eviction_policy.ts";
import { before, emptyRing, firstOf, linkFirst, unlink } from "./record_ring.ts";
import type { RecordTable } from "./record_table.ts";

/** Exact LRU: one ring from the most recently used record to the least, which is the one to go. */
export class LruPolicy implements EvictionPolicy {
  readonly #records: CacheViews["records"];
  readonly #table: RecordTable;

  constructor(views: CacheViews, table: RecordTable) {
    this.#records = views.records;
    this.#table = table;
  }

  touch(record: number): void {
    const records = this.#records;
    if (firstOf(records, ENTRIES_HINGE) === record) return;
    unlink(records, record);
    linkFirst(records, ENTRIES_HINGE, record);
  }

  admit(record: number): void {
    linkFirst(this.#records, ENTRIES_HINGE, record);
  }

  take(record: number): number {
    unlink(this.#records, record);
    return 0;
  }

  readmit(record: number): void {
    this.admit(record);
  }

  evict(): void {
    const record = before(this.#records, ENTRIES_HINGE);
    unlink(this.#records, record);
    this.#table.remove(record);
  }

  clear(): void {
    emptyRing(this.#records, ENTRIES_HINGE);
  }
}
