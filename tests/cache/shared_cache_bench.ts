import { SharedCache } from "../../lib/cache/shared_cache.ts";
import { keyHash } from "../../lib/cache/key_hash.ts";
import { keyHash128 } from "../../lib/cache/key_hash_128.ts";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";

/** The served case: a key of 10 float64, a value of one float32. */
const KEY_BYTES = 80;
const ENTRIES = 1024;

const mutex = new SharedMutex(SharedMutex.allocate(), 1);
const limits = { entries: ENTRIES, bytes: 2 ** 20 };
const memory = SharedCache.allocate(limits);
const cache = new SharedCache(memory, mutex);
const key = new Uint8Array(KEY_BYTES);
const keyNumbers = new Float64Array(key.buffer);
const value = new Uint8Array(4);
const large = new Uint8Array(65_536);
const words = crypto.getRandomValues(new Int32Array(KEY_BYTES / 4));
const largeKey = Uint8Array.of(1);

mutex.acquire();
for (let entry = 0; entry < ENTRIES; entry++) {
  keyNumbers.fill(entry);
  cache.put(key, value, cache.epoch);
}
mutex.release();
let turn = 0;

Deno.bench("keyHash of 80 bytes", () => {
  words[0] = keyHash(words, KEY_BYTES, 1, 2);
});

const secret = crypto.getRandomValues(new Int32Array(4));
const hash = new Int32Array(4);
Deno.bench("keyHash128 of 80 bytes", () => {
  keyHash128(words, KEY_BYTES, secret, hash);
  words[0] = hash[0];
});

const megabyte = new Int32Array(2 ** 18);
Deno.bench("keyHash of 1 MiB", () => {
  megabyte[0] = keyHash(megabyte, 2 ** 20, 1, 2);
});

Deno.bench("keyHash128 of 1 MiB", () => {
  keyHash128(megabyte, 2 ** 20, secret, hash);
  megabyte[0] = hash[0];
});

Deno.bench("SharedCache.get, hit, one hot entry", () => {
  mutex.acquire();
  try {
    cache.get(key, value);
  } finally {
    mutex.release();
  }
});

Deno.bench("SharedCache.get, hit, over 1024 entries", () => {
  keyNumbers.fill(turn++ & (ENTRIES - 1));
  mutex.acquire();
  try {
    if (cache.get(key, value) === undefined) throw new Error("A miss");
  } finally {
    mutex.release();
  }
});

Deno.bench("SharedCache.get, miss", () => {
  keyNumbers[0] = -1;
  mutex.acquire();
  try {
    cache.get(key, value);
  } finally {
    mutex.release();
  }
});

Deno.bench("SharedCache.put, evicting", () => {
  keyNumbers[0] = ++turn;
  mutex.acquire();
  try {
    cache.put(key, value, cache.epoch);
  } finally {
    mutex.release();
  }
});

Deno.bench("SharedCache.put and get of 64 KiB", () => {
  mutex.acquire();
  try {
    cache.put(largeKey, large, cache.epoch);
    cache.get(largeKey, large);
  } finally {
    mutex.release();
  }
});

Deno.bench("SharedCache.clear", () => {
  mutex.acquire();
  try {
    cache.clear();
  } finally {
    mutex.release();
  }
});

for (
  const options of [{ policy: "lru", hashBits: 128 }, { policy: "s3-fifo" }, {
    policy: "sieve",
  }] as const
) {
  const name = Object.values(options).join(", ");
  const other = new SharedCache(SharedCache.allocate({ ...limits, ...options }), mutex);
  mutex.acquire();
  for (let entry = 0; entry < ENTRIES; entry++) {
    keyNumbers.fill(entry);
    other.put(key, value, other.epoch);
  }
  mutex.release();

  Deno.bench(`SharedCache.get, hit, over 1024 entries, ${name}`, () => {
    keyNumbers.fill(turn++ & (ENTRIES - 1));
    mutex.acquire();
    try {
      if (other.get(key, value) === undefined) throw new Error("A miss");
    } finally {
      mutex.release();
    }
  });

  Deno.bench(`SharedCache.put, evicting, ${name}`, () => {
    keyNumbers[0] = ++turn;
    mutex.acquire();
    try {
      other.put(key, value, other.epoch);
    } finally {
      mutex.release();
    }
  });
}
