import assert from "node:assert/strict";
import fc from "fast-check";
import { ARENA_BLOCK_BYTES, arenaWordsOf, BuddyArena } from "../../lib/runtime/buddy_arena.ts";

function arenaOf(blocks: number): BuddyArena {
  const arena = new BuddyArena(new Int32Array(arenaWordsOf(blocks)), blocks);
  arena.reset();
  return arena;
}

/** Takes what there is in regions of `bytes`, and says how many there were. */
function fill(arena: BuddyArena, bytes: number): number[] {
  const regions: number[] = [];
  for (;;) {
    const region = arena.allocate(bytes);
    if (region === undefined) return regions;
    regions.push(region);
  }
}

Deno.test("BuddyArena gives out all of any number of blocks, one by one", () => {
  for (let blocks = 1; blocks < 70; blocks++) {
    const arena = arenaOf(blocks);
    const regions = fill(arena, 1);
    assert.deepEqual(regions.toSorted((a, b) => a - b), regions.map((_, index) => index + 1));
    assert.equal(regions.length, blocks);
    assert.equal(arena.usedBlocks, blocks);
    for (const region of regions) arena.free(region);
    assert.equal(arena.usedBlocks, 0);
    // Merged again, as far as the arena's length allows.
    const largest = 2 ** Math.floor(Math.log2(blocks));
    assert.equal(arena.largestBytes, largest * ARENA_BLOCK_BYTES);
    assert.notEqual(arena.allocate(largest * ARENA_BLOCK_BYTES), undefined);
  }
});

Deno.test("BuddyArena refuses what is larger than any region", () => {
  const arena = arenaOf(5);
  assert.equal(arena.allocate(4 * 64 + 1), undefined);
  assert.equal(arena.allocate(2 ** 33), undefined);
  assert.equal(arena.usedBlocks, 0);
  assert.notEqual(arena.allocate(4 * 64), undefined);
});

Deno.test("BuddyArena.free() refuses what is not in use", () => {
  const arena = arenaOf(8);
  const region = arena.allocate(100) as number;
  for (const wrong of [region + 1, region + 2]) assert.throws(() => arena.free(wrong), TypeError);
  arena.free(region);
  assert.throws(() => arena.free(region), TypeError);
});

/** Regions as blocks in use, and the rule of buddies: aligned to their length, which is a power of two. */
class NaiveArena {
  readonly #used: boolean[];

  constructor(blocks: number) {
    this.#used = new Array(blocks).fill(false);
  }

  canAllocate(length: number): boolean {
    for (let from = 0; from + length <= this.#used.length; from += length) {
      if (this.#used.slice(from, from + length).every((used) => !used)) return true;
    }
    return false;
  }

  set(from: number, length: number, used: boolean): void {
    assert.equal(from % length, 0, "aligned to its length");
    assert.ok(from + length <= this.#used.length, "within the arena");
    for (let block = from; block < from + length; block++) {
      assert.notEqual(this.#used[block], used, "no two regions overlap");
      this.#used[block] = used;
    }
  }

  get usedBlocks(): number {
    return this.#used.filter((used) => used).length;
  }
}

Deno.test("BuddyArena does what blocks one by one do", () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({
        type: fc.constant("allocate" as const),
        bytes: fc.integer({ min: 0, max: 1500 }),
      }),
      fc.record({ type: fc.constant("free" as const), which: fc.nat() }),
      fc.record({ type: fc.constant("reset" as const), often: fc.nat(30) }),
    ),
    { maxLength: 200, size: "max" },
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), steps, (blocks, steps) => {
      const arena = arenaOf(blocks);
      let naive = new NaiveArena(blocks);
      let regions: { region: number; length: number }[] = [];
      for (const step of steps) {
        if (step.type === "allocate") {
          const length = 2 ** Math.ceil(Math.log2(Math.max(1, Math.ceil(step.bytes / 64))));
          const region = arena.allocate(step.bytes);
          assert.equal(region !== undefined, naive.canAllocate(length));
          if (region === undefined) continue;
          assert.equal(BuddyArena.offsetOf(region), (region - 1) * 64);
          naive.set(region - 1, length, true);
          regions.push({ region, length });
        } else if (step.type === "free" && regions.length > 0) {
          const [{ region, length }] = regions.splice(step.which % regions.length, 1);
          arena.free(region);
          naive.set(region - 1, length, false);
        } else if (step.type === "reset" && step.often === 0) {
          arena.reset();
          naive = new NaiveArena(blocks);
          regions = [];
        }
        assert.equal(arena.usedBlocks, naive.usedBlocks);
      }
    }),
    { numRuns: 300 },
  );
});
