import assert from "node:assert/strict";
import type { SharedCacheOptions } from "../../lib/cache/cache_options.ts";
import { SharedCache } from "../../lib/cache/shared_cache.ts";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { mayStartWorkers, StartedWorker } from "../lock/started_worker.ts";
import type { CacheReport, CacheTask } from "./fixtures/cache_worker.ts";
import type { DyingCacheTask } from "./fixtures/dying_cache_worker.ts";
import { contentOf } from "./cache_content.ts";

const WORKER = new URL("./fixtures/cache_worker.ts", import.meta.url);
const DYING_WORKER = new URL("./fixtures/dying_cache_worker.ts", import.meta.url);
const MAIN = 1;

function setUp(limits: SharedCacheOptions) {
  const mutexMemory = SharedMutex.allocate();
  const cacheMemory = SharedCache.allocate(limits);
  const mutex = new SharedMutex(mutexMemory, MAIN);
  const start = (owner: number, operations: number, keys: number) =>
    new StartedWorker(
      WORKER,
      { mutexMemory, cacheMemory, owner, operations, keys } satisfies CacheTask,
    );
  return { mutex, mutexMemory, cacheMemory, cache: new SharedCache(cacheMemory, mutex), start };
}

async function reportsOf(workers: StartedWorker[]): Promise<CacheReport> {
  const sum: Record<string, number> = {};
  for (const worker of workers) {
    for (const [name, count] of Object.entries(await worker.next() as CacheReport)) {
      sum[name] = (sum[name] ?? 0) + count;
    }
  }
  return sum as unknown as CacheReport;
}

for (
  const { name, limits, keys } of [
    { name: "few entries", limits: { entries: 10, bytes: 65_536 }, keys: 30 },
    {
      name: "few entries, sieve",
      limits: { entries: 10, bytes: 65_536, policy: "sieve", hashBits: 128 },
      keys: 30,
    },
    {
      name: "few blocks, s3-fifo",
      limits: { entries: 1000, bytes: 4096, policy: "s3-fifo", hashBits: 128 },
      keys: 30,
    },
    { name: "few blocks", limits: { entries: 1000, bytes: 2048 }, keys: 30 },
    { name: "room for all", limits: { entries: 1000, bytes: 2 ** 20 }, keys: 300 },
  ] satisfies { name: string; limits: SharedCacheOptions; keys: number }[]
) {
  Deno.test({
    name: `SharedCache loses, tears and swaps nothing among 4 threads, ${name}`,
    ignore: !mayStartWorkers,
    async fn() {
      const { mutex, cache, cacheMemory, start } = setUp(limits);
      using stack = new DisposableStack();
      const workers = [2, 3, 4, 5].map((owner) => stack.use(start(owner, 15_000, keys)));
      const report = await reportsOf(workers);
      assert.equal(report.wrong, 0);
      assert.equal(report.lost, 0);
      assert.ok(report.hits > 0 && report.clears > 0);
      using _ = mutex.acquire();
      const counters = cache.counters();
      assert.equal(contentOf(cacheMemory).length, counters.entries);
      assert.equal(counters.hits, report.hits);
      assert.equal(counters.misses, report.gets - report.hits);
      assert.equal(counters.clears, report.clears);
      assert.equal(counters.entries, report.created - report.cleared - counters.evictions);
    },
  });
}

Deno.test({
  name: "SharedCache is usable after a thread died in put() and the lock was taken over",
  ignore: !mayStartWorkers,
  async fn(t) {
    for (const writes of [0, 5, 60, 120]) {
      await t.step(`after ${writes} writes`, async () => {
        const { mutex, mutexMemory, cacheMemory, cache, start } = setUp({
          entries: 10,
          bytes: 2048,
        });
        using stack = new DisposableStack();
        const task = { mutexMemory, cacheMemory, owner: 2, writes } satisfies DyingCacheTask;
        const doomed = stack.use(new StartedWorker(DYING_WORKER, task));
        assert.equal(await doomed.next(), "dying");
        const others = [3, 4].map((owner) => stack.use(start(owner, 2000, 30)));
        assert.ok(mutex.takeOver(2));
        cache.reset();
        assert.deepEqual(contentOf(cacheMemory), []);
        mutex.release();
        const report = await reportsOf(others);
        assert.equal(report.wrong + report.lost, 0);
        using _ = mutex.acquire();
        assert.equal(contentOf(cacheMemory).length, cache.counters().entries);
      });
    }
  },
});
