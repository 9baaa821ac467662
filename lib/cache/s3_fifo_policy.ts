import {
  blocksOf,
  type CacheViews,
  ENTRIES_HINGE,
  ghostsHingeOf,
  ghostsMaxOf,
  HEAD,
  mainHingeOf,
  RECORD,
  RECORD_WORDS,
} from "./cache_layout.ts";
import type { EvictionPolicy } from "./eviction_policy.ts";
import { before, emptyRing, linkFirst, unlink } from "./record_ring.ts";
import type { RecordTable } from "./record_table.ts";

/** A record's mark: how many hits it had, up to three, and whether it is in the main queue. */
const HITS_MASK = 3;
const IN_MAIN = 4;

/** The small queue's share of the blocks in use: one in ten. */
const SMALL_ONE_IN = 10;

/**
 * S3-FIFO: three queues that nothing is moved within.
 *
 * ```text
 *   new ──► small ── two hits or more ──► main ──┐ with a hit: back to the start, one hit fewer
 *             │                           ▲ ▲    │
 *             └ fewer: evicted            │ └────┤
 *                 │                       │      └ without: evicted
 *                 ▼                       │
 *               ghosts ── comes again ────┘
 * ```
 *
 * What is used once leaves by the small queue, a tenth of the cache, and never gets into the main
 * one. A ghost is a record without blocks: the hash of an evicted key and its length.
 *
 * Sizes are counted in blocks. The paper, whose cache has one bound, takes a tenth of that bound;
 * here the share is of the blocks in use, and a full cache may be full of entries or of blocks. After
 * each move to the main queue it is asked again which queue is to lose an entry.
 *
 * Source: Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction", SOSP
 * 2023, §4.1 and algorithm 1.
 */
export class S3FifoPolicy implements EvictionPolicy {
  readonly #header: CacheViews["header"];
  readonly #records: CacheViews["records"];
  readonly #table: RecordTable;
  readonly #mainHinge: number;
  readonly #ghostsHinge: number;

  constructor(views: CacheViews, table: RecordTable) {
    this.#header = views.header;
    this.#records = views.records;
    this.#table = table;
    this.#mainHinge = mainHingeOf(views);
    this.#ghostsHinge = ghostsHingeOf(views);
  }

  touch(record: number): void {
    const index = record * RECORD_WORDS + RECORD.mark;
    const mark = this.#records[index];
    if ((mark & HITS_MASK) !== HITS_MASK) this.#records[index] = mark + 1;
  }

  admit(record: number): void {
    const ghost = this.#table.findGhostOf(record);
    if (ghost !== 0) this.#dropGhost(ghost);
    this.readmit(record, ghost === 0 ? 0 : IN_MAIN);
  }

  take(record: number): number {
    const mark = this.#records[record * RECORD_WORDS + RECORD.mark];
    if ((mark & IN_MAIN) === 0) this.#header[HEAD.smallBlocks] -= blocksOf(this.#records, record);
    unlink(this.#records, record);
    return mark;
  }

  readmit(record: number, mark: number): void {
    this.#records[record * RECORD_WORDS + RECORD.mark] = mark;
    if ((mark & IN_MAIN) === 0) {
      this.#header[HEAD.smallBlocks] += blocksOf(this.#records, record);
      linkFirst(this.#records, ENTRIES_HINGE, record);
    } else linkFirst(this.#records, this.#mainHinge, record);
  }

  evict(): void {
    while (!(this.#isSmallDue() ? this.#leaveSmall() : this.#leaveMain()));
  }

  clear(): void {
    for (const hinge of [ENTRIES_HINGE, this.#mainHinge, this.#ghostsHinge]) {
      emptyRing(this.#records, hinge);
    }
  }

  #isSmallDue(): boolean {
    if (before(this.#records, ENTRIES_HINGE) === ENTRIES_HINGE) return false;
    return this.#header[HEAD.smallBlocks] * SMALL_ONE_IN >= this.#header[HEAD.blocks];
  }

  /** Whether the oldest of the small queue was evicted; else it is in the main one, its hits forgotten. */
  #leaveSmall(): boolean {
    const record = before(this.#records, ENTRIES_HINGE);
    const mark = this.take(record);
    if (mark > 1) {
      this.readmit(record, IN_MAIN);
      return false;
    }
    this.#makeGhost(record);
    return true;
  }

  /** Whether the oldest of the main queue was evicted; else it is its newest, with one hit fewer. */
  #leaveMain(): boolean {
    const record = before(this.#records, this.#mainHinge);
    const mark = this.take(record);
    if (mark !== IN_MAIN) {
      this.readmit(record, mark - 1);
      return false;
    }
    this.#table.remove(record);
    return true;
  }

  #makeGhost(record: number): void {
    const header = this.#header;
    const ghostsMax = ghostsMaxOf(header[HEAD.entries]);
    this.#table.makeGhost(record);
    linkFirst(this.#records, this.#ghostsHinge, record);
    header[HEAD.ghosts]++;
    while (header[HEAD.ghosts] > ghostsMax) {
      this.#dropGhost(before(this.#records, this.#ghostsHinge));
    }
  }

  #dropGhost(ghost: number): void {
    unlink(this.#records, ghost);
    this.#table.removeGhost(ghost);
    this.#header[HEAD.ghosts]--;
  }
}
