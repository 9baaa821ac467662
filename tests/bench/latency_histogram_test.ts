import assert from "node:assert/strict";
import fc from "fast-check";
import { LatencyHistogram } from "../../lib/bench/latency_histogram.ts";

/** Three significant digits. */
const PRECISION = 1e-3;

const latencies = fc.array(
  fc.oneof(
    fc.double({ min: 1e-3, max: 600_000, noNaN: true }),
    fc.double({ min: 1e-3, max: 1, noNaN: true }),
  ),
  { minLength: 1, maxLength: 300 },
);

function histogramOf(values: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

function close(found: number, expected: number, what: string): void {
  assert.ok(
    Math.abs(found - expected) <= expected * PRECISION + 1e-6,
    `${what}: ${found}, ${expected}`,
  );
}

/** The least value that so many percent of the values do not exceed. */
function nearestRank(values: readonly number[], percentile: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * percentile / 100 - 1e-9) - 1)];
}

Deno.test("LatencyHistogram keeps 3 digits from a microsecond to minutes", () => {
  fc.assert(fc.property(latencies, (values) => {
    const { minMs, maxMs, p50Ms, p90Ms, p99Ms, p999Ms, count, meanMs } = histogramOf(values)
      .distribution();
    assert.equal(count, values.length);
    close(minMs, Math.min(...values), "min");
    close(maxMs, Math.max(...values), "max");
    close(p50Ms, nearestRank(values, 50), "p50");
    close(p90Ms, nearestRank(values, 90), "p90");
    close(p99Ms, nearestRank(values, 99), "p99");
    close(p999Ms, nearestRank(values, 99.9), "p99.9");
    close(meanMs, values.reduce((sum, value) => sum + value, 0) / values.length, "mean");
  }));
});

Deno.test("LatencyHistogram: those of several threads add up to that of all calls", () => {
  fc.assert(fc.property(fc.array(latencies, { minLength: 1, maxLength: 4 }), (threads) => {
    const sum = new LatencyHistogram();
    for (const values of threads) {
      const histogram = histogramOf(values);
      sum.add(histogram.encode());
      assert.equal(histogram.count, 0);
      sum.add(histogram.encode());
    }
    const { minMs, maxMs, ...merged } = sum.distribution();
    const { minMs: minAll, maxMs: maxAll, ...all } = histogramOf(threads.flat()).distribution();
    assert.deepEqual(merged, all);
    close(minMs, minAll, "min");
    close(maxMs, maxAll, "max");
  }));
});

Deno.test("LatencyHistogram: the curve ends with all calls at the maximum", () => {
  const merged = new LatencyHistogram();
  merged.add(histogramOf([1, 2, 3, 4, 1_000]).encode());
  const { curve, maxMs } = merged.distribution();
  assert.deepEqual(curve.at(-1), { percentile: 100, valueMs: maxMs, count: 5 });
  curve.slice(1).forEach((point, i) => assert.ok(point.valueMs >= curve[i].valueMs));
});

Deno.test("LatencyHistogram takes times that cannot be, and none", () => {
  const odd = histogramOf([-1, 0, 1e300]).distribution();
  assert.equal(odd.count, 3);
  assert.ok(odd.minMs > 0 && odd.maxMs < 1e9);
  const { curve, ...none } = new LatencyHistogram().distribution();
  assert.deepEqual(curve, []);
  assert.ok(Object.values(none).every((value) => value === 0));
});
