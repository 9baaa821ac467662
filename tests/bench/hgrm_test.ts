import assert from "node:assert/strict";
import { formatHgrm } from "../../lib/bench/hgrm.ts";
import { makeDistribution } from "./made_report.ts";

Deno.test("formatHgrm() writes HdrHistogram's columns and footer", () => {
  const text = formatHgrm({
    ...makeDistribution(1, 1000),
    count: 4,
    meanMs: 12.5,
    stdDevMs: 0.25,
    maxMs: 1234.567891,
    curve: [
      { percentile: 0, valueMs: 0.0421, count: 1 },
      { percentile: 50, valueMs: 3, count: 2 },
      { percentile: 99.9, valueMs: 1234.567891, count: 4 },
      { percentile: 100, valueMs: 1234.567891, count: 4 },
    ],
  });
  assert.equal(
    text,
    [
      "       Value     Percentile TotalCount 1/(1-Percentile)",
      "",
      "    0.042100 0.000000000000          1           1.00",
      "    3.000000 0.500000000000          2           2.00",
      " 1234.567891 0.999000000000          4        1000.00",
      " 1234.567891 1.000000000000          4",
      "#[Mean    =    12.500000, StdDeviation   =     0.250000]",
      "#[Max     =  1234.567891, Total count    =            4]",
      "",
    ].join("\n"),
  );
});

Deno.test("formatHgrm() gives HdrHistogram's plotter the whole curve", () => {
  const distribution = makeDistribution(0.42, 100_000);
  const points = readAsPlotter(formatHgrm(distribution));
  // The plotter has no place for 100 %.
  assert.equal(points.length, distribution.curve.length - 1);
  for (const [index, { x, y }] of points.entries()) {
    const { percentile, valueMs } = distribution.curve[index];
    assert.ok(Math.abs(y - valueMs) < 1e-6);
    // The plotter's column has two decimals.
    assert.ok(Math.abs(x - 1 / (1 - percentile / 100)) <= 0.0051);
  }
});

Deno.test("formatHgrm() writes a distribution of nothing", () => {
  const text = formatHgrm({ ...makeDistribution(1, 1000), count: 0, curve: [] });
  assert.deepEqual(readAsPlotter(text), []);
  assert.match(text, /Total count {4}= {12}0\]\n$/);
});

/**
 * The points that HdrHistogram's plotter draws: lines of four numbers, the first over the last.
 *
 * Source: HdrHistogram, GoogleChartsExample/plotFiles.html, `appendDataSeries`.
 */
function readAsPlotter(text: string): { x: number; y: number }[] {
  return text.split("\n").flatMap((line) => {
    const values = line.trim().split(/[ ]+/);
    if (line.startsWith("#") || values.length !== 4) return [];
    const [y, , , x] = values.map(parseFloat);
    return Number.isNaN(x) || Number.isNaN(y) ? [] : [{ x, y }];
  });
}
