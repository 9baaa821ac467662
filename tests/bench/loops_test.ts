import assert from "node:assert/strict";
import type { Outcome } from "../../lib/bench/caller.ts";
import type { LoadLoop } from "../../lib/bench/load_plan.ts";
import { BENCH_OPEN_INFLIGHT_MAX } from "../../lib/limits.ts";
import { FakeCaller, FakeClock, fakeLoad } from "./fake_load.ts";

const SECOND = 1_000;
const CLOSED: LoadLoop = { kind: "closed", inflight: 1 };
const OPEN: LoadLoop = { kind: "open", ratePerSecond: 1_000, arrivals: "constant" };
const tenSeconds = { kind: "duration", durationMs: 10 * SECOND } as const;

/** A server that answers in 0.5 ms, but not in the first 100 ms of any second. */
function stalling(clock: FakeClock): FakeCaller {
  return new FakeCaller(clock, (sentMs) => {
    const intoSecondMs = sentMs % SECOND;
    const startMs = intoSecondMs < 100 ? sentMs - intoSecondMs + 100 : sentMs;
    return { endMs: startMs + 0.5, answer: "miss" };
  });
}

function close(found: number, expected: number): void {
  assert.ok(Math.abs(found - expected) <= 2e-3 * expected, `${found}, expected ${expected}`);
}

Deno.test("an open loop's latency shows a stall in every call that was due meanwhile", async () => {
  const clock = new FakeClock();
  const { loop, totals } = fakeLoad({
    clock,
    caller: stalling(clock),
    loop: OPEN,
    length: tenSeconds,
    connections: 2,
  });
  const over = loop.run();
  await clock.runUntil(20 * SECOND);
  await over;
  const { latency, service, calls, errors } = totals();
  assert.deepEqual({ calls, errors, count: latency.count }, {
    calls: 10_000,
    errors: [],
    count: 10_000,
  });
  // 100 of a second's 1 000 calls wait from 100 to 1 ms, in equal steps: 10 % of all, so the p99 is 90 ms.
  close(latency.p50Ms, 0.5);
  close(latency.p99Ms, 90.5);
  close(latency.maxMs, 100.5);
  // Two hundred may be in flight: all were sent when they were due.
  close(service.p99Ms, latency.p99Ms);
  assert.deepEqual([loop.schedule?.held, loop.schedule?.sentLate], [0, 0]);
});

Deno.test("a closed loop's times hide a stall, which is one call a second to it", async () => {
  const clock = new FakeClock();
  const { loop, totals } = fakeLoad({
    clock,
    caller: stalling(clock),
    loop: CLOSED,
    length: tenSeconds,
  });
  const over = loop.run();
  await clock.runUntil(20 * SECOND);
  await over;
  const { latency, service, calls } = totals();
  // 0.9 s of each second at 0.5 ms a call, and the call that waited.
  close(calls, 10 * (1 + 900 / 0.5));
  assert.deepEqual(service, latency);
  close(latency.p99Ms, 0.5);
  close(latency.maxMs, 100.5);
});

Deno.test("an open loop past its bound in flight holds calls, and counts their wait", async () => {
  const clock = new FakeClock();
  // Nothing is answered in the first second; 1 000 calls are due then, and 100 may be in flight.
  const caller = new FakeCaller(clock, (sentMs) => ({
    endMs: Math.max(sentMs, SECOND) + 1,
    answer: "ok",
  }));
  const length = { kind: "duration", durationMs: 2 * SECOND } as const;
  const { loop, totals } = fakeLoad({ clock, caller, loop: OPEN, length });
  const over = loop.run();
  await clock.runUntil(5 * SECOND);
  await over;
  const { latency, service, calls } = totals();
  assert.equal(caller.inFlightMax, BENCH_OPEN_INFLIGHT_MAX);
  assert.equal(calls, 2_000);
  // Call 0 waited longest; held calls were sent late, which their service time does not show.
  close(latency.maxMs, 1_001);
  close(service.maxMs, 1_001);
  assert.ok(latency.p50Ms > 10 * service.p50Ms, `${latency.p50Ms}, ${service.p50Ms}`);
  const { schedule } = loop;
  assert.ok(schedule !== null && schedule.held >= 900 && schedule.sentLate === 0);
});

