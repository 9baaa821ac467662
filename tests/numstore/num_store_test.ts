import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import { NumStore } from "../../lib/numstore/num_store.ts";
import {
  allocateNumStore,
  openNumStore,
  recoverNumStore,
} from "../../lib/numstore/num_store_memory.ts";

const LIMITS = { keys: 100, bytes: 65_536, cacheEntries: 10 };

function openStore(limits = LIMITS) {
  const memory = allocateNumStore(limits);
  const parts = openNumStore(memory, 2);
  return { memory, parts, store: new NumStore(parts) };
}

function cacheCounters({ parts }: ReturnType<typeof openStore>) {
  using _ = parts.mutex.acquire();
  return parts.cache.counters();
}

Deno.test("NumStore follows the specified sequence", () => {
  const { store } = openStore();
  assert.equal(store.setNum("A", 1n), 1n);
  assert.equal(store.setNum("B", 10n), 11n);
  assert.equal(store.setNum("A", 5n), 15n);
  assert.equal(store.setNum("B", 0n), 5n);
  assert.deepEqual(store.fact("A"), { value: 120n, hit: false });
});

Deno.test("NumStore.fact() goes by the number, not by the key", () => {
  const { store } = openStore();
  store.setNum("A", 5n);
  store.setNum("B", 5n);
  assert.deepEqual(store.fact("A"), { value: 120n, hit: false });
  assert.deepEqual(store.fact("B"), { value: 120n, hit: true });
  store.setNum("A", 6n);
  assert.deepEqual(store.fact("A"), { value: 720n, hit: false });
  store.setNum("A", 5n);
  assert.deepEqual(store.fact("A"), { value: 120n, hit: true });
});

Deno.test("NumStore.fact() keeps the ten numbers that were used last", () => {
  const { store } = openStore();
  const hit = (number: number) => {
    store.setNum("A", BigInt(number));
    return store.fact("A").hit;
  };
  for (let number = 0; number < 10; number++) assert.ok(!hit(number));
  assert.ok(hit(0));
  assert.ok(!hit(10));
  assert.ok(hit(0));
  assert.ok(!hit(1));
});

Deno.test("NumStore.fact() is exact for every number that has a factorial", () => {
  const { store } = openStore({ ...LIMITS, cacheEntries: 21 });
  for (const hit of [false, true]) {
    let product = 1n;
    for (let number = 0n; number <= 20n; number++) {
      product *= number === 0n ? 1n : number;
      store.setNum("A", number);
      assert.deepEqual(store.fact("A"), { value: product, hit });
    }
    assert.equal(product, 2432902008176640000n);
  }
});

Deno.test("NumStore.fact() refuses what has no factorial, and does not count it", async (t) => {
  const cases: [name: string, number: bigint | undefined, code: string, message: RegExp][] = [
    ["no such key", undefined, "failed-precondition", /key "A" was never set/],
    ["negative", -1n, "out-of-range", /key "A" is -1, needs 0 to 20/],
    ["21", 21n, "out-of-range", /key "A" is 21, needs 0 to 20/],
    ["least", -(2n ** 63n), "out-of-range", /is -9223372036854775808/],
    ["largest", 2n ** 63n - 1n, "out-of-range", /is 9223372036854775807/],
    ["a float64's 5", 2n ** 53n + 5n, "out-of-range", /is 9007199254740997/],
  ];
  for (const [name, number, code, message] of cases) {
    await t.step(name, () => {
      const opened = openStore();
      if (number !== undefined) opened.store.setNum("A", number);
      for (let again = 0; again < 2; again++) {
        assert.throws(
          () => opened.store.fact("A"),
          (error: unknown) =>
            error instanceof OperationError && error.code === code && message.test(error.message),
        );
      }
      const { hits, misses, entries } = cacheCounters(opened);
      assert.deepEqual({ hits, misses, entries }, { hits: 0, misses: 0, entries: 0 });
    });
  }
});

Deno.test("NumStore.fact() counts one look-up each", () => {
  const opened = openStore();
  opened.store.setNum("A", 3n);
  for (let call = 0; call < 5; call++) opened.store.fact("A");
  const { hits, misses } = cacheCounters(opened);
  assert.deepEqual({ hits, misses }, { hits: 4, misses: 1 });
});

Deno.test("NumStore shows the start of a key that is too long to be one", () => {
  const { store } = openStore();
  assert.throws(
    () => store.fact("k".repeat(5_000_000)),
    (error: Error) =>
      error.message.length < 2_000 && error.message.includes(`"${"k".repeat(1_000)}`),
  );
  assert.throws(() => store.setNum("é".repeat(513), 1n), /the key has 1026 bytes/);
  assert.equal(store.setNum("é".repeat(512), 1n), 1n);
});

Deno.test("NumStore releases its lock on every path", () => {
  const { store, parts } = openStore({ keys: 1, bytes: 64, cacheEntries: 1 });
  store.setNum("A", 2n ** 63n - 1n);
  const calls = [
    () => store.setNum("B", 1n),
    () => store.setNum("A".repeat(2_000), 1n),
    () => store.fact("A"),
    () => store.fact("B"),
  ];
  for (const call of calls) {
    assert.throws(call, OperationError);
    assert.ok(!parts.mutex.isHeldBy(2));
  }
  store.setNum("A", 3n);
  store.fact("A");
  assert.ok(!parts.mutex.isHeldBy(2));
});

Deno.test("NumStore.fact() holds its lock to look up and again to store, not between", () => {
  const { store, parts } = openStore();
  store.setNum("A", 20n);
  const held: boolean[] = [];
  const acquire = parts.mutex.acquire.bind(parts.mutex);
  const release = parts.mutex.release.bind(parts.mutex);
  parts.mutex.acquire = () => (held.push(true), acquire());
  parts.mutex.release = () => (held.push(false), release());
  assert.ok(!store.fact("A").hit);
  assert.deepEqual(held, [true, false, true, false]);
});

Deno.test("recoverNumStore() keeps the numbers and empties the cache", () => {
  const { memory, parts, store } = openStore();
  store.setNum("A", 5n);
  store.fact("A");
  const supervisor = openNumStore(memory, 1);
  assert.equal(recoverNumStore(2, supervisor), false);
  parts.mutex.acquire();
  new Int32Array(memory.cache).fill(-1, 64);
  assert.equal(recoverNumStore(2, supervisor), true);
  const survivor = new NumStore(openNumStore(memory, 3));
  assert.deepEqual(survivor.fact("A"), { value: 120n, hit: false });
  assert.deepEqual(survivor.fact("A"), { value: 120n, hit: true });
  assert.equal(survivor.setNum("B", 1n), 6n);
});
