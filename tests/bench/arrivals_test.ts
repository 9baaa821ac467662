import assert from "node:assert/strict";
import { Arrivals, type ArrivalsOptions } from "../../lib/bench/arrivals.ts";

const SPAN_MS = 10_000;

/** The due times of all threads within the span, in order. */
function merged(options: Omit<ArrivalsOptions, "thread">): number[] {
  const all: number[] = [];
  for (let thread = 0; thread < options.threads; thread++) {
    const arrivals = new Arrivals({ ...options, thread });
    for (let dueMs = arrivals.next(); dueMs < SPAN_MS; dueMs = arrivals.next()) all.push(dueMs);
  }
  return all.sort((a, b) => a - b);
}

function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((time, i) => time - times[i]);
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function standardDeviation(numbers: readonly number[]): number {
  const middle = mean(numbers);
  return Math.sqrt(mean(numbers.map((number) => (number - middle) ** 2)));
}

Deno.test("Arrivals: constant ones of all threads are one even sequence, without drift", async (t) => {
  for (const [ratePerSecond, threads] of [[1_000, 1], [999, 3], [100_000, 2], [0.3, 2]]) {
    await t.step(`${ratePerSecond}/s on ${threads}`, () => {
      const times = merged({ arrivals: "constant", ratePerSecond, threads, seed: 1 });
      assert.equal(times.length, Math.ceil(ratePerSecond * SPAN_MS / 1_000));
      times.forEach((time, i) => {
        assert.ok(Math.abs(time - i * 1_000 / ratePerSecond) < 1e-6, `${i}: ${time}`);
      });
    });
  }
});

Deno.test("Arrivals: poisson ones of all threads have the rate and the spread of one process", () => {
  const ratePerSecond = 20_000;
  for (const threads of [1, 4]) {
    for (let seed = 0; seed < 5; seed++) {
      const times = merged({ arrivals: "poisson", ratePerSecond, threads, seed });
      // The count of 10 s has mean and variance of 200 000: five standard deviations.
      const expected = ratePerSecond * SPAN_MS / 1_000;
      assert.ok(Math.abs(times.length - expected) < 5 * Math.sqrt(expected), `${times.length}`);
      // Exponential gaps: their standard deviation is their mean, and 1/e of them are longer.
      const between = gaps(times);
      const meanMs = mean(between);
      assert.ok(Math.abs(standardDeviation(between) / meanMs - 1) < 0.02);
      const longer = between.filter((gap) => gap > meanMs).length / between.length;
      assert.ok(Math.abs(longer - Math.exp(-1)) < 0.01, `${longer}`);
    }
  }
});

Deno.test("Arrivals: the seed and the thread decide them", () => {
  const first = (seed: number, thread: number) => {
    const options = { arrivals: "poisson", ratePerSecond: 100, threads: 2 } as const;
    const arrivals = new Arrivals({ ...options, seed, thread });
    return Array.from({ length: 100 }, () => arrivals.next());
  };
  assert.deepEqual(first(7, 0), first(7, 0));
  assert.notDeepEqual(first(7, 0), first(8, 0));
  assert.notDeepEqual(first(7, 0), first(7, 1));
});

Deno.test("Arrivals never go back", () => {
  for (const name of ["constant", "poisson"] as const) {
    const options = { arrivals: name, ratePerSecond: 1e6, threads: 1, thread: 0, seed: 3 };
    const arrivals = new Arrivals(options);
    let last = 0;
    for (let i = 0; i < 10_000; i++) {
      const dueMs = arrivals.next();
      assert.ok(dueMs >= last);
      last = dueMs;
    }
  }
});