Deno.test("an open loop records what it could not send before its end, with the time it waited", async () => {
  const clock = new FakeClock();
  const caller = new FakeCaller(clock, () => ({ endMs: 60 * SECOND, answer: "ok" }));
  const length = { kind: "duration", durationMs: SECOND } as const;
  const { loop, totals } = fakeLoad({ clock, caller, loop: OPEN, length });
  const over = loop.run();
  await clock.runUntil(SECOND);
  loop.stop(clock.nowMs);
  await clock.runUntil(3 * SECOND);
  loop.cutOff(clock.nowMs);
  await over;
  const { latency, calls, answered, errors } = totals();
  assert.deepEqual({ calls, answered }, { calls: 1_000, answered: 0 });
  assert.deepEqual(errors, [
    { code: "NOT_SENT", count: 1_000 - BENCH_OPEN_INFLIGHT_MAX },
    { code: "CUT_OFF", count: BENCH_OPEN_INFLIGHT_MAX },
  ]);
  assert.equal(latency.count, 1_000);
  assert.equal(loop.schedule?.held, 1_000 - BENCH_OPEN_INFLIGHT_MAX);
  // Those in flight were due in the first 0.1 s and cut off at 3 s, those not sent waited from 900 to 1 ms.
  close(latency.maxMs, 3_000);
  close(latency.p50Ms, 500);
});

Deno.test("a loop that is stopped makes no more calls, and waits for those in flight", async (t) => {
  for (const kind of [CLOSED, OPEN]) {
    await t.step(kind.kind, async () => {
      const clock = new FakeClock();
      const caller = new FakeCaller(clock, (sentMs) => ({ endMs: sentMs + 5, answer: "hit" }));
      const { loop, totals } = fakeLoad({ clock, caller, loop: kind, length: tenSeconds });
      const over = loop.run();
      await clock.runUntil(SECOND);
      loop.stop(clock.nowMs);
      await clock.runUntil(2 * SECOND);
      await over;
      assert.ok(caller.sentMs.every((sentMs) => sentMs <= SECOND));
      const { hits, calls, errors } = totals();
      assert.equal(hits?.count, calls);
      assert.equal(calls, caller.sentMs.length);
      assert.deepEqual(errors, []);
    });
  }
});

Deno.test("calls of the warm-up are made and not counted", async (t) => {
  for (const kind of [CLOSED, OPEN]) {
    await t.step(kind.kind, async () => {
      const clock = new FakeClock();
      const caller = new FakeCaller(clock, (sentMs) => ({
        endMs: sentMs + (sentMs < SECOND ? 100 : 2),
        answer: "ok",
      }));
      const length = { kind: "requests", requests: 300 } as const;
      const { loop, totals } = fakeLoad({ clock, caller, loop: kind, length, warmupMs: SECOND });
      const over = loop.run();
      await clock.runUntil(5 * SECOND);
      await over;
      const { calls, latency, series } = totals();
      assert.deepEqual([calls, latency.count], [300, 300]);
      assert.ok(caller.sentMs.length > 300);
      close(latency.maxMs, 2);
      assert.deepEqual(series.map(({ second }) => second), [0]);
    });
  }
});

Deno.test("errors are counted by code; quick ones are no latencies, deadlines are", async () => {
  const clock = new FakeClock();
  const answers = ["ok", "error", new Error("INTERNAL"), new Error("DEADLINE_EXCEEDED")] as const;
  let call = 0;
  const caller = new FakeCaller(clock, (sentMs) => {
    const answer = answers[call++ % answers.length];
    const slow = answer instanceof Error && answer.message === "DEADLINE_EXCEEDED";
    return { endMs: sentMs + (slow ? 50 : 1), answer };
  });
  const length = { kind: "requests", requests: 400 } as const;
  const { loop, totals } = fakeLoad({ clock, caller, loop: OPEN, length });
  const over = loop.run();
  await clock.runUntil(5 * SECOND);
  await over;
  const { calls, answered, errors, latency, hits, misses } = totals();
  assert.deepEqual({ calls, answered }, { calls: 400, answered: 100 });
  assert.deepEqual(
    errors.map(({ code, count }) => `${code} ${count}`).sort(),
    ["DEADLINE_EXCEEDED 100", "ERROR_IN_ANSWER 100", "INTERNAL 100"],
  );
  assert.equal(latency.count, 200);
  close(latency.maxMs, 50);
  assert.deepEqual([hits, misses], [null, null]);
});

