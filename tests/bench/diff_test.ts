import assert from "node:assert/strict";
import { diffReports, type FigureChange, regressionsOf } from "../../lib/bench/diff.ts";
import { formatDiff, formatRegression } from "../../lib/bench/diff_table.ts";
import { makeDistribution, makeReport } from "./made_report.ts";

const base = makeReport();

const named = (changes: readonly FigureChange[], name: string): FigureChange => {
  const found = changes.find(({ figure }) => figure.name === name);
  assert.ok(found, `there is no ${name}`);
  return found;
};

Deno.test("diffReports() finds nothing in a report and itself", () => {
  const { changes, caveats } = diffReports(base, base);
  assert.deepEqual(changes.filter(({ verdict }) => verdict !== "same"), []);
  assert.deepEqual(caveats, []);
  assert.deepEqual(
    changes.map(({ figure }) => figure.name).filter((name) => !name.startsWith("service")),
    [
      "rate",
      "errors",
      "hit rate",
      ...["mean", "p50", "p90", "p99", "p99.9", "p99.99", "max"].map((name) => `latency ${name}`),
    ],
  );
});

Deno.test("diffReports() tells better from worse, absolutely and relatively", async (t) => {
  const cases: readonly (readonly [string, Parameters<typeof makeReport>[0], string, number])[] = [
    ["rate", { ratePerSecond: 800 }, "worse", -0.2],
    ["rate", { ratePerSecond: 1250 }, "better", 0.25],
    ["latency p50", { p50Ms: 1.5 }, "worse", 0.5],
    ["latency p99", { p50Ms: 0.5 }, "better", -0.5],
    ["errors", { failing: 3 }, "worse", Infinity],
  ];
  for (const [name, making, verdict, relative] of cases) {
    await t.step(`${name}: ${verdict}`, () => {
      const change = named(diffReports(base, makeReport(making)).changes, name);
      assert.equal(change.verdict, verdict);
      assert.ok(change.relative === relative || Math.abs(change.relative - relative) < 1e-9);
      assert.ok(change.p !== null && change.p < 0.01);
    });
  }
});

Deno.test("diffReports() is unsure of figures without a series", () => {
  const { changes } = diffReports(base, makeReport({ p50Ms: 2 }));
  for (const name of ["latency p90", "latency p99.99", "service p99", "latency max"]) {
    const { verdict, p } = named(changes, name);
    assert.deepEqual({ verdict, p }, { verdict: "unsure", p: null }, name);
  }
});

Deno.test("diffReports() takes a closed loop's service time for its latency", () => {
  const closed = { options: { ...base.options, loop: "closed" } } as const;
  const { changes } = diffReports(makeReport({}, closed), makeReport({ p50Ms: 2 }, closed));
  assert.equal(named(changes, "service p99").verdict, "worse");
});

Deno.test("diffReports() is unsure where one second alone is different", () => {
  const series = base.series.map((second) =>
    second.second === 4 ? { ...second, calls: 10 } : second
  );
  const { changes } = diffReports(base, { ...base, series, achievedPerSecond: 900 });
  assert.equal(named(changes, "rate").verdict, "unsure");
});

Deno.test("diffReports() is unsure where the seconds changed the other way", () => {
  const series = base.series.map((second) => ({ ...second, p99Ms: second.p99Ms / 2 }));
  const latency = { ...base.latency, p99Ms: base.latency.p99Ms * 2 };
  const { p, verdict } = named(
    diffReports(base, { ...base, series, latency }).changes,
    "latency p99",
  );
  assert.equal(verdict, "unsure");
  assert.ok(p !== null && p < 0.01);
});

Deno.test("diffReports() does not count a second in which the run ended", () => {
  const half = { second: 10, calls: 3, errors: 3, p50Ms: 900, p99Ms: 900 };
  const cut = {
    ...base,
    elapsedMs: 10_400,
    series: [...base.series, half],
    achievedPerSecond: 999,
  };
  const { p, verdict } = named(diffReports(base, cut).changes, "rate");
  assert.equal(verdict, "unsure");
  assert.ok(p !== null && p > 0.9);
});

Deno.test("diffReports() says what makes runs hard to compare", () => {
  const other = makeReport({ seconds: 2 }, {
    client: { ...base.client, processors: 64 },
    warnings: ["The client was busy"],
  });
  const changed = { ...other, options: { ...other.options, connections: 8, seed: 1 } };
  assert.deepEqual(diffReports(base, changed).caveats, [
    "10 and 2 whole seconds are too few for a change to be significant",
    "option connections was 4, is 8",
    "option durationMs was 10000, is 2000",
    "the client's processors was 2, is 64",
    "the second run warned: The client was busy",
  ]);
});

Deno.test("diffReports() leaves out a figure that one report lacks", () => {
  const { changes } = diffReports(makeReport({}, { hits: null, misses: null }), base);
  assert.equal(changes.find(({ figure }) => figure.name === "hit rate"), undefined);
});

