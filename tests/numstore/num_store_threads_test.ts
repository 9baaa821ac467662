import assert from "node:assert/strict";
import { allocateNumStore } from "../../lib/numstore/num_store_memory.ts";
import { mayStartWorkers, StartedWorker } from "../lock/started_worker.ts";
import type { NumStoreRecord, NumStoreTask } from "./fixtures/num_store_worker.ts";

/** Fewer keys than are asked for, so that some are refused. */
const LIMITS = { keys: 90, bytes: 4_096, cacheEntries: 10 };
const KEYS = 100;
const THREADS = 4;
const CALLS = 5_000;

/** What `NumStore` should do, said as simply as possible. */
class NaiveStore {
  readonly numbers = new Map<string, bigint>();
  /** From least to most recent. */
  readonly #recent = new Set<bigint>();

  set(key: string, value: bigint): bigint | undefined {
    if (!this.numbers.has(key) && this.numbers.size === LIMITS.keys) return undefined;
    const changed = new Map(this.numbers).set(key, value);
    const total = [...changed.values()].reduce((sum, number) => sum + number);
    if (total > 2n ** 63n - 1n || total < -(2n ** 63n)) return undefined;
    this.numbers.set(key, value);
    return total;
  }

  /** Looks a number up, and says whether its factorial is in the cache. */
  lookUp(number: bigint): boolean {
    if (!this.#recent.delete(number)) return false;
    this.#recent.add(number);
    return true;
  }

  store(number: bigint): void {
    this.#recent.delete(number);
    if (this.#recent.size === LIMITS.cacheEntries) this.#recent.delete([...this.#recent][0]);
    this.#recent.add(number);
  }
}

const FACTORIALS = [1n];
for (let number = 1; number <= 20; number++) {
  FACTORIALS.push(FACTORIALS[number - 1] * BigInt(number));
}

/** Makes the calls again, one critical section after the other in the order in which they were. */
function replay(records: readonly NumStoreRecord[]): { hits: number; refused: number } {
  const naive = new NaiveStore();
  const sections: (() => void)[] = [];
  const counts = { hits: 0, refused: 0 };
  for (const record of records) {
    const [first, second] = record.turns;
    if (record.kind === "set") {
      sections[first] = () => {
        assert.equal(record.total, naive.set(record.key, record.value));
        if (record.total === undefined) counts.refused++;
      };
      continue;
    }
    let number: bigint | undefined;
    sections[first] = () => {
      number = naive.numbers.get(record.key);
      const isKnown = number !== undefined && number >= 0n && number <= 20n;
      assert.equal(record.value, isKnown ? FACTORIALS[Number(number)] : undefined);
      assert.equal(record.hit, isKnown && naive.lookUp(number as bigint));
      assert.equal(second !== undefined, isKnown && !record.hit);
      if (record.hit) counts.hits++;
    };
    if (second !== undefined) sections[second] = () => naive.store(number as bigint);
  }
  assert.equal(Object.keys(sections).length, sections.length, "a turn of nobody");
  for (const section of sections) section();
  return counts;
}

Deno.test({
  name: "NumStore: threads' random calls answer as a naive store does in the lock's order",
  ignore: !mayStartWorkers,
}, async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  const memory = allocateNumStore(LIMITS);
  const turns = new SharedArrayBuffer(4);
  const arrivals = new SharedArrayBuffer(4);
  using stack = new DisposableStack();
  const file = new URL("./fixtures/num_store_worker.ts", import.meta.url);
  const workers = Array.from({ length: THREADS }, (_, thread) => {
    const owner = thread + 2;
    const shared = { memory, seed, calls: CALLS, keys: KEYS, turns, threads: THREADS, arrivals };
    const task: NumStoreTask = { ...shared, owner };
    return stack.use(new StartedWorker(file, task));
  });
  const records = await Promise.all(workers.map((worker) => worker.next())) as NumStoreRecord[][];
  try {
    const { hits, refused } = replay(records.flat());
    assert.ok(hits > 1_000 && refused > 100, `${hits} hits, ${refused} refused prove nothing`);
  } catch (error) {
    throw new Error(`failed with seed ${seed}`, { cause: error });
  }
});
