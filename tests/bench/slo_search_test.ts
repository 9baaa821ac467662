import assert from "node:assert/strict";
import * as fc from "fast-check";
import type { BenchReport } from "../../lib/bench/report.ts";
import { exitOfSlo } from "../../lib/bench/exit_code.ts";
import { OperationError } from "../../lib/errors.ts";
import { BENCH_CALLS_MAX } from "../../lib/limits.ts";
import { type Slo, SLO_FIGURES, sloBreach } from "../../lib/bench/slo.ts";
import {
  RATE_MAX,
  RATE_MIN,
  RATE_START,
  RATE_TOLERANCE,
  rateMaxOf,
  type RunAtRate,
  RUNS_MAX,
  searchSlo,
  type SloOutcome,
  type SloStep,
} from "../../lib/bench/slo_search.ts";
import { formatSloOutcome, formatSloStep } from "../../lib/bench/sweep_table.ts";
import { makeReport } from "./made_report.ts";

const P99: Slo = { figure: "p99", limitMs: 2 };
const LN_100 = Math.log(100);

/**
 * A server with one queue: the time in it is exponential, its mean 1 / (capacity − rate). Past its
 * capacity it answers as many as it can, after as long as the run takes.
 */
function mm1(capacity: number): RunAtRate {
  return (rate) => {
    const meanMs = rate < capacity ? 1000 / (capacity - rate) : 5000;
    return Promise.resolve(reportAt(rate, meanMs, Math.min(rate, capacity)));
  };
}

function reportAt(
  offeredPerSecond: number,
  meanMs: number,
  achievedPerSecond = offeredPerSecond,
): BenchReport {
  const report = makeReport({ ratePerSecond: 100 });
  const latency = { ...report.latency, meanMs, p99Ms: meanMs * LN_100 };
  return { ...report, offeredPerSecond, achievedPerSecond, latency };
}

async function search(slo: Slo, run: RunAtRate, first = RATE_START) {
  const steps: SloStep[] = [];
  const outcome = await searchSlo(slo, {
    first,
    rateMax: RATE_MAX,
    run,
    onStep: (step) => steps.push(step),
    signal: new AbortController().signal,
  });
  return { outcome, steps };
}

/** The rate at which the queue's p99 is the limit: ln 100 / (capacity − rate) = limit. */
const highestRate = (capacity: number, limitMs: number) => capacity - 1000 * LN_100 / limitMs;

function assertFinds(outcome: SloOutcome, rate: number): void {
  const { keepsPerSecond, breaksPerSecond, end } = outcome;
  assert.equal(end, "found");
  assert.ok(keepsPerSecond !== null && breaksPerSecond !== null);
  assert.ok(keepsPerSecond <= rate && rate < breaksPerSecond, `${keepsPerSecond} ${rate}`);
  // Rates are whole, so low ones cannot be told more finely.
  assert.ok(breaksPerSecond <= Math.max(keepsPerSecond * (1 + RATE_TOLERANCE), keepsPerSecond + 1));
}

Deno.test("searchSlo() finds the highest rate that keeps an objective", async (t) => {
  for (const capacity of [2_400, 5_000, 40_000, 1_000_000]) {
    for (const first of [1, 100, RATE_START, 30_000]) {
      await t.step(`${capacity} from ${first}`, async () => {
        const { outcome, steps } = await search(P99, mm1(capacity), first);
        assertFinds(outcome, highestRate(capacity, 2));
        assert.equal(outcome.runs, steps.length);
        assert.equal(steps[0].ratePerSecond, first);
      });
    }
  }
});

Deno.test("searchSlo() ends for any server, within its runs", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.infiniteStream(fc.boolean()),
      fc.double({ min: 0, max: 1e9, noNaN: true }),
      async (kept, first) => {
        const answers = kept[Symbol.iterator]();
        const run: RunAtRate = (rate) =>
          Promise.resolve(reportAt(rate, answers.next().value ? 0.1 : 100));
        const { outcome, steps } = await search(P99, run, first);
        assert.ok(outcome.runs === steps.length && outcome.runs <= RUNS_MAX);
        for (const { ratePerSecond } of steps) {
          assert.ok(ratePerSecond >= RATE_MIN && ratePerSecond <= RATE_MAX);
          assert.ok(Number.isInteger(ratePerSecond));
        }
        const { keepsPerSecond, breaksPerSecond } = outcome;
        assert.ok(
          keepsPerSecond === null || breaksPerSecond === null ||
            keepsPerSecond < breaksPerSecond,
        );
      },
    ),
  );
});