Deno.test("regressionsOf() gives what got worse for sure, and by more than the share", () => {
  const diff = diffReports(base, makeReport({ p50Ms: 1.5, ratePerSecond: 800, failing: 2 }));
  const names = (failOver: number) =>
    regressionsOf(diff, failOver).map(({ figure }) => figure.name);
  assert.deepEqual(names(0.05), ["rate", "errors", "latency p50", "latency p99"]);
  assert.deepEqual(names(0.3), ["errors", "latency p50", "latency p99"]);
  assert.deepEqual(names(0.6), ["errors"]);
  const better = diffReports(makeReport({ p50Ms: 1.5 }), base);
  assert.deepEqual(regressionsOf(better, 0), []);
});

Deno.test("formatDiff() writes a row for each figure, and the notes", () => {
  const after = makeReport({ ratePerSecond: 800 }, { warnings: ["Busy"] });
  const lines = formatDiff(diffReports(base, after)).split("\n");
  assert.match(lines[0], /^figure +before +after +change +relative +p +verdict$/);
  assert.match(
    lines[1],
    /^rate +1 000 calls\/s +800 calls\/s +-200 calls\/s +-20 % +0\.000\d +worse$/,
  );
  assert.match(lines[2], /^errors +0 % +0 % +0 % +– +1\.0000 +same$/);
  assert.ok(lines.includes("note: the second run warned: Busy"));
});

Deno.test("formatRegression() names the figure and both values", () => {
  const diff = diffReports(base, makeReport({ ratePerSecond: 808, failing: 8 }));
  assert.deepEqual(regressionsOf(diff, 0.05).map(formatRegression), [
    "rate got worse by 20 %: 1 000 calls/s before, 800 calls/s after",
    "errors got worse: 0 % before, 0.99 % after",
  ]);
});

Deno.test("diffReports() counts a second without an answer as the slowest", () => {
  const series = base.series.map((second) =>
    second.second < 3 ? second : { ...second, errors: second.calls, p50Ms: 0, p99Ms: 0 }
  );
  const latency = { ...base.latency, p99Ms: base.latency.p99Ms * 1.5 };
  const { changes } = diffReports(base, { ...base, series, latency });
  assert.equal(named(changes, "latency p99").verdict, "worse");
});

Deno.test("diffReports() knows seconds at the end in which no call ended", () => {
  const series = base.series.slice(0, 2);
  const hung = { ...base, series, achievedPerSecond: 200, calls: 2000 };
  const { p, verdict } = named(diffReports(base, hung).changes, "rate");
  assert.equal(verdict, "worse");
  assert.ok(p !== null && p < 0.01);
});

Deno.test("regressionsOf() finds an outage that no second tells of", () => {
  const errors = [{ code: "NOT_SENT", count: 900 }];
  const down = { ...makeReport({ seconds: 1 }), errors, series: [] };
  const regressions = regressionsOf(diffReports(makeReport({ seconds: 1 }), down), 0.05);
  assert.deepEqual(regressions.map(({ figure }) => figure.name), ["errors"]);
  // A handful in a great many is noise.
  const few = { ...base, errors: [{ code: "UNAVAILABLE", count: 3 }] };
  assert.equal(named(diffReports(base, few).changes, "errors").verdict, "unsure");
});

Deno.test("diffReports() does not judge the server's own times by the seconds of the latency", () => {
  const of = (p50Ms: number) => {
    const report = makeReport({ p50Ms });
    const server = { queue: null, compute: makeDistribution(p50Ms / 2, 1_000), cache: null };
    const options = { ...report.options, loop: "closed" as const };
    return { ...report, options, server };
  };
  const { changes } = diffReports(of(1), of(2));
  const verdicts = new Map(changes.map(({ figure, verdict, p }) => [figure.name, { verdict, p }]));
  assert.equal(verdicts.get("service p50")?.verdict, "worse");
  for (const name of ["server compute p50", "server compute p99"]) {
    assert.deepEqual(verdicts.get(name), { verdict: "unsure", p: null });
  }
  assert.equal(verdicts.has("server queue p50"), false);
});

Deno.test("diffReports() shows each of several workloads, and judges none by the seconds of all", () => {
  const of = (p50Ms: number, failed: number) => {
    const part = { weight: 1, calls: 100, latency: makeDistribution(p50Ms, 100) };
    // The second is a file of that name.
    const workloads = [
      { ...part, workload: "random", errors: [{ code: "INTERNAL", count: failed }] },
      { ...part, workload: "latency", errors: [] },
    ];
    return makeReport({ p50Ms }, { workloads });
  };
  const { changes } = diffReports(of(1, 0), of(2, 50));
  const ofWorkloads = changes.filter(({ figure }) => figure.name.includes(":"));
  assert.deepEqual(
    ofWorkloads.map((
      { figure, after, verdict, p },
    ) => [figure.name, Math.round(after * 10), verdict, p]),
    [
      ["random: errors", 5, "unsure", null],
      ["random: latency p50", 20, "unsure", null],
      ["random: latency p99", 133, "unsure", null],
      ["latency: errors", 0, "same", null],
      ["latency: latency p50", 20, "unsure", null],
      ["latency: latency p99", 133, "unsure", null],
    ],
  );
  // One of them alone has nothing to be compared with.
  const alone = diffReports(makeReport(), of(2, 50)).changes;
  assert.equal(alone.some(({ figure }) => figure.name.includes(":")), false);
});
