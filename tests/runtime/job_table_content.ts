import assert from "node:assert/strict";
import { arenaWordsOf } from "../../lib/runtime/buddy_arena.ts";
import {
  HEAD,
  LEVEL_WORDS,
  openViews,
  SLOT,
  SLOT_WORDS,
  STATE,
  THREAD,
  THREAD_WORDS,
} from "../../lib/runtime/job_queue_layout.ts";

/** What a queue's memory holds, read from the drawing of its layout rather than by the code under test. */
export interface TableContent {
  /** Slots in line, by level. */
  readonly lines: readonly (readonly number[])[];
  /** Slots that run, ascending. */
  readonly running: readonly number[];
  /** Slots that have ended, ascending. */
  readonly ended: readonly number[];
  /** What each thread has to pick up, in order. */
  readonly rings: readonly (readonly number[])[];
  /** Slots that are found by their hash, ascending. */
  readonly indexed: readonly number[];
  readonly freeSlots: number;
  readonly usedBlocks: number;
}

/** Reads all structures, and checks that they agree with each other. */
export function contentOf(table: SharedArrayBuffer): TableContent {
  const { header, levels, buckets, slots, threads, rings, buddies } = openViews(table);
  const get = (slot: number, word: number) => slots[slot * SLOT_WORDS + word];
  const all = Array.from({ length: header[HEAD.slotBump] }, (_, index) => index + 1);
  const inState = (state: number) => all.filter((slot) => get(slot, SLOT.state) === state);
  const lines: number[][] = [];
  for (let level = 0; level < levels.length / LEVEL_WORDS; level++) {
    const line: number[] = [];
    let previous = 0;
    for (let slot = levels[2 * level]; slot !== 0; slot = get(slot, SLOT.next)) {
      assert.equal(get(slot, SLOT.previous), previous);
      assert.equal(get(slot, SLOT.level), level);
      line.push(slot);
      previous = slot;
    }
    assert.equal(levels[2 * level + 1], previous);
    lines.push(line);
  }
  const queued = lines.flat().toSorted(ascending);
  assert.deepEqual(queued, inState(STATE.queued));
  assert.equal(header[HEAD.queued], queued.length);
  assert.equal(
    header[HEAD.queuedRows],
    queued.reduce((sum, slot) => sum + get(slot, SLOT.rows), 0),
  );
  const running = inState(STATE.running);
  assert.equal(header[HEAD.running], running.length);
  const ended = [...inState(STATE.done), ...inState(STATE.failed)].toSorted(ascending);
  assert.equal(header[HEAD.used], queued.length + running.length + ended.length);
  let free = header[HEAD.slots] - header[HEAD.slotBump];
  for (let slot = header[HEAD.freeSlot]; slot !== 0; slot = get(slot, SLOT.next)) {
    assert.equal(get(slot, SLOT.state), STATE.free);
    free++;
  }
  assert.equal(free, header[HEAD.slots] - header[HEAD.used]);
  const indexed: number[] = [];
  for (const [bucket, first] of buckets.entries()) {
    for (let slot = first; slot !== 0; slot = get(slot, SLOT.bucketNext)) {
      assert.equal(get(slot, SLOT.hash0) & (buckets.length - 1), bucket);
      indexed.push(slot);
    }
  }
  indexed.sort(ascending);
  assert.deepEqual(indexed, all.filter((slot) => get(slot, SLOT.isIndexed) === 1));
  return {
    lines,
    running,
    ended,
    rings: ringsOf(threads, rings),
    indexed,
    freeSlots: free,
    usedBlocks: usedBlocksOf(buddies, header[HEAD.arenaBlocks]),
  };
}

function ringsOf(threads: Int32Array, rings: Int32Array): number[][] {
  const count = threads.length / THREAD_WORDS;
  const length = rings.length / count;
  return Array.from({ length: count }, (_, thread) => {
    const ring: number[] = [];
    const pushed = threads[thread * THREAD_WORDS + THREAD.pushed];
    let popped = threads[thread * THREAD_WORDS + THREAD.popped];
    while (popped !== pushed) {
      ring.push(rings[thread * length + popped % length]);
      popped = (popped + 1) % (2 * length);
    }
    return ring;
  });
}

/** Blocks of regions in use, counted one by one; with the free ones they make up the arena. */
function usedBlocksOf(buddies: Int32Array, blocks: number): number {
  assert.ok(buddies.length >= arenaWordsOf(blocks));
  let used = 0;
  let free = 0;
  for (let block = 1; block <= blocks; block++) {
    const kind = buddies[32 + 3 * block];
    if (kind > 0) free += 2 ** (kind - 1);
    if (kind < 0) used += 2 ** (-kind - 1);
  }
  assert.equal(used + free, blocks);
  return used;
}

function ascending(one: number, other: number): number {
  return one - other;
}
