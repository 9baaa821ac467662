import assert from "node:assert/strict";
import type { BenchCommand, BenchMessage } from "../../lib/bench/bench_protocol.ts";
import { runBench } from "../../lib/bench/bench_run.ts";
import type { BenchThreadHandle } from "../../lib/bench/bench_threads.ts";
import { LatencyHistogram } from "../../lib/bench/latency_histogram.ts";
import type { LoadPlan } from "../../lib/bench/load_plan.ts";
import type { SecondRecord } from "../../lib/bench/second_record.ts";

const PLAN: LoadPlan = {
  workload: { kind: "random" },
  loop: { kind: "open", ratePerSecond: 1_000, arrivals: "constant" },
  length: { kind: "duration", durationMs: 1_000 },
  connections: 1,
  threads: 1,
  warmupMs: 0,
  deadlineMs: 1_000,
  seed: 1,
};

/** A second with so many answers of 1 ms. */
function record(second: number, answered: number, inTime: number): SecondRecord {
  const histogram = new LatencyHistogram();
  for (let i = 0; i < answered; i++) histogram.record(1);
  const others = histogram.encode();
  const none = histogram.encode();
  const errors = {};
  return {
    second,
    isLast: false,
    answered,
    inTime,
    errors,
    late: [],
    hits: none,
    misses: none,
    others,
    service: null,
    coalesced: none,
    server: null,
    workloads: [],
  };
}

/** A thread that tells what it is given as soon as it is to run. */
function fakeThread(messages: readonly BenchMessage[]): BenchThreadHandle {
  const handle: BenchThreadHandle = {
    onmessage: null,
    onerror: null,
    terminate() {},
    postMessage(command: BenchCommand) {
      if (command.type === "stop") return;
      const told = command.type === "prepare" ? [{ type: "ready" } as const] : messages;
      for (const data of told) handle.onmessage?.(new MessageEvent("message", { data }));
    },
  };
  return handle;
}

Deno.test("runBench() has in the rate the answers of its window alone, and all in the calls", async () => {
  const { report, answered } = await runBench({
    spawn: () =>
      fakeThread([
        { type: "second", record: record(0, 600, 600) },
        { type: "second", record: record(1, 400, 0) },
        {
          type: "done",
          result: {
            elapsedMs: 1_000,
            schedule: { due: 1_000, sentLate: 0, held: 0 },
            callsMax: 100,
            lag: { ticks: 100, lateTicks: 0, maxMs: 1 },
            bytesSent: 1,
            bytesReceived: 1,
          },
        },
      ]),
    address: { hostname: "localhost", port: 1, credentials: {} },
    plan: PLAN,
    target: "1",
    client: { version: "0", deno: "0", processors: 1 },
    signal: new AbortController().signal,
  });
  assert.equal(answered, 1_000);
  assert.equal(report.offeredPerSecond, 1_000);
  assert.equal(report.achievedPerSecond, 600);
  assert.deepEqual([report.calls, report.latency.count], [1_000, 1_000]);
});

Deno.test("runBench() that is stopped while threads connect ends at once, and ends them", async () => {
  const interruption = new AbortController();
  let ended = 0;
  const spawn = (): BenchThreadHandle => ({
    ...{ onmessage: null, onerror: null },
    // Its server takes the connection and says nothing.
    postMessage: ({ type }) => type === "prepare" && interruption.abort(),
    terminate: () => ended++,
  });
  const run = runBench({
    spawn,
    address: { hostname: "localhost", port: 1, credentials: {} },
    plan: { ...PLAN, connections: 2, threads: 2 },
    target: "1",
    client: { version: "0", deno: "0", processors: 1 },
    signal: interruption.signal,
  });
  await assert.rejects(run, { code: "unavailable", message: "stopped by a signal" });
  assert.equal(ended, 2);
});
