import assert from "node:assert/strict";
import fc from "fast-check";
import { keyHash } from "../../lib/cache/key_hash.ts";
import { ENTRY_BYTES_MAX, SharedLru, type SharedLruLimits } from "../../lib/cache/shared_lru.ts";
import { HEAD, openViews, STAT } from "../../lib/cache/shared_lru_layout.ts";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { NaiveLru } from "./naive_lru.ts";
import { contentOf } from "./shared_lru_content.ts";

/** A cache whose lock this thread holds throughout. */
function setUp(limits: SharedLruLimits) {
  const mutex = new SharedMutex(SharedMutex.allocate(), 1);
  const memory = SharedLru.allocate(limits);
  return { cache: new SharedLru(memory, mutex.acquire()), memory, mutex };
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function textOf(cache: SharedLru, key: string): string | undefined {
  const value = new Uint8Array(ENTRY_BYTES_MAX);
  const length = cache.get(bytesOf(key), value);
  return length === undefined ? undefined : new TextDecoder().decode(value.subarray(0, length));
}

function put(cache: SharedLru, key: string, value: string): boolean {
  return cache.put(bytesOf(key), bytesOf(value), cache.epoch);
}

function keysOf(memory: SharedArrayBuffer): string[] {
  return contentOf(memory).map(({ key }) => new TextDecoder().decode(key));
}

Deno.test("SharedLru.get() moves a hit to most recent, put() evicts the least recent", () => {
  const { cache, memory } = setUp({ entries: 3, bytes: 4096 });
  for (const key of ["a", "b", "c"]) assert.ok(put(cache, key, key.toUpperCase()));
  assert.equal(textOf(cache, "a"), "A");
  assert.ok(put(cache, "d", "D"));
  assert.deepEqual(keysOf(memory), ["d", "a", "c"]);
  assert.equal(textOf(cache, "b"), undefined);
});

Deno.test("SharedLru.put() replaces a value and makes it most recent, without an eviction", () => {
  const { cache, memory } = setUp({ entries: 2, bytes: 4096 });
  put(cache, "a", "1");
  put(cache, "b", "2");
  assert.ok(put(cache, "a", "long".repeat(100)));
  assert.deepEqual(keysOf(memory), ["a", "b"]);
  assert.equal(textOf(cache, "a"), "long".repeat(100));
  assert.equal(cache.counters().evictions, 0);
});

Deno.test("SharedLru evicts as many entries as a large one needs", () => {
  const { cache, memory } = setUp({ entries: 10, bytes: 8 * 128 });
  for (let key = 0; key < 8; key++) put(cache, `${key}`, "x");
  assert.equal(cache.counters().bytes, 8 * 128);
  assert.ok(put(cache, "large", "x".repeat(3 * 128)));
  assert.deepEqual(keysOf(memory), ["large", "7", "6", "5", "4"]);
  assert.equal(cache.counters().evictions, 4);
});

Deno.test("SharedLru.put() refuses what can never fit, and changes nothing", async (t) => {
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

Deno.test("SharedLru.get() with too little room changes and counts nothing", () => {
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

Deno.test("SharedLru.get() leaves the room after the value as it was", () => {
  const { cache } = setUp({ entries: 2, bytes: 4096 });
  for (const length of [0, 3, 64, 65, 500]) {
    cache.put(bytesOf("key"), new Uint8Array(length).fill(1), cache.epoch);
    const room = new Uint8Array(length + 3).fill(9);
    assert.equal(cache.get(bytesOf("key"), room), length);
    assert.deepEqual([...room], [...new Array(length).fill(1), 9, 9, 9]);
  }
});

Deno.test("SharedLru never stores a value from before a clear or a reset", () => {
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

Deno.test("SharedLru.clear() stays right when the stamps of buckets come round", () => {
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

Deno.test("SharedLru compares the whole key, not its hash", () => {
  const { cache, memory } = setUp({ entries: 4, bytes: 4096 });
  const { header } = openViews(memory);
  const seen = new Map<number, number>();
  const words = new Int32Array(2);
  // Among 2^19 keys about 30 pairs share a 32-bit hash.
  for (let number = 0;; number++) {
    words[0] = number;
    const hash = keyHash(words, 8, header[HEAD.secret0], header[HEAD.secret1]);
    const twin = seen.get(hash);
    seen.set(hash, number);
    if (twin === undefined) continue;
    const keys = [twin, number].map((word) => new Uint8Array(Int32Array.of(word, 0).buffer));
    const value = new Uint8Array(1);
    cache.put(keys[0], Uint8Array.of(1), cache.epoch);
    assert.equal(cache.get(keys[1], value), undefined);
    cache.put(keys[1], Uint8Array.of(2), cache.epoch);
    for (const [index, key] of keys.entries()) {
      assert.equal(cache.get(key, value), 1);
      assert.equal(value[0], index + 1);
    }
    assert.equal(contentOf(memory).length, 2);
    return;
  }
});

Deno.test("SharedLru tells keys apart that differ in length only", () => {
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

Deno.test("SharedLru draws another secret for each allocation", () => {
  const secrets = [1, 2, 3].map(() => {
    const { header } = openViews(SharedLru.allocate({ entries: 1, bytes: 128 }));
    return `${header[HEAD.secret0]} ${header[HEAD.secret1]}`;
  });
  assert.equal(new Set(secrets).size, 3);
});

Deno.test("SharedLru demands the lock for every method", () => {
  const { cache, mutex } = setUp({ entries: 1, bytes: 128 });
  mutex.release();
  const none = new Uint8Array(0);
  const calls = [
    () => cache.epoch,
    () => cache.get(none, none),
    () => cache.put(none, none, 1),
    () => cache.clear(),
    () => cache.reset(),
    () => cache.counters(),
  ];
  for (const call of calls) assert.throws(call, { name: "TypeError", message: /nobody holds it/ });
});

Deno.test("SharedLru refuses bounds and memory that make no sense", async (t) => {
  const refused: [SharedLruLimits, RegExp][] = [
    [{ entries: 0, bytes: 1024 }, /entries is 0/],
    [{ entries: 1.5, bytes: 1024 }, /entries is 1.5/],
    [{ entries: 2 ** 24 + 1, bytes: 1024 }, /entries is 16777217/],
    [{ entries: 1, bytes: 127 }, /bytes is 127/],
    [{ entries: 1, bytes: NaN }, /bytes is NaN/],
    [{ entries: 1, bytes: 2 ** 32 + 1 }, /bytes is 4294967297/],
  ];
  for (const [limits, message] of refused) {
    await t.step(`${limits.entries} entries, ${limits.bytes} bytes`, () => {
      assert.throws(() => SharedLru.allocate(limits), { name: "RangeError", message });
    });
  }
  const mutex = new SharedMutex(SharedMutex.allocate(), 1);
  for (const bytes of [0, 1024]) {
    await t.step(`memory of ${bytes} bytes`, () => {
      assert.throws(() => new SharedLru(new SharedArrayBuffer(bytes), mutex), RangeError);
    });
  }
});

type Operation =
  | { type: "get"; key: Uint8Array }
  | { type: "put" | "stale put"; key: Uint8Array; value: Uint8Array }
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

Deno.test("SharedLru does what a naive LRU does", () => {
  const limits = fc.record({
    entries: fc.integer({ min: 1, max: 9 }),
    bytes: fc.integer({ min: 128, max: 2000 }),
  });
  fc.assert(
    fc.property(
      limits,
      fc.array(anyOperation, { maxLength: 100, size: "max" }),
      (limits, operations) => {
        const { cache, memory } = setUp(limits);
        const naive = new NaiveLru(limits);
        for (const operation of operations) {
          apply(operation, cache, naive);
          assert.deepEqual(contentOf(memory), naive.content());
          const { entries, bytes, ...counted } = cache.counters();
          assert.deepEqual(counted, naive.counters);
          assert.equal(entries, naive.content().length);
          assert.equal(bytes, naive.bytes);
        }
      },
    ),
    { numRuns: 300 },
  );
});

function apply(operation: Operation, cache: SharedLru, naive: NaiveLru): void {
  if (operation.type === "get") {
    const room = new Uint8Array(302).subarray(1);
    const length = cache.get(operation.key, room);
    const found = length === undefined ? undefined : room.slice(0, length);
    assert.deepEqual(found, naive.get(operation.key));
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
