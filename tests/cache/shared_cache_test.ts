import assert from "node:assert/strict";
import fc from "fast-check";
import { HEAD, openViews, STAT } from "../../lib/cache/cache_layout.ts";
import type { SharedCacheOptions } from "../../lib/cache/cache_options.ts";
import { CACHE_POLICIES } from "../../lib/cache/eviction_policy.ts";
import { ENTRY_BYTES_MAX, SharedCache } from "../../lib/cache/shared_cache.ts";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { NaiveCache } from "./naive_cache.ts";
import { contentOf } from "./cache_content.ts";

/** A cache whose lock this thread holds throughout. */
function setUp(limits: SharedCacheOptions) {
  const mutex = new SharedMutex(SharedMutex.allocate(), 1);
  const memory = SharedCache.allocate(limits);
  return { cache: new SharedCache(memory, mutex.acquire()), memory, mutex };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(cache: SharedCache, key: string): string | undefined {
  const value = new Uint8Array(ENTRY_BYTES_MAX);
  const length = cache.get(bytesOf(key), value);
  return length === undefined ? undefined : new TextDecoder().decode(value.subarray(0, length));
}

function put(cache: SharedCache, key: string, value: string): boolean {
  return cache.put(bytesOf(key), bytesOf(value), cache.epoch);
}

function keysOf(memory: SharedArrayBuffer): string[] {
  return contentOf(memory).map(({ key }) => new TextDecoder().decode(key));
}

Deno.test("SharedCache.get() moves a hit to most recent, put() evicts the least recent", () => {
  const { cache, memory } = setUp({ entries: 3, bytes: 4096 });
  for (const key of ["a", "b", "c"]) assert.ok(put(cache, key, key.toUpperCase()));
  assert.equal(textOf(cache, "a"), "A");
  assert.ok(put(cache, "d", "D"));
  assert.deepEqual(keysOf(memory), ["d", "a", "c"]);
  assert.equal(textOf(cache, "b"), undefined);
});

Deno.test("SharedCache.put() replaces a value and makes it most recent, without an eviction", () => {
  const { cache, memory } = setUp({ entries: 2, bytes: 4096 });
  put(cache, "a", "1");
  put(cache, "b", "2");
  assert.ok(put(cache, "a", "long".repeat(100)));
  assert.deepEqual(keysOf(memory), ["a", "b"]);
  assert.equal(textOf(cache, "a"), "long".repeat(100));
  assert.equal(cache.counters().evictions, 0);
});

Deno.test("SharedCache evicts as many entries as a large one needs", () => {
  const { cache, memory } = setUp({ entries: 10, bytes: 8 * 128 });
  for (let key = 0; key < 8; key++) put(cache, `${key}`, "x");
  assert.equal(cache.counters().bytes, 8 * 128);
  assert.ok(put(cache, "large", "x".repeat(3 * 128)));
  assert.deepEqual(keysOf(memory), ["large", "7", "6", "5", "4"]);
  assert.equal(cache.counters().evictions, 4);
});

Deno.test("SharedCache.put() refuses what can never fit, and changes nothing", async (t) => {
  const { cache, memory } = setUp({ entries: 10, bytes: 4 * 2 ** 20 });
  put(cache, "key", "old");
  const tooLarge = new Uint8Array(ENTRY_BYTES_MAX - 2);
  await t.step("above the bound of an entry", () => {
    assert.ok(!cache.put(bytesOf("key"), tooLarge, cache.epoch));
    assert.equal(textOf(cache, "key"), "old");
    assert.equal(cache.counters().rejected, 1);
  });
  await t.step("at the bound it is stored", () => {
    assert.ok(cache.put(bytesOf("key"), tooLarge.subarray(1), cache.epoch));
    assert.equal(textOf(cache, "key")?.length, ENTRY_BYTES_MAX - 3);
    assert.equal(contentOf(memory).length, 1);
  });
  await t.step("a key above the bound is a miss", () => {
    assert.equal(cache.get(new Uint8Array(ENTRY_BYTES_MAX + 1), tooLarge), undefined);
  });
  await t.step("above all blocks together", () => {
    const small = setUp({ entries: 2, bytes: 300 });
    assert.ok(put(small.cache, "key", "x".repeat(252)));
    assert.ok(!put(small.cache, "yek", "x".repeat(253)));
    assert.deepEqual(keysOf(small.memory), ["key"]);
  });
});

Deno.test("SharedCache.get() with too little room changes and counts nothing", () => {
  const { cache, memory } = setUp({ entries: 2, bytes: 4096 });
  put(cache, "a", "12345");
  put(cache, "b", "");
  const room = new Uint8Array(4);
  assert.throws(() => cache.get(bytesOf("a"), room), {
    name: "RangeError",
    message: "Cannot get: a value of 5 bytes, room for 4",
  });
  assert.deepEqual(room, new Uint8Array(4));
  assert.deepEqual(keysOf(memory), ["b", "a"]);
  assert.equal(cache.counters().hits, 0);
});

Deno.test("SharedCache.get() leaves the room after the value as it was", () => {
  const { cache } = setUp({ entries: 2, bytes: 4096 });
  for (const length of [0, 3, 64, 65, 500]) {
    cache.put(bytesOf("key"), new Uint8Array(length).fill(1), cache.epoch);
    const room = new Uint8Array(length + 3).fill(9);
    assert.equal(cache.get(bytesOf("key"), room), length);
    assert.deepEqual([...room], [...new Array(length).fill(1), 9, 9, 9]);
  }
});

Deno.test("SharedCache never stores a value from before a clear or a reset", () => {
  const { cache } = setUp({ entries: 2, bytes: 4096 });
  for (const end of [() => cache.clear(), () => cache.reset()]) {
    const { epoch } = cache;
    put(cache, "key", "old");
    end();
    assert.ok(cache.epoch > epoch);
    assert.equal(textOf(cache, "key"), undefined);
    assert.ok(!cache.put(bytesOf("key"), bytesOf("stale"), epoch));
    assert.equal(textOf(cache, "key"), undefined);
    assert.ok(put(cache, "key", "new"));
    assert.equal(textOf(cache, "key"), "new");
  }
  assert.equal(cache.counters().clears, 1);
});

Deno.test("SharedCache.clear() stays right when the stamps of buckets come round", () => {
  const { cache, memory } = setUp({ entries: 4, bytes: 4096 });
  const { stats } = openViews(memory);
  // An entry of epoch 1, then 2^32 epochs later one whose stamp would be the same.
  put(cache, "ancient", "1");
  stats[STAT.epoch] = 2 ** 32 - 1;
  openViews(memory).header.fill(0, HEAD.entries);
  openViews(memory).records.fill(0);
  put(cache, "last", "2");
  cache.clear();
  assert.ok(cache.epoch > 2 ** 32);
  assert.equal(cache.epoch | 0, 1);
  for (const key of ["ancient", "last"]) assert.equal(textOf(cache, key), undefined);
  put(cache, "new", "3");
  assert.deepEqual(keysOf(memory), ["new"]);
});

Deno.test("SharedCache compares the whole key, not its hash", async (t) => {
  for (const hashBits of [32, 128] as const) {
    await t.step(`of ${hashBits} bits`, () => {
      const { cache, memory } = setUp({ entries: 4, bytes: 4096, hashBits });
      const keys = [bytesOf("one"), bytesOf("two")];
      const hash = new Int32Array(4);
      cache.hash(keys[0], hash);
      const value = new Uint8Array(1);
      for (const [index, key] of keys.entries()) {
        assert.equal(cache.get(key, value, hash), undefined);
        cache.put(key, Uint8Array.of(index + 1), cache.epoch, hash);
      }
      for (const [index, key] of keys.entries()) {
        assert.equal(cache.get(key, value, hash), 1);
        assert.equal(value[0], index + 1);
      }
      assert.equal(cache.counters().entries, 2);
      assert.throws(() => contentOf(memory), /a key has not its record's hash/);
    });
  }
});

Deno.test("SharedCache compares all 128 bits of a hash before the key", () => {
  const { cache } = setUp({ entries: 4, bytes: 4096, hashBits: 128 });
  const key = bytesOf("key");
  const hash = new Int32Array(4);
  cache.hash(key, hash);
  cache.put(key, bytesOf("value"), cache.epoch);
  for (const word of hash.keys()) {
    const other = hash.slice();
    other[word] ^= 1 << 31;
    assert.equal(cache.read(key, other), undefined);
  }
  assert.equal(cache.read(key, hash)?.length, 5);
});

Deno.test("SharedCache.hash() is what get(), read() and put() use, in every thread", async (t) => {
  for (const hashBits of [32, 128] as const) {
    await t.step(`${hashBits} bits`, () => {
      const { cache, memory, mutex } = setUp({ entries: 4, bytes: 4096, hashBits });
      const key = bytesOf("a key");
      const hash = new Int32Array(4);
      new SharedCache(memory, mutex).hash(key, hash);
      assert.ok(cache.put(key, bytesOf("1"), cache.epoch));
      assert.equal(cache.get(key, new Uint8Array(1), hash), 1);
      assert.ok(cache.put(key, bytesOf("2"), cache.epoch, hash));
      assert.equal(textOf(cache, "a key"), "2");
      assert.equal(contentOf(memory).length, 1);
      assert.equal(hash.subarray(1).some((word) => word !== 0), hashBits === 128);
      const long = new Uint8Array(ENTRY_BYTES_MAX + 1);
      cache.hash(long, hash);
      const again = new Int32Array(4);
      new SharedCache(memory, mutex).hash(long, again);
      assert.deepEqual(again, hash);
      assert.equal(cache.read(long, hash), undefined);
      for (const wrong of [new Int32Array(3), new Int32Array(5)]) {
        assert.throws(() => cache.hash(key, wrong), RangeError);
        assert.throws(() => cache.get(key, new Uint8Array(1), wrong), RangeError);
        assert.throws(() => cache.read(key, wrong), RangeError);
        assert.throws(() => cache.put(key, key, cache.epoch, wrong), RangeError);
      }
    });
  }
});

Deno.test("SharedCache.read() returns a copy of its own, of any length", () => {
  const { cache } = setUp({ entries: 4, bytes: 2 * ENTRY_BYTES_MAX });
  for (const length of [0, 3, 64, 65, 5000, ENTRY_BYTES_MAX - 3]) {
    const value = Uint8Array.from({ length }, (_, index) => index % 251);
    cache.put(bytesOf("key"), value, cache.epoch);
    const read = cache.read(bytesOf("key"));
    assert.deepEqual(read, value);
    read?.fill(9);
    assert.deepEqual(cache.read(bytesOf("key")), value);
  }
  assert.equal(cache.read(bytesOf("yek")), undefined);
  const { hits, misses } = cache.counters();
  assert.deepEqual({ hits, misses }, { hits: 12, misses: 1 });
});

Deno.test("SharedCache.read() is a hit for the policy as get() is", () => {
  const { cache, memory } = setUp({ entries: 2, bytes: 4096 });
  put(cache, "a", "1");
  put(cache, "b", "2");
  cache.read(bytesOf("a"));
  put(cache, "c", "3");
  assert.deepEqual(keysOf(memory), ["c", "a"]);
});

Deno.test("SharedCache of s3-fifo brings an evicted key that comes again to the main queue", () => {
  const { cache, memory } = setUp({ entries: 4, bytes: 4096, policy: "s3-fifo" });
  for (const key of ["a", "b", "c", "d", "e"]) put(cache, key, key);
  assert.deepEqual(keysOf(memory), ["e", "d", "c", "b"]);
  put(cache, "a", "again");
  // The main queue stands behind the small one; "b" made room.
  assert.deepEqual(keysOf(memory), ["e", "d", "c", "a"]);
  for (const key of ["f", "g", "h", "i"]) put(cache, key, key);
  assert.deepEqual(keysOf(memory), ["i", "h", "g", "a"]);
});

Deno.test("SharedCache of s3-fifo and sieve keeps what was hit from a scan", async (t) => {
  for (const policy of ["s3-fifo", "sieve"] as const) {
    await t.step(policy, () => {
      const { cache } = setUp({ entries: 20, bytes: 4096, policy });
      for (const key of ["a", "b"]) {
        put(cache, key, key);
        for (let hit = 0; hit < 3; hit++) textOf(cache, key);
      }
      for (let key = 0; key < 40; key++) put(cache, `scan ${key}`, "x");
      assert.equal(textOf(cache, "a"), "a");
      assert.equal(textOf(cache, "b"), "b");
    });
  }
});

Deno.test("SharedCache.policy is that of the memory", () => {
  for (const policy of CACHE_POLICIES) {
    assert.equal(setUp({ entries: 1, bytes: 128, policy }).cache.policy, policy);
  }
  assert.equal(setUp({ entries: 1, bytes: 128 }).cache.policy, "lru");
});

Deno.test("SharedCache tells keys apart that differ in length only", () => {
  const { cache } = setUp({ entries: 10, bytes: 4096 });
  for (let length = 0; length < 9; length++) {
    cache.put(new Uint8Array(length), Uint8Array.of(length), cache.epoch);
  }
  const value = new Uint8Array(1);
  for (let length = 0; length < 9; length++) {
    assert.equal(cache.get(new Uint8Array(length), value), 1);
    assert.equal(value[0], length);
  }
});

Deno.test("SharedCache draws another secret for each allocation", () => {
  const secrets = [1, 2, 3].map(() => {
    const { header } = openViews(SharedCache.allocate({ entries: 1, bytes: 128 }));
    return header.subarray(HEAD.secret, HEAD.secret + 4).join();
  });
  assert.equal(new Set(secrets).size, 3);
});

Deno.test("SharedCache demands the lock for every method", () => {
  const { cache, mutex } = setUp({ entries: 1, bytes: 128 });
  mutex.release();
  const none = new Uint8Array(0);
  const calls = [
    () => cache.epoch,
    () => cache.get(none, none),
    () => cache.read(none),
    () => cache.put(none, none, 1),
    () => cache.clear(),
    () => cache.reset(),
    () => cache.counters(),
  ];
  for (const call of calls) assert.throws(call, { name: "TypeError", message: /nobody holds it/ });
});

Deno.test("SharedCache refuses bounds and memory that make no sense", async (t) => {
  const refused: [SharedCacheOptions, RegExp][] = [
    [{ entries: 0, bytes: 1024 }, /entries is 0/],
    [{ entries: 1.5, bytes: 1024 }, /entries is 1.5/],
    [{ entries: 2 ** 24 + 1, bytes: 1024 }, /entries is 16777217/],
    [{ entries: 1, bytes: 127 }, /bytes is 127/],
    [{ entries: 1, bytes: NaN }, /bytes is NaN/],
    [{ entries: 1, bytes: 2 ** 32 + 1 }, /bytes is 4294967297/],
    [{ entries: 1, bytes: 128, policy: "fifo" as "lru" }, /policy is fifo, needs one of lru, /],
    [{ entries: 1, bytes: 128, hashBits: 64 as 32 }, /hashBits is 64, needs one of 32, 128/],
  ];
  for (const [limits, message] of refused) {
    await t.step(JSON.stringify(limits), () => {
      assert.throws(() => SharedCache.allocate(limits), { name: "RangeError", message });
    });
  }
  const mutex = new SharedMutex(SharedMutex.allocate(), 1);
  for (const bytes of [0, 1024]) {
    await t.step(`memory of ${bytes} bytes`, () => {
      assert.throws(() => new SharedCache(new SharedArrayBuffer(bytes), mutex), RangeError);
    });
  }
});

type Operation =
  | { type: "get"; key: Uint8Array }
  | { type: "put" | "stale put" | "get or put"; key: Uint8Array; value: Uint8Array }
  | { type: "clear" | "reset" };

/** Keys repeat, and lengths stand around the borders of words, blocks and `LOOP_COPY_BYTES_MAX`. */
const lengths = fc.constantFrom(0, 1, 3, 4, 5, 63, 64, 65, 80, 124, 127, 128, 129, 256, 300);
const anyKey = fc.tuple(lengths, fc.nat(2)).map(([length, fill]) => {
  // At an odd offset, since keys come at any alignment.
  return new Uint8Array(length + 1).fill(fill).subarray(1);
});
const anyValue = fc.tuple(lengths, fc.nat(255)).map(([length, from]) => {
  return Uint8Array.from({ length }, (_, index) => from + index);
});
const anyPut = { key: anyKey, value: anyValue };
const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ type: fc.constant("get" as const), key: anyKey }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant("put" as const), ...anyPut }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("stale put" as const), ...anyPut }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constantFrom("clear" as const, "reset" as const) }),
  },
);