Deno.test("searchSlo() tries a rate that breaks the objective once more", async () => {
  const server = mm1(5_000);
  let runs = 0;
  // Every third run stalls, whatever its rate.
  const noisy: RunAtRate = (rate) =>
    ++runs % 3 === 0 ? Promise.resolve(reportAt(rate, 900)) : server(rate);
  const { outcome, steps } = await search(P99, noisy);
  assertFinds(outcome, highestRate(5_000, 2));
  for (const [index, { breach, ratePerSecond }] of steps.entries()) {
    if (breach === undefined || steps[index - 1]?.ratePerSecond === ratePerSecond) continue;
    assert.equal(steps[index + 1].ratePerSecond, ratePerSecond);
  }
});

Deno.test("searchSlo() makes one run after the other", async () => {
  const server = mm1(3_000);
  let running = 0;
  const { outcome } = await search(P99, async (rate) => {
    assert.equal(running++, 0);
    const report = await server(rate);
    running--;
    return report;
  });
  assertFinds(outcome, highestRate(3_000, 2));
});

Deno.test("searchSlo() says when every rate keeps it, or none does", async () => {
  const fast: RunAtRate = (rate) => Promise.resolve(reportAt(rate, 0.01));
  const highest = (await search(P99, fast)).outcome;
  assert.deepEqual(
    [highest.keepsPerSecond, highest.breaksPerSecond, highest.end],
    [RATE_MAX, null, "highest rate"],
  );
  const slow: RunAtRate = (rate) => Promise.resolve(reportAt(rate, 100));
  const lowest = (await search(P99, slow)).outcome;
  assert.deepEqual(
    [lowest.keepsPerSecond, lowest.breaksPerSecond, lowest.end],
    [null, RATE_MIN, "lowest rate"],
  );
});

Deno.test("searchSlo() keeps what it knows when a run fails, or a signal comes", async (t) => {
  const server = mm1(5_000);
  const interruption = new AbortController();
  const stopping: RunAtRate = (rate) => {
    if (rate > 2_000) interruption.abort();
    return server(rate);
  };
  const failing: RunAtRate = (rate) =>
    rate > 2_000 ? Promise.reject(new OperationError("unavailable", "Gone")) : server(rate);
  const cases = [
    ["stopped", stopping, null, "(stopped by a signal, 2 runs)", 0],
    ["failed", failing, "Gone", "(Gone, 2 runs)", 1],
  ] as const;
  for (const [end, run, problem, text, code] of cases) {
    await t.step(end, async () => {
      const { signal } = interruption;
      const steps: SloStep[] = [];
      const outcome = await searchSlo(P99, {
        first: 1_000,
        rateMax: RATE_MAX,
        run,
        onStep: (step) => steps.push(step),
        signal: end === "stopped" ? signal : new AbortController().signal,
      });
      assert.equal(steps.length, 2);
      assert.deepEqual(outcome, {
        keepsPerSecond: 2_000,
        breaksPerSecond: null,
        clientLimited: false,
        end,
        problem,
        runs: 2,
      });
      assert.ok(formatSloOutcome(P99, outcome).endsWith(text));
      assert.equal(exitOfSlo(outcome), code);
    });
  }
  const gone = new OperationError("unavailable", "Gone");
  await assert.rejects(() => search(P99, () => Promise.reject(gone)), /Gone/);
});

