import assert from "node:assert/strict";
import { CACHE_POLICIES, type CachePolicy } from "../../lib/cache/eviction_policy.ts";
import { replay, traceOf } from "../../tasks/cache_trace.ts";

const KEYS = 20_000;
const REQUESTS = 200_000;
const SCANS = { scanEvery: 4_000, scanKeys: 2_000 };
/** Requests that are not part of a scan, where there are scans. */
const UNSCANNED = 2 / 3;

type Options = Omit<Parameters<typeof traceOf>[0], "keys" | "requests">;

function hitRates(options: Options, entries: number): Record<CachePolicy, number> {
  const trace = traceOf({ ...options, keys: KEYS, requests: REQUESTS });
  const rates = CACHE_POLICIES.map((policy) => [policy, replay(trace, entries, policy).hitRate]);
  return Object.fromEntries(rates);
}

Deno.test("s3-fifo and sieve hit more often than lru where keys follow Zipf's law", async (t) => {
  for (const seed of [1, 2]) {
    for (const zipf of [0.8, 1]) {
      for (const share of [0.01, 0.1]) {
        await t.step(`exponent ${zipf}, ${100 * share} % of the keys, seed ${seed}`, () => {
          const rates = hitRates({ zipf, seed }, share * KEYS);
          // They gain 4 to 11 points.
          assert.ok(rates["s3-fifo"] > rates.lru + 0.03, JSON.stringify(rates));
          assert.ok(rates.sieve > rates.lru + 0.03, JSON.stringify(rates));
        });
      }
    }
  }
});

Deno.test("a scan costs lru hits of other keys, and s3-fifo and sieve none", async (t) => {
  for (const seed of [1, 2]) {
    await t.step(`seed ${seed}`, () => {
      const plain = hitRates({ zipf: 1, seed }, 0.1 * KEYS);
      const scanned = hitRates({ zipf: 1, seed, ...SCANS }, 0.1 * KEYS);
      const kept = (policy: CachePolicy) => scanned[policy] / (UNSCANNED * plain[policy]);
      assert.ok(kept("lru") < 0.95, `lru keeps ${kept("lru")}`);
      for (const policy of ["s3-fifo", "sieve"] as const) {
        assert.ok(kept(policy) > 0.99, `${policy} keeps ${kept(policy)}`);
      }
    });
  }
});

Deno.test("traceOf() is the same for a seed, and scans every key in turn", () => {
  const options = { keys: 10, requests: 60, zipf: 1, scanEvery: 3, scanKeys: 2, seed: 5 };
  const trace = traceOf(options);
  assert.deepEqual(traceOf(options), trace);
  assert.notDeepEqual(traceOf({ ...options, seed: 6 }), trace);
  const scanned = [...trace].filter((_, index) => index % 5 >= 3);
  assert.deepEqual(scanned, Array.from({ length: 24 }, (_, index) => index % 10));
});