for (const policy of CACHE_POLICIES) {
  for (const hashBits of [32, 128] as const) {
    const limits = fc.record({
      entries: fc.integer({ min: 1, max: 20 }),
      bytes: fc.integer({ min: 128, max: 4000 }),
      policy: fc.constant(policy),
      hashBits: fc.constant(hashBits),
    });
    const operations = fc.array(anyOperation, { maxLength: 200, size: "max" });
    Deno.test(`SharedCache of ${policy} with ${hashBits} bits does what a naive one does`, () => {
      fc.assert(fc.property(limits, operations, agree), { numRuns: 150 });
    });
  }
}

for (const policy of CACHE_POLICIES) {
  Deno.test(`SharedCache of ${policy} does what a naive one does of keys that come back`, () => {
    const limits = fc.record({
      entries: fc.integer({ min: 10, max: 40 }),
      bytes: fc.integer({ min: 2000, max: 8000 }),
      policy: fc.constant(policy),
    });
    // The cube makes a few keys popular, so that they collect hits and survive.
    const draws = fc.array(fc.nat(999), { minLength: 300, maxLength: 600, size: "max" });
    fc.assert(
      fc.property(limits, draws, (limits, draws) => {
        agree(limits, draws.flatMap((draw) => comeBack(Math.floor((draw / 1000) ** 3 * 60))));
      }),
      { numRuns: 20 },
    );
  });
}