Deno.test("searchSlo() says when the client was the limit of the rate that broke it", async (t) => {
  const server = mm1(5_000);
  for (
    const [warning, clientLimited] of [["The client used 99 %", true], [
      "The server takes 10 calls",
      false,
    ]]
  ) {
    await t.step(`${warning}`, async () => {
      const { outcome, steps } = await search(P99, async (rate) => {
        const report = await server(rate);
        return { ...report, warnings: rate > 2_000 ? [`${warning}`] : [] };
      });
      assert.equal(outcome.clientLimited, clientLimited);
      assert.deepEqual(steps[0].warnings, []);
      assert.deepEqual(steps[2].warnings, [warning]);
      assert.equal(formatSloOutcome(P99, outcome).includes("by the client's limit"), clientLimited);
    });
  }
});

Deno.test("searchSlo() tries no rate whose run would make more calls than a run may", async () => {
  const hour = { kind: "duration", durationMs: 3_600_000 } as const;
  const rateMax = rateMaxOf(hour);
  assert.equal(rateMax, Math.floor(BENCH_CALLS_MAX / 3_600));
  assert.equal(rateMaxOf({ kind: "duration", durationMs: 1 }), RATE_MAX);
  const rates: number[] = [];
  const outcome = await searchSlo(P99, {
    first: RATE_START,
    rateMax,
    run: (rate) => Promise.resolve(reportAt(rate, 0.01)),
    onStep: ({ ratePerSecond }) => rates.push(ratePerSecond),
    signal: new AbortController().signal,
  });
  assert.deepEqual([outcome.keepsPerSecond, outcome.end], [rateMax, "highest rate"]);
  assert.equal(Math.max(...rates), rateMax);
});

Deno.test("sloBreach() says why a run breaks an objective", async (t) => {
  const good = makeReport({ ratePerSecond: 1000 });
  const errors = (count: number) => ({ ...good, errors: [{ code: "INTERNAL", count }] });
  const limit = { figure: "p99", limitMs: good.latency.p99Ms } as const;
  const cases: readonly (readonly [string, Slo, BenchReport, ReturnType<typeof sloBreach>])[] = [
    ["at the limit", limit, good, undefined],
    ["above it", { ...limit, limitMs: limit.limitMs - 0.01 }, good, "too slow"],
    ["a hundredth failed", limit, errors(100), undefined],
    ["more failed", limit, errors(101), "too many errors"],
    ["one failed, no call may", { figure: "max", limitMs: 1000 }, errors(1), "too many errors"],
    ["not made", limit, { ...good, achievedPerSecond: 949 }, "fell behind"],
    ["nearly made", limit, { ...good, achievedPerSecond: 951 }, undefined],
    ["none", limit, { ...good, latency: { ...good.latency, count: 0 } }, "nothing answered"],
  ];
  for (const [name, slo, report, breach] of cases) {
    await t.step(name, () => assert.equal(sloBreach(slo, report), breach));
  }
});

Deno.test("sloBreach() knows every figure", () => {
  const report = makeReport();
  for (const figure of SLO_FIGURES) {
    assert.equal(sloBreach({ figure, limitMs: 1e6 }, report), undefined);
    assert.equal(sloBreach({ figure, limitMs: 1e-6 }, report), "too slow");
  }
});

Deno.test("formatSloStep() and formatSloOutcome() tell of a search in lines", async () => {
  const { outcome, steps } = await search(P99, mm1(5_000));
  const lines = steps.map((step) => formatSloStep(P99, step));
  assert.equal(lines[0], "run 1: 1 000 calls/s due, 1 000 calls/s answered, p99 1.15 ms: kept");
  assert.equal(lines[2], "run 3: 4 000 calls/s due, 4 000 calls/s answered, p99 4.61 ms: too slow");
  assert.match(
    formatSloOutcome(P99, outcome),
    /^p99 within 2\.00 ms: kept up to 2 \d{3} calls\/s; 2 \d{3} calls\/s broke it twice \(\d+ runs\)$/,
  );
  const none = {
    keepsPerSecond: null,
    breaksPerSecond: 1,
    clientLimited: false,
    end: "lowest rate",
    problem: null,
    runs: 22,
  } as const;
  assert.equal(
    formatSloOutcome(P99, none),
    "p99 within 2.00 ms: no rate that was tried kept it; 1 calls/s broke it twice " +
      "(ended at the lowest rate, 22 runs)",
  );
});