Deno.test("connections take turns in an open loop, and one that stalls is left out", async () => {
  const clock = new FakeClock();
  const caller = new FakeCaller(clock, (sentMs, connection) => ({
    endMs: connection === 0 ? 30 * SECOND : sentMs + 0.5,
    answer: "ok",
  }));
  const { loop } = fakeLoad({ clock, caller, loop: OPEN, length: tenSeconds, connections: 2 });
  const over = loop.run();
  await clock.runUntil(40 * SECOND);
  await over;
  assert.deepEqual(caller.connections.slice(0, 4), [0, 1, 0, 1]);
  // Connection 0 has its hundred after 200 calls; the others went over connection 1, on time.
  assert.ok(caller.connections.slice(200, 900).every((connection) => connection === 1));
  assert.ok(loop.schedule !== null && loop.schedule.held === 0 && loop.schedule.due === 10_000);
});

Deno.test("answers after the end of a loop are calls with their latency, but not in time", async (t) => {
  for (const kind of [CLOSED, OPEN]) {
    await t.step(kind.kind, async () => {
      const clock = new FakeClock();
      const caller = new FakeCaller(clock, (sentMs) => ({ endMs: sentMs + 400, answer: "ok" }));
      const length = { kind: "duration", durationMs: SECOND } as const;
      const { loop, totals } = fakeLoad({ clock, caller, loop: kind, length, connections: 10 });
      const over = loop.run();
      await clock.runUntil(SECOND);
      loop.stop(clock.nowMs);
      await clock.runUntil(2 * SECOND);
      await over;
      const { answered, inTime, latency } = totals();
      // Ten closed slots have made two calls by 0.8 s; of the open loop's 1 000, those due before 0.6 s.
      const expected = kind === OPEN ? [1_000, 600] : [30, 20];
      assert.deepEqual([answered, inTime, latency.count], [...expected, expected[0]]);
    });
  }
});

Deno.test("an open loop has no more calls in flight than the server takes at once", async () => {
  const clock = new FakeClock();
  const caller = new FakeCaller(clock, (sentMs) => ({ endMs: sentMs + 10, answer: "ok" }));
  const length = { kind: "requests", requests: 100 } as const;
  const load = { clock, caller, loop: OPEN, length, connections: 2, callsMax: 3 };
  const { loop, totals } = fakeLoad(load);
  const over = loop.run();
  await clock.runUntil(10 * SECOND);
  await over;
  assert.equal(caller.inFlightMax, 6);
  // Due each millisecond, six at once of 10 ms: they wait for the server, not for us, and that is told.
  assert.ok(loop.schedule !== null && loop.schedule.held > 80 && loop.schedule.sentLate === 0);
  close(totals().service.maxMs, 10);
});

Deno.test("calls that are given up count in the second in which they were due", async (t) => {
  for (const kind of [CLOSED, OPEN]) {
    await t.step(kind.kind, async () => {
      const clock = new FakeClock();
      // The server is gone from 1.5 s on; a hundred calls fit in flight.
      const caller = new FakeCaller(clock, (sentMs) => ({
        endMs: sentMs < 1.5 * SECOND ? sentMs + 1 : 60 * SECOND,
        answer: "ok",
      }));
      const length = { kind: "duration", durationMs: 4 * SECOND } as const;
      const { loop, totals } = fakeLoad({ clock, caller, loop: kind, length });
      const over = loop.run();
      await clock.runUntil(4 * SECOND);
      loop.stop(clock.nowMs);
      await clock.runUntil(9 * SECOND);
      loop.cutOff(clock.nowMs);
      await over;
      const { series, calls, errors, latency } = totals();
      const given = errors.reduce((sum, { count }) => sum + count, 0);
      assert.deepEqual(
        series.map(({ second, calls, errors }) => [second, calls, errors]),
        kind.kind === "open"
          ? [[0, 999, 0], [1, 1001, 500], [2, 1000, 1000], [3, 1000, 1000]]
          : [[0, 999, 0], [1, 502, 1]],
      );
      assert.equal(series.reduce((sum, second) => sum + second.calls, 0), calls);
      assert.equal(series.reduce((sum, second) => sum + second.errors, 0), given);
      assert.equal(latency.count, calls);
      if (kind.kind === "closed") return;
      // What was due in second 1 and answered took 1 ms; half of it was not.
      assert.ok(series[1].p50Ms < 1.01 && series[1].p99Ms > 7 * SECOND, `${series[1].p99Ms}`);
      assert.ok(series[3].p50Ms > 400 && series[3].p50Ms < 600, `${series[3].p50Ms}`);
    });
  }
});