/** A look-up and what a caller does after it: storing what it had not found. */
function comeBack(number: number): Operation[] {
  const key = Uint8Array.of(number);
  return [{ type: "get or put", key, value: new Uint8Array((number % 3) * 128) }];
}

function agree(limits: SharedCacheOptions, operations: readonly Operation[]): void {
  const { cache, memory } = setUp(limits);
  const naive = new NaiveCache(limits);
  for (const operation of operations) {
    apply(operation, cache, naive);
    assert.deepEqual(contentOf(memory), naive.content());
    const { entries, bytes, ...counted } = cache.counters();
    assert.deepEqual(counted, naive.counters);
    assert.equal(entries, naive.content().length);
    assert.equal(bytes, naive.bytes);
  }
}

function apply(operation: Operation, cache: SharedCache, naive: NaiveCache): void {
  if (operation.type === "get" || operation.type === "get or put") {
    const room = new Uint8Array(302).subarray(1);
    const length = cache.get(operation.key, room);
    const found = length === undefined ? undefined : room.slice(0, length);
    assert.deepEqual(found, naive.get(operation.key));
    if (found === undefined && operation.type === "get or put") {
      apply({ ...operation, type: "put" }, cache, naive);
    }
  } else if (operation.type === "put") {
    const { key, value } = operation;
    assert.equal(cache.put(key, value, cache.epoch), naive.put(key, value));
  } else if (operation.type === "stale put") {
    assert.ok(!cache.put(operation.key, operation.value, cache.epoch - 1));
  } else {
    cache[operation.type]();
    naive[operation.type]();
  }
}
