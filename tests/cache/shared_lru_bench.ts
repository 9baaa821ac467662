import { SharedLru } from "../../lib/cache/shared_lru.ts";
import { keyHash } from "../../lib/cache/key_hash.ts";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";

/** The served case: a key of 10 float64, a value of one float32. */
const KEY_BYTES = 80;
const ENTRIES = 1024;

const mutex = new SharedMutex(SharedMutex.allocate(), 1);
const memory = SharedLru.allocate({ entries: ENTRIES, bytes: 2 ** 20 });
const cache = new SharedLru(memory, mutex);
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

Deno.bench("SharedLru.get, hit, one hot entry", () => {
  mutex.acquire();
  try {
    cache.get(key, value);
  } finally {
    mutex.release();
  }
});

Deno.bench("SharedLru.get, hit, over 1024 entries", () => {
  keyNumbers.fill(turn++ & (ENTRIES - 1));
  mutex.acquire();
  try {
    if (cache.get(key, value) === undefined) throw new Error("A miss");
  } finally {
    mutex.release();
  }
});

Deno.bench("SharedLru.get, miss", () => {
  keyNumbers[0] = -1;
  mutex.acquire();
  try {
    cache.get(key, value);
  } finally {
    mutex.release();
  }
});

Deno.bench("SharedLru.put, evicting", () => {
  keyNumbers[0] = ++turn;
  mutex.acquire();
  try {
    cache.put(key, value, cache.epoch);
  } finally {
    mutex.release();
  }
});

Deno.bench("SharedLru.put and get of 64 KiB", () => {
  mutex.acquire();
  try {
    cache.put(largeKey, large, cache.epoch);
    cache.get(largeKey, large);
  } finally {
    mutex.release();
  }
});

Deno.bench("SharedLru.clear", () => {
  mutex.acquire();
  try {
    cache.clear();
  } finally {
    mutex.release();
  }
});
