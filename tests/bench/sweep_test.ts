import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import type { BenchReport } from "../../lib/bench/report.ts";
import { exitOfSweep } from "../../lib/bench/exit_code.ts";
import { kneeOf, LOADS_MAX, sweep, type SweepPoint } from "../../lib/bench/sweep.ts";
import { formatSweep, formatWarnings } from "../../lib/bench/sweep_table.ts";
import { makeReport } from "./made_report.ts";

const pointsOf = (curve: readonly (readonly [load: number, rate: number])[]): SweepPoint[] =>
  curve.map(([load, ratePerSecond]) => ({ load, report: closed(makeReport({ ratePerSecond })) }));

function closed(report: BenchReport): BenchReport {
  return { ...report, options: { ...report.options, loop: "closed" }, offeredPerSecond: null };
}

const never = new AbortController().signal;

Deno.test("sweep() makes one run for each load, in order, and tells of each", async () => {
  const asked: number[] = [];
  const told: number[] = [];
  const run = (load: number) => {
    assert.equal(told.length, asked.length);
    asked.push(load);
    return Promise.resolve(makeReport({ ratePerSecond: load * 100 }));
  };
  const { points, cut } = await sweep([1, 2, 8], {
    run,
    onPoint: ({ load }) => told.push(load),
    signal: never,
  });
  assert.equal(cut, null);
  assert.deepEqual(asked, [1, 2, 8]);
  assert.deepEqual(told, [1, 2, 8]);
  assert.deepEqual(
    points.map(({ load, report }) => [load, report.achievedPerSecond]),
    [[1, 100], [2, 200], [8, 800]],
  );
});

Deno.test("sweep() refuses loads that do not ascend, and too many", async (t) => {
  const many = Array.from({ length: LOADS_MAX + 1 }, (_, index) => index + 1);
  for (const loads of [[0, 1], [2, 2], [4, 2], [1.5], [NaN], many]) {
    await t.step(`${loads}`, async () => {
      const run = () => Promise.reject(new Error("It ran"));
      await assert.rejects(() => sweep(loads, { run, onPoint() {}, signal: never }), RangeError);
    });
  }
});

Deno.test("sweep() keeps what was measured before the run that fails", async () => {
  let runs = 0;
  const gone = () => Promise.reject(new OperationError("unavailable", "Gone"));
  const run = () => ++runs < 2 ? Promise.resolve(makeReport()) : gone();
  const { points, cut } = await sweep([1, 2, 3], { run, onPoint() {}, signal: never });
  assert.deepEqual(points.map(({ load }) => load), [1]);
  assert.deepEqual(cut, { kind: "failed", problem: "Gone" });
  assert.equal(runs, 2);
  assert.equal(exitOfSweep({ points, cut }), 1);
  assert.match(formatSweep({ points, cut }, "open"), /\nlater loads are missing: Gone\n$/);
  await assert.rejects(() => sweep([1], { run: gone, onPoint() {}, signal: never }), /Gone/);
  const broken = () => ++runs < 4 ? Promise.resolve(makeReport()) : Promise.reject(new TypeError());
  await assert.rejects(
    () => sweep([1, 2], { run: broken, onPoint() {}, signal: never }),
    TypeError,
  );
});

Deno.test("sweep() that is stopped keeps the points before, without the run that was cut", async () => {
  const interruption = new AbortController();
  const told: number[] = [];
  const { points, cut } = await sweep([1, 2, 4, 8], {
    run(load) {
      if (load === 4) interruption.abort();
      return Promise.resolve(makeReport({ ratePerSecond: load * 100 }));
    },
    onPoint: ({ load }) => told.push(load),
    signal: interruption.signal,
  });
  assert.deepEqual(points.map(({ load }) => load), [1, 2]);
  assert.deepEqual(told, [1, 2]);
  assert.deepEqual(cut, { kind: "stopped" });
  assert.equal(exitOfSweep({ points, cut }), 0);
  assert.match(formatSweep({ points, cut }, "open"), /\nstopped by a signal: [^\n]*\n$/);
  assert.match(formatSweep({ points: [], cut }, "open"), /nothing was measured\n$/);
  assert.equal(exitOfSweep({ points: [], cut }), 1);
});

