import assert from "node:assert/strict";
import fc from "fast-check";
import { formatStatistics, percentile, summarize } from "../../lib/workload/statistics.ts";

Deno.test("percentile() gives numpy.percentile's float64 to the last bit", async (t) => {
  // From numpy 2.4.6: np.percentile(np.array(values, np.float64), q).
  const cases: readonly (readonly [values: readonly number[], q: number, expected: number])[] = [
    [[7], 50, 7.0],
    [[7], 99, 7.0],
    [[1, 2], 50, 1.5],
    [[1, 2], 99, 1.99],
    [[1, 2, 3, 4], 0, 1.0],
    [[1, 2, 3, 4], 50, 2.5],
    [[1, 2, 3, 4], 99, 3.9699999999999998],
    [[1, 2, 3, 4], 100, 4.0],
    [[0.1, 0.2, 0.3], 0, 0.1],
    [[0.1, 0.2, 0.3], 50, 0.2],
    [[0.1, 0.2, 0.3], 99, 0.298],
    [[0.1, 0.2, 0.3], 100, 0.3],
    [[5, 5, 5, 5, 5], 0, 5.0],
    [[5, 5, 5, 5, 5], 50, 5.0],
    [[5, 5, 5, 5, 5], 99, 5.0],
    [[5, 5, 5, 5, 5], 100, 5.0],
    [
      [
        0.003314,
        0.016944,
        0.066751,
        0.067941,
        0.075058,
        0.115491,
        0.196441,
        0.231535,
        0.245688,
        0.454222,
      ],
      0,
      0.003314,
    ],
    [
      [
        0.003314,
        0.016944,
        0.066751,
        0.067941,
        0.075058,
        0.115491,
        0.196441,
        0.231535,
        0.245688,
        0.454222,
      ],
      50,
      0.0952745,
    ],
    [
      [
        0.003314,
        0.016944,
        0.066751,
        0.067941,
        0.075058,
        0.115491,
        0.196441,
        0.231535,
        0.245688,
        0.454222,
      ],
      99,
      0.43545394000000004,
    ],
    [
      [
        0.003314,
        0.016944,
        0.066751,
        0.067941,
        0.075058,
        0.115491,
        0.196441,
        0.231535,
        0.245688,
        0.454222,
      ],
      100,
      0.454222,
    ],
    [[0.1, 0.195, 0.2, 0.205, 0.21, 0.211, 0.22, 0.25, 0.3, 0.9, 12.5], 0, 0.1],
    [[0.1, 0.195, 0.2, 0.205, 0.21, 0.211, 0.22, 0.25, 0.3, 0.9, 12.5], 50, 0.211],
    [[0.1, 0.195, 0.2, 0.205, 0.21, 0.211, 0.22, 0.25, 0.3, 0.9, 12.5], 99, 11.340000000000003],
    [[0.1, 0.195, 0.2, 0.205, 0.21, 0.211, 0.22, 0.25, 0.3, 0.9, 12.5], 100, 12.5],
    [Array.from({ length: 1000 }, (_, index) => index + 1), 99, 990.01],
    [Array.from({ length: 8000 }, (_, index) => Math.sqrt(index)), 99, 88.98881952069867],
  ];
  for (const [values, q, expected] of cases) {
    await t.step(`${q} of ${JSON.stringify(values).slice(0, 60)}`, () => {
      assert.equal(percentile(Float64Array.from(values), q), expected);
    });
  }
});

Deno.test("percentile() lies between the extremes and grows with q", () => {
  const values = fc.array(fc.double({ noNaN: true, min: 0, max: 1e6 }), { minLength: 1 });
  const q = fc.double({ noNaN: true, min: 0, max: 100 });
  fc.assert(fc.property(values, q, q, (unsorted, q1, q2) => {
    const sorted = Float64Array.from(unsorted).sort();
    const low = percentile(sorted, Math.min(q1, q2));
    const high = percentile(sorted, Math.max(q1, q2));
    assert.ok(sorted[0] <= low && low <= high && high <= sorted[sorted.length - 1]);
  }));
});

Deno.test("percentile() refuses no values and a q out of range", () => {
  assert.throws(() => percentile(new Float64Array(0), 50), RangeError);
  for (const q of [-1, 101, NaN]) {
    assert.throws(() => percentile(Float64Array.of(1), q), RangeError);
  }
});

Deno.test("summarize() puts the calls of all threads together", () => {
  const statistics = summarize([
    { latenciesMs: Float64Array.of(3, 1), lookUps: 2, hits: 1 },
    { latenciesMs: Float64Array.of(4), lookUps: 1, hits: 0 },
    { latenciesMs: Float64Array.of(2), lookUps: 1, hits: 0 },
  ]);
  assert.deepEqual(statistics, {
    cacheHitRate: 0.25,
    p50LatencyMs: 2.5,
    p99LatencyMs: 3.9699999999999998,
  });
});

Deno.test("summarize() leaves the threads' results as they are", () => {
  const latenciesMs = Float64Array.of(3, 1, 2);
  summarize([{ latenciesMs, lookUps: 3, hits: 0 }]);
  assert.deepEqual(latenciesMs, Float64Array.of(3, 1, 2));
});

Deno.test("summarize() gives a hit rate of 0 without Predict calls", () => {
  const statistics = summarize([{ latenciesMs: Float64Array.of(5), lookUps: 0, hits: 0 }]);
  assert.deepEqual(statistics, { cacheHitRate: 0, p50LatencyMs: 5, p99LatencyMs: 5 });
});

Deno.test("summarize() has no percentiles without calls", () => {
  const nothing = { cacheHitRate: 0, p50LatencyMs: null, p99LatencyMs: null };
  assert.deepEqual(summarize([]), nothing);
  assert.deepEqual(
    summarize([{ latenciesMs: new Float64Array(0), lookUps: 0, hits: 0 }]),
    nothing,
  );
});

Deno.test("formatStatistics() writes the JSON of the spec in seconds", () => {
  assert.equal(
    formatStatistics({ cacheHitRate: 0.27, p50LatencyMs: 0.2, p99LatencyMs: 0.9 }),
    `{
    "cache_hit_rate": 0.27,
    "p50_response_time": 0.0002,
    "p99_response_time": 0.0009
}`,
  );
});

Deno.test("formatStatistics() rounds times to nanoseconds and writes no NaN", () => {
  const statistics = { cacheHitRate: 1 / 3, p50LatencyMs: 0.1234567891, p99LatencyMs: null };
  assert.deepEqual(JSON.parse(formatStatistics(statistics)), {
    cache_hit_rate: 1 / 3,
    p50_response_time: 0.000123457,
    p99_response_time: null,
  });
});
