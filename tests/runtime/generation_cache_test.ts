import assert from "node:assert/strict";
import fc from "fast-check";
import { SharedCache } from "../../lib/cache/shared_cache.ts";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { GenerationCache } from "../../lib/runtime/generation_cache.ts";
import { readTensors, tensorsByteLength, writeTensors } from "../../lib/runtime/tensor_list.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

const SEED = 20260311;

function makeCache(): GenerationCache {
  const shape = { entries: 100, bytes: 1_048_576, policy: "lru", hashBits: 128 } as const;
  const memory = { lock: SharedMutex.allocate(), cache: SharedCache.allocate(shape) };
  return new GenerationCache(memory, 1);
}

/** Shapes: data (values,). */
function vector(values: readonly number[]): Tensor {
  const data = Float32Array.from(values);
  return { name: "x", datatype: "FP32", shape: [data.length], data };
}

function bytesOf(tensors: readonly Tensor[]): Uint8Array {
  const bytes = new Uint8Array(tensorsByteLength(tensors));
  writeTensors(tensors, bytes, 0);
  return bytes;
}

Deno.test("GenerationCache finds by tensors what was stored by their bytes, for good", () => {
  // 300 floats make a list that is longer than LENT_BYTES_MAX, 20 000 one that has memory of its own.
  const length = fc.oneof(fc.nat(40), fc.constantFrom(241, 300, 20_000));
  const stored = fc.uniqueArray(fc.tuple(fc.integer(), length, length), {
    minLength: 1,
    maxLength: 12,
    selector: ([first]) => Math.fround(first),
  });
  fc.assert(
    fc.property(stored, (entries) => {
      const cache = makeCache();
      const of = (first: number, count: number) => [vector([first, ...Array(count).fill(0.5)])];
      for (const [first, inputs, outputs] of entries) {
        cache.store(bytesOf(of(first, inputs)), bytesOf(of(-first, outputs)));
      }
      const found = entries.map(([first, inputs]) => {
        const response = cache.find(cache.keyOfTensors(of(first, inputs)));
        return response && readTensors(response.bytes, ["x"]);
      });
      // All are looked at once the last has been found: none may have changed under it.
      for (const [index, [first, , outputs]] of entries.entries()) {
        assert.deepEqual(found[index], of(-first, outputs));
      }
      assert.equal(cache.find(cache.keyOfTensors([vector([0.25])])), undefined);
    }),
    { seed: SEED, numRuns: 100 },
  );
});

Deno.test("GenerationCache finds a short response in memory that was given back, and in no other", () => {
  const cache = makeCache();
  const keys = [1, 2, 3].map((first) => [vector([first])]);
  for (const key of keys) cache.store(bytesOf(key), bytesOf(key));
  const find = (index: number) => {
    const found = cache.find(cache.keyOfTensors(keys[index]));
    assert.ok(found !== undefined);
    return found;
  };
  const first = find(0);
  const second = find(1);
  assert.deepEqual(readTensors(first.bytes, ["x"]), keys[0]);
  assert.deepEqual(readTensors(second.bytes, ["x"]), keys[1]);
  first.recycle?.();
  second.recycle?.();
  const third = find(2);
  assert.equal(third.bytes.buffer, second.bytes.buffer);
  assert.deepEqual(readTensors(third.bytes, ["x"]), keys[2]);
});