Deno.test("calls are counted by what the server's trailers tell of its cache and its time", async () => {
  const told: readonly (readonly [answer: Outcome, cache: string])[] = [
    // An answer that tells is believed, but that it was coalesced it cannot tell.
    ...[["hit", "miss"], ["miss", "hit"], ["miss", "coalesced"], ["hit", "coalesced"]] as const,
    ...[["ok", "hit"], ["ok", "miss"], ["ok", "coalesced"], ["ok", "?"], ["error", "hit"]] as const,
  ];
  const clock = new FakeClock();
  let calls = 0;
  const caller = new FakeCaller(clock, (sentMs) => {
    const [answer, cache] = told[calls++];
    const trailers = [
      { name: "cache", value: cache },
      { name: "server-timing", value: `queue;dur=${calls}` },
    ];
    return { endMs: sentMs + 1, answer, trailers };
  });
  const length = { kind: "requests", requests: told.length } as const;
  const { loop, totals } = fakeLoad({ clock, caller, loop: CLOSED, length });
  const over = loop.run();
  await clock.runUntil(SECOND);
  await over;
  const { hits, misses, coalesced, latency, server, errors } = totals();
  assert.deepEqual([hits?.count, misses?.count, coalesced?.count, latency.count], [2, 2, 3, 8]);
  assert.deepEqual(errors, [{ code: "ERROR_IN_ANSWER", count: 1 }]);
  // What an error took the server is no time of an answer.
  assert.deepEqual([server?.queue?.count, server?.compute, server?.cache], [8, null, null]);
  close(server?.queue?.maxMs ?? 0, 8);
});

Deno.test("a call whose answer has no trailers is not told of by those of the slot's last one", async () => {
  const clock = new FakeClock();
  let calls = 0;
  const caller = new FakeCaller(clock, (sentMs) => ({
    endMs: sentMs + 1,
    answer: "ok",
    ...(calls++ === 0 ? { trailers: [{ name: "cache", value: "hit" }] } : {}),
  }));
  const length = { kind: "requests", requests: 10 } as const;
  const { loop, totals } = fakeLoad({ clock, caller, loop: CLOSED, length });
  const over = loop.run();
  await clock.runUntil(SECOND);
  await over;
  assert.deepEqual([totals().hits?.count, totals().latency.count], [1, 10]);
});

Deno.test("each call of several workloads is made, and counted, as what was drawn", async (t) => {
  for (const loop of [CLOSED, OPEN]) {
    await t.step(loop.kind, async () => {
      const clock = new FakeClock();
      const quick = new FakeCaller(clock, (sentMs) => ({ endMs: sentMs + 1, answer: "ok" }));
      const broken = new FakeCaller(clock, (sentMs) => ({
        endMs: sentMs + 2,
        answer: new Error("INTERNAL"),
      }));
      let drawn = 0;
      const running = fakeLoad({
        ...{ clock, loop, caller: quick, others: [broken] },
        length: { kind: "requests", requests: 40 },
        draw: () => drawn++ % 4 === 3 ? 1 : 0,
      });
      const over = running.loop.run();
      await clock.runUntil(SECOND);
      await over;
      const { workloads, calls } = running.totals();
      assert.deepEqual([quick.sentMs.length, broken.sentMs.length, calls], [30, 10, 40]);
      assert.deepEqual(
        workloads.map(({ calls, errors, latency: { count } }) => [calls, errors, count]),
        [[30, [], 30], [10, [{ code: "INTERNAL", count: 10 }], 0]],
      );
    });
  }
});

Deno.test("calls that an open loop never sent are of the workloads that they would have been", async () => {
  const clock = new FakeClock();
  const never = new FakeCaller(clock, () => ({ endMs: Infinity, answer: "ok" }));
  let drawn = 0;
  const { loop, totals } = fakeLoad({
    ...{ clock, caller: never, others: [never], loop: OPEN, length: tenSeconds },
    draw: () => drawn++ % 4 === 3 ? 1 : 0,
  });
  const over = loop.run();
  await clock.runUntil(10 * SECOND);
  loop.cutOff(10 * SECOND);
  await over;
  const { workloads, calls } = totals();
  assert.equal(calls, 10_000);
  assert.deepEqual(workloads.map(({ calls }) => calls), [7_500, 2_500]);
});
