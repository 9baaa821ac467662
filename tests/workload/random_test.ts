import assert from "node:assert/strict";
import fc from "fast-check";
import { MATRIX_COLUMNS, MATRIX_ROWS, randomWorkload } from "../../lib/workload/random.ts";
import { SEED_MAX } from "../../lib/workload/random_stream.ts";
import type { WorkloadRequest } from "../../lib/workload/request.ts";

const THREADS = 8;
const REQUESTS = 1000;
const CACHE_ENTRIES = 10;

/** 99 % of correct runs. Source: spec modelserver, "Client". */
const HIT_RATE_MIN = 0.252;
const HIT_RATE_MAX = 0.289;

const seeds = fc.integer({ min: 0, max: SEED_MAX });
const threadNumbers = fc.integer({ min: 0, max: 255 });

/** The hit rate of a naive LRU cache of ten rows, with the threads taking turns. */
function simulateHitRate(seed: number): number {
  const streams = Array.from(
    { length: THREADS },
    (_, thread) => randomWorkload({ seed, thread, requests: REQUESTS }),
  );
  let recent: string[] = [];
  let hits = 0;
  let predicts = 0;
  for (let turn = 0; turn < REQUESTS; turn++) {
    for (const stream of streams) {
      const request = stream.next().value as WorkloadRequest;
      if (request.type === "SetCoefs") {
        recent = [];
        continue;
      }
      const key = request.value.inputs.join();
      predicts++;
      if (recent.includes(key)) hits++;
      recent = [key, ...recent.filter((other) => other !== key)].slice(0, CACHE_ENTRIES);
    }
  }
  return hits / predicts;
}

Deno.test("randomWorkload() has the expected hit rate with LRU 10", async (t) => {
  for (const seed of [1, 2, 3]) {
    await t.step(`seed ${seed}`, () => {
      const rate = simulateHitRate(seed);
      assert.ok(rate >= HIT_RATE_MIN && rate <= HIT_RATE_MAX, `hit rate ${rate}`);
    });
  }
});

Deno.test("randomWorkload() makes one request in ten a SetCoefs", () => {
  const requests = 100_000;
  let sets = 0;
  for (const request of randomWorkload({ seed: 4, thread: 0, requests })) {
    if (request.type === "SetCoefs") sets++;
  }
  // Five standard deviations of a binomial distribution.
  const tolerance = 5 * Math.sqrt(requests * 0.1 * 0.9);
  assert.ok(Math.abs(sets - requests * 0.1) < tolerance, `${sets} of ${requests}`);
});

Deno.test("randomWorkload() predicts every row about equally often", () => {
  const requests = 100_000;
  const counts = new Map<string, number>();
  for (const request of randomWorkload({ seed: 5, thread: 3, requests })) {
    if (request.type !== "Predict") continue;
    const key = request.value.inputs.join();
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const expected = requests * 0.9 / MATRIX_ROWS;
  assert.equal(counts.size, MATRIX_ROWS);
  for (const count of counts.values()) assert.ok(Math.abs(count / expected - 1) < 0.1);
});

Deno.test("randomWorkload() repeats with the seed and the thread", () => {
  fc.assert(fc.property(seeds, threadNumbers, (seed, thread) => {
    const options = { seed, thread, requests: 50 };
    assert.deepEqual([...randomWorkload(options)], [...randomWorkload(options)]);
  }));
});

Deno.test("randomWorkload() begins a longer run like a shorter one", () => {
  fc.assert(fc.property(seeds, threadNumbers, (seed, thread) => {
    const short = [...randomWorkload({ seed, thread, requests: 10 })];
    const long = [...randomWorkload({ seed, thread, requests: 30 })];
    assert.deepEqual(long.slice(0, 10), short);
  }));
});

Deno.test("randomWorkload() makes the same requests on every machine", () => {
  // Written down once from this generator: a change of it would make old logs unrepeatable.
  const [first] = randomWorkload({ seed: 1, thread: 0, requests: 1 });
  assert.deepEqual(first, {
    type: "SetCoefs",
    value: {
      coefs: [
        3.845618963241577,
        0.1434481143951416,
        0.23195385932922363,
        8.900300025939941,
        -3.5993146896362305,
        -8.06149959564209,
        4.988546371459961,
        0.32926201820373535,
        -1.982661485671997,
        9.14406681060791,
      ],
    },
  });
});

Deno.test("randomWorkload() gives all threads of a seed one matrix", () => {
  const rowsOf = (thread: number) => {
    const rows = new Set<string>();
    for (const request of randomWorkload({ seed: 6, thread, requests: REQUESTS })) {
      if (request.type === "Predict") rows.add(request.value.inputs.join());
    }
    return [...rows].sort();
  };
  assert.equal(rowsOf(0).length, MATRIX_ROWS);
  assert.deepEqual(rowsOf(1), rowsOf(0));
  assert.deepEqual(rowsOf(255), rowsOf(0));
});

Deno.test("randomWorkload() differs between threads and between seeds", () => {
  const texts = new Set<string>();
  for (const seed of [0, 1, 2, SEED_MAX]) {
    for (let thread = 0; thread < THREADS; thread++) {
      texts.add(JSON.stringify([...randomWorkload({ seed, thread, requests: 20 })]));
    }
  }
  assert.equal(texts.size, 4 * THREADS);
});

Deno.test("randomWorkload() makes float32 values of the right shape and range", () => {
  fc.assert(fc.property(seeds, threadNumbers, (seed, thread) => {
    for (const { type, value } of randomWorkload({ seed, thread, requests: 200 })) {
      const [numbers, min, max] = type === "SetCoefs"
        ? [value.coefs, -10, 10]
        : [value.inputs, 0, 1];
      assert.equal(numbers.length, MATRIX_COLUMNS);
      for (const number of numbers) {
        assert.equal(Math.fround(number), number);
        assert.ok(number >= min && number < max, `${number}`);
      }
    }
  }));
});

Deno.test("randomWorkload() makes nothing of no requests", () => {
  assert.deepEqual([...randomWorkload({ seed: 0, thread: 0, requests: 0 })], []);
});

Deno.test("randomWorkload() refuses options out of range", () => {
  const good = { seed: 0, thread: 0, requests: 1 };
  const wrong = [
    { seed: -1 },
    { seed: 0.5 },
    { seed: SEED_MAX + 1 },
    { thread: -1 },
    { thread: 256 },
    { requests: -1 },
    { requests: NaN },
  ];
  for (const change of wrong) {
    assert.throws(() => randomWorkload({ ...good, ...change }).next(), RangeError);
  }
});
