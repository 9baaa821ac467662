import assert from "node:assert/strict";
import { popularityStream } from "../../lib/bench/bench_stream.ts";
import { Popularity, type PopularityOptions } from "../../lib/bench/popularity.ts";
import { vectorRequests } from "../../lib/bench/requests.ts";
import { Predictor } from "../../lib/serving/predictor.ts";
import { allocateSharedMemory, openSharedState } from "../../lib/serving/shared_state.ts";

const DRAWS = 200_000;
const CACHE_ENTRIES = 10;

function draw(options: PopularityOptions, seed = 1): Float64Array {
  const popularity = new Popularity(options, popularityStream(seed, 0));
  const counts = new Float64Array(options.distinct);
  for (let i = 0; i < DRAWS; i++) counts[popularity.next()]++;
  return counts;
}

/** Zipf's law: i^−s over the sum of all. */
function shares({ distinct, zipf }: PopularityOptions): number[] {
  const weights = Array.from({ length: distinct }, (_, i) => (i + 1) ** -zipf);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

Deno.test("Popularity: each thing is chosen as often as its law says", async (t) => {
  const cases = [[20, 0], [20, 1], [7, 0.5], [1_000, 1.2], [50, 10], [1, 1]];
  for (const [distinct, zipf] of cases) {
    await t.step(`${distinct} things, exponent ${zipf}`, () => {
      const counts = draw({ distinct, zipf });
      shares({ distinct, zipf }).forEach((share, i) => {
        const spread = Math.sqrt(DRAWS * share * (1 - share));
        const off = Math.abs(counts[i] - DRAWS * share);
        assert.ok(off <= 6 * spread + 1, `thing ${i}: ${counts[i]} for ${DRAWS * share}`);
      });
    });
  }
});

/** The share of requests that the server's own cache answers, once it is full. */
function servedHitRate(choice: PopularityOptions): number {
  const memory = allocateSharedMemory({
    threads: 1,
    cacheEntries: CACHE_ENTRIES,
    cacheBytes: 1_048_576,
    coefsMax: 1_000,
  });
  const predictor = new Predictor(openSharedState(memory, 1));
  predictor.setCoefs(new Float32Array(3).fill(1));
  const requests = vectorRequests({ ...choice, inputs: 3 }, { seed: 1, thread: 0 });
  let hits = 0;
  for (let i = 0; i < DRAWS; i++) if (predictor.predict(requests.next()).cacheHit) hits++;
  return hits / DRAWS;
}

/** The same by an LRU list that is as plain as can be, of draws that are nobody's but the law's. */
function simulatedHitRate(choice: PopularityOptions): number {
  const cumulative: number[] = [];
  for (const share of shares(choice)) cumulative.push((cumulative.at(-1) ?? 0) + share);
  const random = popularityStream(99, 7);
  const popularity = new Popularity({ distinct: 1_000_000, zipf: 0 }, random);
  const recent: number[] = [];
  let hits = 0;
  for (let i = 0; i < DRAWS; i++) {
    const point = popularity.next() / 1_000_000;
    const thing = cumulative.findIndex((end) => point < end);
    const at = recent.indexOf(thing);
    if (at >= 0) {
      hits++;
      recent.splice(at, 1);
    }
    recent.unshift(thing);
    recent.length = Math.min(recent.length, CACHE_ENTRIES);
  }
  return hits / DRAWS;
}

Deno.test("a cache of 10 answers half of 20 vectors that are equally popular", () => {
  const rate = servedHitRate({ distinct: 20, zipf: 0 });
  // Draws in a row depend on each other little: a hundredth is nine standard deviations.
  assert.ok(Math.abs(rate - 0.5) < 0.01, `${rate}`);
});

Deno.test("a cache of 10 answers what an exact LRU does of vectors that follow Zipf's law", async (t) => {
  for (const [distinct, zipf] of [[20, 1], [100, 1], [100, 0.7]]) {
    await t.step(`${distinct} vectors, exponent ${zipf}`, () => {
      const choice = { distinct, zipf };
      const [served, simulated] = [servedHitRate(choice), simulatedHitRate(choice)];
      assert.ok(Math.abs(served - simulated) < 0.01, `${served}, ${simulated}`);
      assert.ok(served > CACHE_ENTRIES / distinct, "Zipf is kinder than uniform");
    });
  }
});
