import assert from "node:assert/strict";
import type { Caller } from "../../lib/bench/caller.ts";
import type { LoadLength, LoadLoop, LoadPlan } from "../../lib/bench/load_plan.ts";
import { RunTally, type RunTotals } from "../../lib/bench/run_tally.ts";
import { ThreadLoad, type ThreadResult } from "../../lib/bench/thread_load.ts";
import { sumTraffic } from "../../lib/grpc/channel_traffic.ts";
import { codeName, GrpcError } from "../../lib/grpc/status.ts";
import { echo, type EchoHandlers, mayUseNet, type Note, TestServer } from "../grpc/test_server.ts";

const ignore = !mayUseNet;
const STALL_MS = 100;

/** Answers at once, but nothing in the first 100 ms of each second. */
const STALLING: EchoHandlers = {
  unary: async (note) => {
    const intoSecondMs = performance.now() % 1_000;
    if (intoSecondMs < STALL_MS) {
      await new Promise((resolve) => setTimeout(resolve, STALL_MS - intoSecondMs));
    }
    return note;
  },
};

interface Ran {
  readonly totals: RunTotals;
  readonly result: ThreadResult;
}

interface RunOptions {
  readonly loop: LoadLoop;
  readonly length: LoadLength;
  readonly warmupMs?: number;
  /** Has the load once it runs. */
  readonly meanwhile?: (load: ThreadLoad<Note>, server: TestServer) => void;
}

/** One thread's load on a server of ours, over TCP. */
async function run(
  handlers: EchoHandlers,
  { loop, length, warmupMs = 0, meanwhile }: RunOptions,
): Promise<Ran> {
  await using server = new TestServer(handlers);
  const port = server.listen();
  const channels = [server.tcpChannel(port), server.tcpChannel(port)];
  await Promise.all(channels.map((channel) => channel.connect()));
  const caller: Caller<Note> = {
    call: (connection) =>
      channels[connection].unary(echo.unary, { text: "x" }, { timeoutMs: 5_000 }),
    outcomeOf: () => "ok",
    codeOf: (error) => codeName((error as GrpcError).code),
  };
  const plan: LoadPlan = {
    workload: { kind: "random" },
    loop,
    length,
    connections: channels.length,
    threads: 1,
    warmupMs,
    deadlineMs: 5_000,
    seed: 1,
  };
  const tally = new RunTally(1, () => {});
  const load = new ThreadLoad({
    plan,
    thread: 0,
    callers: [caller],
    callsMax: Math.min(...channels.map(({ callsMax }) => callsMax)),
    traffic: () => sumTraffic(channels.map(({ traffic }) => traffic)),
    beginMs: performance.now(),
    onSecond: (record) => tally.add(record),
  });
  const running = load.run();
  meanwhile?.(load, server);
  const result = await running;
  return { totals: tally.totals(), result };
}

Deno.test({
  name: "an open loop charges a real server's stall to every call due meanwhile",
  ignore,
}, async () => {
  const loop = { kind: "open", ratePerSecond: 500, arrivals: "constant" } as const;
  const { totals, result } = await run(STALLING, {
    loop,
    length: { kind: "duration", durationMs: 2_000 },
  });
  assert.deepEqual([totals.calls, totals.answered], [1_000, 1_000]);
  assert.equal(result.schedule?.due, 1_000);
  // A tenth of the calls wait up to 100 ms: whatever this machine adds, the hundredth slowest waits 80.
  assert.ok(totals.latency.p99Ms > 80, `${totals.latency.p99Ms}`);
  assert.ok(totals.latency.maxMs >= STALL_MS - 5, `${totals.latency.maxMs}`);
});

Deno.test({ name: "a closed loop meets each stall once a slot", ignore }, async () => {
  const { totals } = await run(STALLING, {
    loop: { kind: "closed", inflight: 1 },
    length: { kind: "duration", durationMs: 2_000 },
  });
  assert.equal(totals.latency.count, totals.calls);
  // Two slots and two or three stalls; of an open loop's calls a tenth waits.
  const quick = totals.latency.curve.findLast(({ valueMs }) => valueMs < STALL_MS * 0.8);
  assert.ok(quick !== undefined && totals.calls - quick.count < totals.calls / 10);
  assert.deepEqual(totals.service, totals.latency);
});

Deno.test(
  { name: "a run of a number of calls makes that many, and counts their bytes", ignore },
  async () => {
    const { totals, result } = await run({ unary: (note) => note }, {
      loop: { kind: "closed", inflight: 3 },
      length: { kind: "requests", requests: 500 },
    });
    assert.deepEqual([totals.calls, totals.answered], [500, 500]);
    // A request is two frames of nine bytes with a message of five and three.
    assert.ok(result.bytesSent > 500 * (9 + 9 + 8), `${result.bytesSent}`);
    assert.ok(result.bytesReceived > 500 * (9 + 9 + 8 + 9), `${result.bytesReceived}`);
    assert.ok(result.elapsedMs > 0);
  },
);

Deno.test(
  { name: "a server that goes away is errors by code, and the run ends as asked", ignore },
  async (t) => {
    const loops = [
      { kind: "closed", inflight: 2 },
      { kind: "open", ratePerSecond: 200, arrivals: "poisson" },
    ] as const;
    for (const loop of loops) {
      await t.step(loop.kind, async () => {
        let answered = 0;
        const gone = Promise.withResolvers<void>();
        const handlers: EchoHandlers = {
          unary: (note) => {
            if (++answered === 50) gone.resolve();
            return note;
          },
        };
        const { totals } = await run(handlers, {
          loop,
          length: { kind: "duration", durationMs: 1_000 },
          meanwhile: (_, server) => {
            gone.promise.then(() => server.server.close());
          },
        });
        assert.ok(totals.answered >= 50);
        assert.deepEqual(totals.errors.map(({ code }) => code), ["UNAVAILABLE"]);
        assert.equal(totals.latency.count, totals.answered);
      });
    }
  },
);

Deno.test({ name: "a run that is stopped reports what it has measured", ignore }, async () => {
  const enough = Promise.withResolvers<void>();
  let calls = 0;
  const handlers: EchoHandlers = {
    unary: (note) => {
      if (++calls === 100) enough.resolve();
      return note;
    },
  };
  const { totals, result } = await run(handlers, {
    loop: { kind: "open", ratePerSecond: 1_000, arrivals: "constant" },
    length: { kind: "duration", durationMs: 3_600_000 },
    meanwhile: (load) => {
      enough.promise.then(() => load.stop());
    },
  });
  assert.ok(totals.answered >= 99 && totals.errors.length === 0);
  assert.ok(result.elapsedMs < 3_600_000);
});

Deno.test(
  { name: "a call that never ends is cut off after the run, and counted", ignore },
  async () => {
    const handlers: EchoHandlers = { unary: (_, { signal }) => until(signal) };
    const { totals } = await run(handlers, {
      loop: { kind: "closed", inflight: 1 },
      length: { kind: "duration", durationMs: 3_600_000 },
      meanwhile: (load) => setTimeout(() => load.stop(), 50),
    });
    assert.deepEqual(totals.errors, [{ code: "CUT_OFF", count: 2 }]);
    assert.equal(totals.latency.count, 2);
  },
);

/** Ends when the call is over. */
function until(signal: AbortSignal): Promise<Note> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve({})));
}
