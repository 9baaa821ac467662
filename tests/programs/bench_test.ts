import assert from "node:assert/strict";
import type { BenchReport } from "../../lib/bench/report.ts";
import { benchReportSchema } from "../../lib/bench/report_schema.ts";
import { modelServerMethods } from "../../lib/services/modelserver_contract.ts";
import { addModelServer, type ModelServerBackend } from "../../lib/services/modelserver_service.ts";
import { type ServerCommand, startServerProcess } from "../../tasks/server_process.ts";
import { makeReport } from "../bench/made_report.ts";
import { TestServer } from "../grpc/test_server.ts";
import { ALL_PROGRAMS, run } from "./programs.ts";

/** A server of ours in this process. @param onPredict is told of each call; what it throws fails the call */
function fakeServer(onPredict: () => void): TestServer {
  const backend: ModelServerBackend = {
    setCoefs() {},
    predict() {
      onPredict();
      return { output: 0, cacheHit: false };
    },
  };
  return new TestServer({}, {
    register: (registry) => addModelServer(registry, modelServerMethods(), backend),
  });
}

/** What a scripted server tells of one call, and how it answers. */
interface Script {
  readonly hit: boolean;
  readonly cache?: string;
  readonly timing?: string;
}

/** A server in this process that tells what the script says, one entry for each Predict in turn, over and over. */
function scriptedServer(script: readonly Script[]): TestServer {
  let calls = 0;
  const methods = modelServerMethods();
  return new TestServer({}, {
    register: (registry) => {
      registry.add(methods.setCoefs, (_, call) => {
        call.trailers.append("cache", calls++ % 2 === 0 ? "hit" : "miss");
        return { success: true, error: "" };
      });
      registry.add(methods.predict, (_, call) => {
        const { hit, cache, timing } = script[calls++ % script.length];
        if (cache !== undefined) call.trailers.append("cache", cache);
        if (timing !== undefined) call.trailers.append("server-timing", timing);
        return { output: 1, cache_hit: hit, error: "" };
      });
    },
  });
}

