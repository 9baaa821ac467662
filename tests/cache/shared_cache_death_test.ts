import assert from "node:assert/strict";
import type { SharedCacheOptions } from "../../lib/cache/cache_options.ts";
import { SharedCache } from "../../lib/cache/shared_cache.ts";
import { HEAD, openViews, STAT } from "../../lib/cache/cache_layout.ts";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { openDying } from "../lock/dying_views.ts";
import { contentOf } from "./cache_content.ts";

const SURVIVOR = 1;
const VICTIM = 2;
const LIMITS = { entries: 4, bytes: 8 * 128 };
/** Every policy, and both hashes. */
const KINDS: Record<string, SharedCacheOptions> = {
  "lru": LIMITS,
  "lru, 128 bits": { ...LIMITS, hashBits: 128 },
  "sieve": { ...LIMITS, policy: "sieve" },
  "s3-fifo": { ...LIMITS, policy: "s3-fifo" },
};
/** More than any of the steps below writes: the test ends when a step lives through it. */
const WRITES_MAX = 1000;

class Died extends Error {}

function bytesOf(length: number): Uint8Array {
  return new Uint8Array(length).fill(length);
}

/** What the victim was doing when it died, after the cache was filled. */
const STEPS: Record<string, (cache: SharedCache) => void> = {
  "get() of the least recent": (cache) => void cache.get(bytesOf(1), bytesOf(9)),
  "get() of nothing": (cache) => void cache.get(bytesOf(9), bytesOf(9)),
  "put() that evicts": (cache) => void cache.put(bytesOf(300), bytesOf(300), cache.epoch),
  "put() of what was evicted": (cache) => void cache.put(bytesOf(7), bytesOf(9), cache.epoch),
  "put() that replaces": (cache) => void cache.put(bytesOf(200), bytesOf(9), cache.epoch),
  "clear()": (cache) => cache.clear(),
  "reset()": (cache) => cache.reset(),
};

/** Four entries, one with hits, and one evicted, which s3-fifo remembers. */
function fill(cache: SharedCache): void {
  for (const length of [7, 1, 2, 200, 3]) cache.put(bytesOf(length), bytesOf(9), cache.epoch);
  for (let hit = 0; hit < 2; hit++) cache.get(bytesOf(2), bytesOf(9));
}

/** Runs the step until the victim dies at its nth write; undefined if it lived. */
function dieAt(
  write: number,
  step: (cache: SharedCache) => void,
  { options, epoch }: { options: SharedCacheOptions; epoch: number },
) {
  const mutexMemory = SharedMutex.allocate();
  const memory = SharedCache.allocate(options);
  openViews(memory).stats[STAT.epoch] = epoch;
  const mutex = new SharedMutex(mutexMemory, SURVIVOR);
  const cache = new SharedCache(memory, mutex);
  {
    using _ = mutex.acquire();
    fill(cache);
  }
  const victimMutex = new SharedMutex(mutexMemory, VICTIM);
  let writes = 0;
  const victim = openDying(() => {
    if (writes++ === write) throw new Died();
  }, () => new SharedCache(memory, victimMutex));
  victimMutex.acquire();
  try {
    step(victim);
  } catch (error) {
    if (error instanceof Died) return { mutex, memory, cache };
    throw error;
  }
  return undefined;
}

for (const [kind, options] of Object.entries(KINDS)) {
  Deno.test(`SharedCache.reset() repairs a death at any write, ${kind}`, async (t) => {
    for (const [name, step] of Object.entries(STEPS)) {
      // The second epoch is the one whose successor's stamp would be 0.
      for (const epoch of [1, 2 ** 32 - 1]) {
        await t.step(`${name}, epoch ${epoch}`, () => {
          let deaths = 0;
          for (; deaths < WRITES_MAX; deaths++) {
            const dead = dieAt(deaths, step, { options, epoch });
            if (dead === undefined) break;
            assertRepaired(dead);
          }
          assert.ok(deaths > 0 && deaths < WRITES_MAX, `${deaths} deaths`);
        });
      }
    }
  });
}

type Dead = NonNullable<ReturnType<typeof dieAt>>;

function assertRepaired({ mutex, memory, cache }: Dead): void {
  const before = openViews(memory).stats[STAT.epoch];
  assert.ok(mutex.takeOver(VICTIM));
  cache.reset();
  assert.ok(cache.epoch > before);
  assert.deepEqual(contentOf(memory), []);
  assert.equal(cache.counters().bytes, 0);
  fill(cache);
  assert.equal(contentOf(memory).length, 4);
  assert.equal(cache.get(bytesOf(200), bytesOf(9)), 9);
  mutex.release();
}

for (const [kind, options] of Object.entries(KINDS)) {
  Deno.test(`SharedCache.reset() does not read what it repairs, ${kind}`, async (t) => {
    const garbage = {
      "random words": () => crypto.getRandomValues(new Int32Array(1))[0],
      // The stamps of the epochs before and after the reset, on chains and lists that never end.
      "1": () => 1,
      "2": () => 2,
    };
    for (const [name, word] of Object.entries(garbage)) {
      await t.step(name, () => {
        const mutex = new SharedMutex(SharedMutex.allocate(), 1).acquire();
        const memory = SharedCache.allocate(options);
        const cache = new SharedCache(memory, mutex);
        const { header, buckets, records, hashes, next, arena } = openViews(memory);
        const state = header.subarray(HEAD.entries);
        for (const words of [state, buckets, records, hashes, next, arena]) {
          for (let index = 0; index < words.length; index++) words[index] = word();
        }
        cache.reset();
        assert.deepEqual(contentOf(memory), []);
        fill(cache);
        assert.equal(contentOf(memory).length, 4);
        assert.equal(cache.counters().clears, 0);
      });
    }
  });
}
