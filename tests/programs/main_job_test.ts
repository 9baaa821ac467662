import assert from "node:assert/strict";
import { startServerProcess } from "../../tasks/server_process.ts";
import { ALL_PROGRAMS, run } from "./programs.ts";

const WORKLOAD = new URL("../../workload.json", import.meta.url).pathname;

const WORKLOAD_OUTPUT = `success: true

output: 14

output: 14
cache_hit: true

output: 14
cache_hit: true

output: 20

error: "Cannot predict: 2 inputs, 3 coefficients"

`;

for (const { name, server, client, missing } of ALL_PROGRAMS) {
  Deno.test(
    { name: `${name}: the file workload prints every response`, ignore: missing },
    async () => {
      await using running = await startServerProcess(server);
      const { code, stdout, stderr } = await run(client, [`127.0.0.1:${running.port}`, WORKLOAD]);
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: WORKLOAD_OUTPUT, stderr: "" });
    },
  );

  Deno.test({
    name: `${name}: the random workload prints its statistics and nothing else`,
    ignore: missing,
  }, async () => {
    await using running = await startServerProcess(server);
    const hitRates: number[] = [];
    for (const seed of [1, 2, 3]) {
      const { code, stdout, stderr } = await run(client, [`${running.port}`, "--seed", `${seed}`]);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      const statistics = JSON.parse(stdout) as Record<string, number>;
      assert.equal(stdout, `${JSON.stringify(statistics, null, 4)}\n`);
      assert.deepEqual(Object.keys(statistics), [
        "cache_hit_rate",
        "p50_response_time",
        "p99_response_time",
      ]);
      assert.ok(statistics.p50_response_time > 0);
      assert.ok(statistics.p99_response_time >= statistics.p50_response_time);
      hitRates.push(statistics.cache_hit_rate);
    }
    // Calls interleave by chance: 99 % of single runs fall between the bounds, and the mean of three
    // does but for one time in 100 000.
    const mean = hitRates.reduce((sum, rate) => sum + rate) / hitRates.length;
    assert.ok(mean >= 0.252 && mean <= 0.289, `hit rates ${hitRates}`);
  });

  Deno.test({
    name: `${name}: the numstore workload prints its statistics and nothing else`,
    ignore: missing,
  }, async () => {
    await using running = await startServerProcess(server);
    const hitRates: number[] = [];
    for (const seed of [1, 2, 3]) {
      const flags = ["--workload", "numstore", "--seed", `${seed}`];
      const { code, stdout, stderr } = await run(client, [`${running.port}`, ...flags]);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
      const statistics = JSON.parse(stdout) as Record<string, number>;
      assert.equal(stdout, `${JSON.stringify(statistics, null, 4)}\n`);
      const { cache_hit_rate: hitRate, p50_response_time: p50, p99_response_time: p99, ...rest } =
        statistics;
      assert.deepEqual(rest, {});
      hitRates.push(hitRate);
      assert.ok(p50 > 0 && p99 >= p50);
    }
    // Single runs fall between the bounds but for one in 1 000, wherever calls interleave.
    const mean = hitRates.reduce((sum, rate) => sum + rate) / hitRates.length;
    assert.ok(mean >= 0.62 && mean <= 0.79, `hit rates ${hitRates}`);
    running.child.kill("SIGTERM");
    const stopped = (await running.log).split("\n").find((line) => line.includes('"stopped"'));
    // 800 calls a run.
    assert.equal(JSON.parse(stopped ?? "").callsOk, 2_400);
  });

  Deno.test({
    name: `${name}: a file workload may call NumStore, and ends with a SetNum that is refused`,
    ignore: missing,
  }, async () => {
    await using running = await startServerProcess(server, ["--numstore-keys", "2"]);
    const file = await Deno.makeTempFile();
    try {
      const set = (key: string, value: unknown) => ({ type: "SetNum", value: { key, value } });
      const requests = [
        ...[set("A", 1), set("B", 10), set("A", "5"), set("B", 0)],
        ...[{ type: "Fact", value: { key: "A" } }, set("C", 1), set("A", 6)],
      ];
      await Deno.writeTextFile(file, JSON.stringify({ requests }));
      const { code, stdout, stderr } = await run(client, [`${running.port}`, file]);
      const lines = ["total: 1", "total: 11", "total: 15", "total: 5", "value: 120"];
      assert.deepEqual({ code, stdout }, { code: 1, stdout: `${lines.join("\n\n")}\n\n` });
      assert.match(stderr, /^client: Cannot set a new key: there are 2 keys, at most 2[^\n]*\n$/);
    } finally {
      await Deno.remove(file);
    }
  });

  Deno.test({
    name: `${name}: --requests and --threads scale the workload`,
    ignore: missing,
  }, async () => {
    await using running = await startServerProcess(server, ["--threads", "1"]);
    const flags = ["--threads", "2", "--requests", "3"];
    const { code } = await run(client, [`${running.port}`, ...flags]);
    assert.equal(code, 0);
    running.child.kill("SIGTERM");
    const stopped = (await running.log).split("\n").find((line) => line.includes('"stopped"'));
    const { callsStarted, connectionsOpened } = JSON.parse(stopped ?? "");
    // One connection more, on which the client looks whether the server is there.
    assert.deepEqual({ callsStarted, connectionsOpened }, {
      callsStarted: 6,
      connectionsOpened: 3,
    });
  });
}