function spawnBench(client: ServerCommand, more: readonly string[]): Deno.ChildProcess {
  const { program, args, env = {}, cwd } = client;
  return new Deno.Command(program, {
    args: [...args, "bench", ...more],
    env,
    clearEnv: env.PATH === "",
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

for (const { name, server, client, missing } of ALL_PROGRAMS) {
  Deno.test(
    { name: `${name}: client bench reports a load as JSON`, ignore: missing },
    async (t) => {
      await using running = await startServerProcess(server, ["--threads", "1"]);
      const bench = async (...args: string[]) => {
        const { code, stdout, stderr } = await run(client, [
          "bench",
          `${running.port}`,
          "--output",
          "json",
          "--warmup",
          "100ms",
          ...args,
        ]);
        assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
        return benchReportSchema.parse(JSON.parse(stdout));
      };
      await t.step("closed loop of a number of requests, on two threads", async () => {
        const args = ["--requests", "501", "--connections", "4", "--threads", "2", "--seed", "3"];
        const report = await bench(...args, "--distinct", "5");
        assert.deepEqual([report.calls, report.latency.count, report.errors], [501, 501, []]);
        assert.equal((report.hits?.count ?? 0) + (report.misses?.count ?? 0), 501);
        assert.ok((report.hits?.count ?? 0) > 400);
        assert.equal(report.series.reduce((sum, { calls }) => sum + calls, 0), 501);
        assert.ok(report.bytesSent > 501 * 50 && report.bytesReceived > 501 * 10);
        const { threads, seed, distinct, requests, loop } = report.options;
        assert.deepEqual([threads, seed, distinct, requests, loop], [2, 3, 5, 501, "closed"]);
      });
      await t.step("open loop for a time", async () => {
        const report = await bench("--rate", "200", "--arrivals", "poisson", "--duration", "1s");
        assert.ok(report.calls > 100 && report.calls < 300, `${report.calls}`);
        assert.ok(Math.abs((report.offeredPerSecond ?? 0) - report.calls) < 1);
      });
      await t.step("a constant rate is exact", async () => {
        const report = await bench("--rate", "100", "--duration", "500ms", "--method", "set-coefs");
        assert.equal(report.calls, 50);
        assert.deepEqual([report.hits, report.misses], [null, null]);
      });
      await t.step("workloads", async () => {
        const random = await bench("--workload", "random", "--requests", "200");
        assert.deepEqual([random.calls, random.errors], [200, []]);
        assert.ok((random.hits?.count ?? 0) > 0 && (random.misses?.count ?? 0) > 0);
        const file = new URL("../../workload.json", import.meta.url).pathname;
        const repeated = await bench("--workload", file, "--requests", "60", "--connections", "1");
        assert.equal(repeated.calls, 60);
        assert.equal(repeated.options.workload, file);
        const numstore = await bench("--workload", "numstore", "--requests", "200");
        // Over several connections a key may be asked for before it is set.
        const failed = numstore.errors.map(({ code }) => code);
        assert.ok(failed.every((code) => code === "ERROR_IN_ANSWER"), `${failed}`);
        assert.ok(numstore.calls === 200 && (numstore.hits?.count ?? 0) > 0);
      });
      await t.step("several workloads by weight, the same for the same seed", async () => {
        const mix = async (...args: string[]) => {
          const list = "random:3,numstore:1,predict:0.5";
          return await bench("--workload", list, "--seed", "3", "--warmup", "0s", ...args);
        };
        const length = ["--requests", "2000", "--connections", "4", "--threads", "2"];
        const report = await mix(...length);
        const counts = ({ workloads }: BenchReport) =>
          workloads?.map(({ workload, weight, calls }) => [workload, weight, calls] as const) ?? [];
        const sum = counts(report).reduce((sum, [, , calls]) => sum + calls, 0);
        assert.deepEqual([sum, report.calls], [2_000, 2_000]);
        assert.equal(report.options.workload, "random:3,numstore:1,predict:0.5");
        assert.deepEqual([report.options.inputs, report.options.distinct], [10, 1]);
        for (const [workload, weight, calls] of counts(report)) {
          const share = weight / 4.5;
          const spread = Math.sqrt(2_000 * share * (1 - share));
          assert.ok(Math.abs(calls - 2_000 * share) < 6 * spread, `${workload}: ${calls}`);
        }
        assert.deepEqual(counts(await mix(...length)), counts(report));
        const open = await mix("--rate", "400", "--duration", "500ms");
        assert.deepEqual([open.calls, open.workloads?.length], [200, 3]);
      });
      await t.step("methods with keys", async () => {
        for (const method of ["set-num", "fact"]) {
          const report = await bench("--method", method, "--distinct", "5", "--requests", "50");
          assert.deepEqual([report.calls, report.errors, report.options.workload], [
            50,
            [],
            method,
          ]);
        }
      });
    },
  );

  Deno.test({
    name: `${name}: client bench that is interrupted reports what it has measured`,
    ignore: missing || Deno.build.os === "windows",
  }, async () => {
    const enough = Promise.withResolvers<void>();
    let calls = 0;
    await using running = fakeServer(() => {
      if (++calls === 100) enough.resolve();
    });
    const args = ["--duration", "1h", "--warmup", "0s", "--output", "json"];
    const child = spawnBench(client, [`${running.listen()}`, ...args]);
    const output = child.output();
    await enough.promise;
    child.kill("SIGINT");
    const { code, stdout } = await output;
    assert.equal(code, 0);
    const report = benchReportSchema.parse(JSON.parse(new TextDecoder().decode(stdout)));
    assert.ok(report.calls > 0 && report.elapsedMs < 3_600_000);
    assert.deepEqual(report.errors, []);
    assert.match(report.warnings[0], /^Ended by a signal after [\d.]+ s of 3600 s$/);
  });

  Deno.test({
    name: `${name}: client bench that is interrupted before the server answers ends at once`,
    ignore: missing || Deno.build.os === "windows",
  }, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const child = spawnBench(client, [`${listener.addr.port}`]);
    const output = child.output();
    using _connection = await listener.accept();
    child.kill("SIGINT");
    const { signal, stdout } = await output;
    assert.deepEqual([signal, stdout.length], ["SIGINT", 0]);
  });

  Deno.test({
    name: `${name}: client bench --sweep that is interrupted keeps the points before`,
    ignore: missing || Deno.build.os === "windows",
  }, async () => {
    const enough = Promise.withResolvers<void>();
    let calls = 0;
    await using running = fakeServer(() => {
      if (++calls === 50) enough.resolve();
    });
    const loads = Array.from({ length: 64 }, (_, index) => index + 1).join();
    const args = ["--requests", "20", "--warmup", "0s", "--threads", "1", "--sweep", loads];
    const child = spawnBench(client, [`${running.listen()}`, ...args]);
    const output = child.output();
    await enough.promise;
    child.kill("SIGINT");
    const { code, stdout, stderr } = await output;
    const text = new TextDecoder().decode(stdout);
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.match(text, /^connections .*\n1 +[\d ]+0 %/);
    assert.match(text, /\nstopped by a signal: later loads are missing\n$/);
  });

  Deno.test({ name: `${name}: client bench --sweep and --slo`, ignore: missing }, async (t) => {
    await t.step("a sweep of connections", async () => {
      await using running = fakeServer(() => {});
      const args = ["--sweep", "1,2,4", "--duration", "200ms", "--warmup", "0s"];
      const { code, stdout, stderr } = await run(client, ["bench", `${running.listen()}`, ...args]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^connections .*\n1 .*\n2 .*\n4 .*\n\n(no )?knee: .*\n/);
      assert.deepEqual(
        stderr.split("\n").flatMap((line) => /^(\d+) connections: /.exec(line)?.[1] ?? []),
        ["1", "2", "4"],
      );
    });
    await t.step("an objective that some rate keeps", async () => {
      let calls = 0;
      // The first run's two calls are answered, all later ones are not.
      await using running = fakeServer(() => {
        if (++calls > 2) throw new Error("Broken");
      });
      const args = ["--slo", "p99=10s", "--rate", "10", "--duration", "200ms", "--warmup", "0s"];
      const { code, stdout, stderr } = await run(client, ["bench", `${running.listen()}`, ...args]);
      assert.equal(code, 0, stderr);
      assert.match(
        stdout,
        /^p99 within 10 000 ms: kept up to 10 calls\/s; 11 calls\/s broke it twice/,
      );
      assert.match(stderr, /^run 1: .*: kept\n(! .*\n)*run 2: 20 calls\/s due, .*: \w+/);
    });
    await t.step("an objective that none keeps", async () => {
      await using running = fakeServer(() => {
        throw new Error("Broken");
      });
      const args = ["--slo", "p50=1s", "--rate", "2", "--duration", "100ms", "--warmup", "0s"];
      const { code, stdout } = await run(client, ["bench", `${running.listen()}`, ...args]);
      assert.equal(code, 1);
      assert.match(
        stdout,
        /no rate that was tried kept it; .*\(ended at the lowest rate, 4 runs\)/,
      );
    });
  });

  Deno.test({ name: `${name}: client bench --output`, ignore: missing }, async (t) => {
    await using running = fakeServer(() => {});
    const target = `${running.listen()}`;
    const forms: readonly (readonly [string, RegExp])[] = [
      ["html", /^<!doctype html>[^]*<\/html>\n$/i],
      ["csv", /^second,[^\n]*\n0,50,[^]*\n$/],
      ["hdr", /^ +Value +Percentile +TotalCount [^]* 50 [^]*\n$/],
    ];
    for (const [form, text] of forms) {
      await t.step(form, async () => {
        const args = ["--requests", "50", "--warmup", "0s", "--output", form];
        const { code, stdout, stderr } = await run(client, ["bench", target, ...args]);
        assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
        assert.match(stdout, text);
      });
    }
  });

  Deno.test({
    name: `${name}: client bench reports what a server tells of its own time and cache`,
    ignore: missing,
  }, async (t) => {
    const bench = async (server: TestServer, ...more: string[]) => {
      const load = ["--requests", "400", "--connections", "4", "--threads", "2", "--warmup", "0s"];
      const target = `${server.listen()}`;
      const { code, stdout, stderr } = await run(client, ["bench", target, ...load, ...more]);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      return stdout;
    };
    const script = [
      { hit: false, cache: "miss", timing: "queue;dur=0.5, compute;dur=4, total;dur=9" },
      { hit: true, cache: "hit", timing: "cache;dur=0.25" },
      { hit: false, cache: "coalesced", timing: "queue;dur=1.5, compute;dur=2" },
      { hit: false, timing: "queue;dur=x, ;;," },
    ];
    await t.step("as JSON", async () => {
      await using server = scriptedServer(script);
      const report = JSON.parse(await bench(server, "--output", "json"));
      assert.equal(report.schema, "modelserver-bench/2");
      const counts = [report.hits, report.misses, report.coalesced].map(({ count }) => count);
      assert.deepEqual(counts, [100, 200, 100]);
      const { queue, compute, cache } = report.server;
      assert.deepEqual([queue, compute, cache].map(({ count }) => count), [200, 200, 100]);
      const about = (found: number, expected: number) =>
        assert.ok(Math.abs(found / expected - 1) < 2e-3, `${found}, expected ${expected}`);
      for (const [times, low, mean, high] of [[queue, 0.5, 1, 1.5], [compute, 2, 3, 4]]) {
        about(times.minMs, low);
        about(times.p50Ms, low);
        about(times.meanMs, mean);
        about(times.p99Ms, high);
      }
      about(cache.maxMs, 0.25);
    });
    await t.step("as a table", async () => {
      await using server = scriptedServer(script);
      const text = await bench(server);
      assert.match(
        text,
        /\ncoalesced 25 % .*\n\nserver, ms +min .*\nqueue 50 % +0\.500 .*\ncompute 50 % .*\ncache 25 % /,
      );
    });
    await t.step("of a method whose answer tells nothing of the cache", async () => {
      await using server = scriptedServer(script);
      const report = JSON.parse(await bench(server, "--method", "set-coefs", "--output", "json"));
      assert.deepEqual([report.hits.count, report.misses.count], [200, 200]);
      assert.deepEqual([report.coalesced, report.server], [null, null]);
    });
  });

  Deno.test({ name: `${name}: client bench diff`, ignore: missing }, async (t) => {
    const folder = await Deno.makeTempDir();
    const file = async (name: string, report: BenchReport) => {
      await Deno.writeTextFile(`${folder}/${name}.json`, JSON.stringify(report));
      return `${folder}/${name}.json`;
    };
    const good = await file("good", makeReport());
    const slow = await file("slow", makeReport({ p50Ms: 2 }));
    const diff = (...args: string[]) => run(client, ["bench", "diff", ...args]);
    await t.step("the same report", async () => {
      const { code, stdout, stderr } = await diff(good, good, "--fail-over", "0%");
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      assert.match(stdout, /^figure +before +after /);
    });
    await t.step("worse, by more than it may", async () => {
      const { code, stderr } = await diff(good, slow, "--fail-over", "5%");
      assert.equal(code, 1);
      assert.match(stderr, /^client bench: latency p50 got worse by 100 %: [^\n]*\n/);
    });
    await t.step("worse, which may be", async () => {
      for (const more of [[], ["--fail-over", "150%"]]) {
        const { code, stdout, stderr } = await diff(good, slow, ...more);
        assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
        assert.match(stdout, /\nlatency p50 .* worse\n/);
      }
    });
    await t.step("no report, and misuse", async () => {
      const { code, stdout } = await diff(good, `${folder}/none.json`);
      assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
      assert.equal((await diff(good)).code, 2);
    });
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test({ name: `${name}: client bench prints a table`, ignore: missing }, async () => {
    await using running = await startServerProcess(server, ["--threads", "1"]);
    const args = ["bench", `${running.port}`, "--requests", "100", "--warmup", "0s"];
    const { code, stdout, stderr } = await run(client, args);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    assert.match(stdout, /^predict on \d+, closed loop .*\n\n100 calls in /);
    assert.match(stdout, /\nlatency +[\d.]+/);
  });

  Deno.test(
    { name: `${name}: client bench without an answer exits 1, misused 2`, ignore: missing },
    async (t) => {
      await t.step("no call succeeds", async () => {
        await using running = await startServerProcess(server, ["--threads", "1"]);
        const folder = await Deno.makeTempDir();
        const file = `${folder}/w.json`;
        const request = { type: "Predict", value: { inputs: [1, 2, 3] } };
        await Deno.writeTextFile(file, JSON.stringify({ requests: [request] }));
        const args = ["bench", `${running.port}`, "--workload", file, "--requests", "10"];
        const { code, stdout } = await run(client, args);
        await Deno.remove(folder, { recursive: true });
        assert.equal(code, 1);
        assert.match(stdout, /ERROR_IN_ANSWER +10\n/);
      });
      await t.step("no server", async () => {
        const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        const { port } = listener.addr;
        listener.close();
        const { code, stdout, stderr } = await run(client, ["bench", `${port}`]);
        assert.deepEqual({ code, stdout }, { code: 1, stdout: "" });
        assert.match(stderr, /^client: Cannot connect to 127\.0\.0\.1:\d+: [^\n]*refused[^\n]*\n$/);
      });
      await t.step("wrong flag", async () => {
        const { code, stdout, stderr } = await run(client, ["bench", "5440", "--rates", "1"]);
        assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
        assert.match(stderr, /Usage: client bench/);
      });
      await t.step("--help", async () => {
        const { code, stdout } = await run(client, ["bench", "--help"]);
        assert.equal(code, 0);
        assert.match(stdout, /^Usage: client bench/);
      });
    },
  );
}