Deno.test("kneeOf() finds the load beyond which answers hardly grow", async (t) => {
  const cases: readonly (readonly [
    name: string,
    curve: readonly (readonly [number, number])[],
    knee: number | undefined,
  ])[] = [
    ["flat from 4 on", [[1, 1000], [2, 2000], [4, 3900], [8, 4100], [16, 4150]], 2],
    ["falls after 4", [[1, 1000], [2, 2000], [4, 3900], [8, 3000], [16, 2500]], 2],
    ["never flat", [[1, 1000], [2, 1900], [4, 3500], [8, 6000]], undefined],
    ["flat from the start", [[1, 4000], [2, 4010], [4, 3990]], 0],
    ["small steps of growth are growth", [[10, 1000], [11, 1090], [12, 1180], [13, 1182]], 2],
    ["the way out of a dip is none", [[1, 1000], [2, 2000], [4, 900], [8, 2010], [16, 2020]], 1],
    ["growth after a dip is", [[1, 1000], [2, 900], [4, 3000], [8, 3010]], 2],
    ["one point", [[1, 1000]], undefined],
    ["none", [], undefined],
    ["no answers", [[1, 0], [2, 0]], undefined],
  ];
  for (const [name, curve, knee] of cases) {
    await t.step(name, () => assert.equal(kneeOf(pointsOf(curve)), knee));
  }
});

Deno.test("kneeOf() finds where a closed loop saturates a server, however close the loads are", async (t) => {
  // Without waiting a call takes 4 ms, and the server answers 2000 a second at most: 8 calls at once.
  const answers = (load: number) => 1000 * Math.min(load / 4, 2);
  for (const loads of [[1, 2, 4, 8, 16, 32, 64], Array.from({ length: 20 }, (_, i) => i + 1)]) {
    await t.step(`${loads.length} loads`, () => {
      const knee = kneeOf(pointsOf(loads.map((load) => [load, answers(load)])));
      assert.equal(loads[knee ?? -1], 8);
    });
  }
});

Deno.test("kneeOf() does not count calls that failed", () => {
  const failing = { load: 4, report: closed(makeReport({ ratePerSecond: 9000, failing: 7000 })) };
  assert.equal(kneeOf([...pointsOf([[1, 1000], [2, 2000]]), failing]), 1);
});

Deno.test("formatSweep() marks the knee and tells the rule", () => {
  const lines = formatSweep(outcomeOf(pointsOf([[1, 1000], [2, 2000], [4, 2010]])), "closed").split(
    "\n",
  );
  assert.match(lines[0], /^connections +answers\/s +errors +p50 +p99 +p99\.9 +max$/);
  assert.match(lines[1], /^1 +1 000 +0 % +1\.00 ms +6\.64 ms +9\.97 ms +13\.3 ms$/);
  assert.match(lines[2], /^2 +2 000 .* <- knee$/);
  assert.doesNotMatch(lines[3], /knee/);
  assert.equal(lines[5], "knee: the last load that brought 10 % of its growth in answers");
  const open = formatSweep(outcomeOf(openPoints([[1, 1], [2, 2]])), "open");
  assert.match(open, /^calls due\/s .*no knee: the last load still had 95 % /s);
});

Deno.test("formatSweep() marks runs that warned", () => {
  const points = pointsOf([[1, 1000], [2, 2000]]);
  const warned = { load: 4, report: { ...points[1].report, warnings: ["The client was busy"] } };
  const lines = formatSweep(outcomeOf([...points, warned]), "closed").split("\n");
  assert.doesNotMatch(lines[2], /!/);
  assert.match(lines[3], / !$/);
  assert.match(lines[6], /^!: the run had warnings/);
  assert.deepEqual(formatWarnings(warned.report.warnings), ["! The client was busy"]);
});

Deno.test("kneeOf() of an open loop is the last load that was sustained", async (t) => {
  const cases: readonly (readonly [
    name: string,
    curve: readonly (readonly [due: number, answered: number])[],
    knee: number | undefined,
  ])[] = [
    ["growth without pace is none", [[1000, 1000], [2000, 1990], [4000, 3000]], 1],
    ["at the bound", [[1000, 950], [2000, 1899]], 0],
    ["all sustained", [[1000, 1000], [2000, 2000]], undefined],
    ["none sustained", [[1000, 500], [2000, 500]], undefined],
    ["no answers", [[1000, 0], [2000, 0]], undefined],
  ];
  for (const [name, curve, knee] of cases) {
    await t.step(name, () => assert.equal(kneeOf(openPoints(curve)), knee));
  }
});

const outcomeOf = (points: readonly SweepPoint[]) => ({ points, cut: null });

const openPoints = (curve: readonly (readonly [due: number, answered: number])[]): SweepPoint[] =>
  curve.map(([load, achievedPerSecond]) => ({
    load,
    report: { ...makeReport({ ratePerSecond: load }), achievedPerSecond },
  }));
