import assert from "node:assert/strict";
import { benchReportSchema } from "../../lib/bench/report_schema.ts";
import { modelServerMethods } from "../../lib/services/modelserver_contract.ts";
import { addModelServer, type ModelServerBackend } from "../../lib/services/modelserver_service.ts";
import { startServerProcess } from "../../tasks/server_process.ts";
import { TestServer } from "../grpc/test_server.ts";
import { ALL_PROGRAMS, run } from "./programs.ts";

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
      });
    },
  );

  Deno.test({
    name: `${name}: client bench that is interrupted reports what it has measured`,
    ignore: missing || Deno.build.os === "windows",
  }, async () => {
    const enough = Promise.withResolvers<void>();
    let calls = 0;
    const backend: ModelServerBackend = {
      setCoefs() {},
      predict() {
        if (++calls === 100) enough.resolve();
        return { output: 0, cacheHit: false };
      },
    };
    await using running = new TestServer({}, {
      register: (registry) => addModelServer(registry, modelServerMethods(), backend),
    });
    const target = `${running.listen()}`;
    const { program, args, env = {}, cwd } = client;
    const child = new Deno.Command(program, {
      args: [...args, "bench", target, "--duration", "1h", "--warmup", "0s", "--output", "json"],
      env,
      clearEnv: env.PATH === "",
      ...(cwd === undefined ? {} : { cwd }),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = child.output();
    await enough.promise;
    child.kill("SIGINT");
    const { code, stdout } = await output;
    assert.equal(code, 0);
    const report = benchReportSchema.parse(JSON.parse(new TextDecoder().decode(stdout)));
    assert.ok(report.calls > 0 && report.elapsedMs < 3_600_000);
    assert.deepEqual(report.errors, []);
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
