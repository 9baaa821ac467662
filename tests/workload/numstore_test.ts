import assert from "node:assert/strict";
import { numStoreWorkload, VALUE_MAX } from "../../lib/workload/numstore.ts";

const THREADS = 8;
const REQUESTS = 100;
const CACHE_ENTRIES = 10;

/** Source: spec numstore, "Client". */
const HIT_RATE_MIN = 0.62;
const HIT_RATE_MAX = 0.79;

const share = (seed: number, thread: number, requests = REQUESTS, keys = 100) =>
  numStoreWorkload({ seed, thread, requests, keys });

/** Hits over Fact calls on keys that are there, with threads that take turns and LRU 10. */
function simulateHitRate(seed: number): number {
  const streams = Array.from({ length: THREADS }, (_, thread) => [...share(seed, thread)]);
  const numbers = new Map<string, bigint>();
  let recent: bigint[] = [];
  let hits = 0;
  let lookUps = 0;
  for (let turn = 0; turn < REQUESTS; turn++) {
    for (const stream of streams) {
      const { type, value } = stream[turn];
      if (type === "SetNum") {
        numbers.set(value.key, value.value);
        continue;
      }
      const number = numbers.get(value.key);
      if (number === undefined) continue;
      lookUps++;
      if (recent.includes(number)) hits++;
      recent = [number, ...recent.filter((other) => other !== number)].slice(0, CACHE_ENTRIES);
    }
  }
  return hits / lookUps;
}

Deno.test("numStoreWorkload() has the expected hit rate with LRU 10", () => {
  const rates = Array.from({ length: 20 }, (_, seed) => simulateHitRate(seed));
  for (const rate of rates) assert.ok(rate >= HIT_RATE_MIN && rate <= HIT_RATE_MAX, `${rates}`);
  const mean = rates.reduce((sum, rate) => sum + rate) / rates.length;
  assert.ok(Math.abs(mean - 0.705) < 0.02, `mean ${mean}`);
});

Deno.test("numStoreWorkload() makes half SetNum, half Fact, of all keys and numbers alike", () => {
  const requests = [...share(7, 0, 20_000)];
  const sets = requests.filter(({ type }) => type === "SetNum").length;
  assert.ok(Math.abs(sets / requests.length - 0.5) < 0.02, `${sets} SetNum`);
  const keys = new Map<string, number>();
  const numbers = new Map<bigint, number>();
  for (const { type, value } of requests) {
    keys.set(value.key, (keys.get(value.key) ?? 0) + 1);
    if (type === "SetNum") numbers.set(value.value, (numbers.get(value.value) ?? 0) + 1);
  }
  assert.equal(keys.size, 100);
  assert.deepEqual(
    [...numbers.keys()].sort((a, b) => Number(a - b)),
    Array.from({ length: VALUE_MAX }, (_, index) => BigInt(index + 1)),
  );
  assert.ok(Math.min(...keys.values()) > 100, "a key is rare");
  assert.ok(Math.min(...numbers.values()) > 400, "a number is rare");
});

Deno.test("numStoreWorkload() makes the same of the same options, and differs between threads", () => {
  const texts = new Set<string>();
  for (const [seed, thread] of [[1, 0], [1, 1], [2, 0], [1, 0]]) {
    const requests = [...share(seed, thread)].map((
      { type, value },
    ) => [type, ...Object.values(value)]);
    assert.equal(requests.length, REQUESTS);
    texts.add(requests.join(";"));
  }
  assert.equal(texts.size, 3);
});

Deno.test("numStoreWorkload() uses as many keys as it is told", () => {
  const keys = [...share(1, 0, 200, 1)].map(({ value }) => value.key);
  assert.equal(new Set(keys).size, 1);
});

Deno.test("numStoreWorkload() refuses options out of range", () => {
  const good = { seed: 0, thread: 0, requests: 1, keys: 1 };
  const wrong = [{ seed: -1 }, { thread: 256 }, { requests: -1 }, { keys: 0 }, { keys: 1_000_001 }];
  for (const change of wrong) {
    assert.throws(() => numStoreWorkload({ ...good, ...change }).next(), RangeError);
  }
});
