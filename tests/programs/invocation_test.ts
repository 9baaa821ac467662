import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { InvocationClient } from "../../lib/services/invocation_client.ts";
import { hasPythonModule } from "../support/python.ts";
import { writeModelFile } from "../support/served_models.ts";
import { runProgram } from "../support/programs.ts";
import { inputOf, InvokedServer } from "./invoked_server.ts";
import { ALL_PROGRAMS } from "./programs.ts";

const OK = { status: "OK", message: "" };

const NOT_READY = { status: 503, text: "not ready!\n" };
const READY = { status: 200, text: "ready!\n" };

/** How often a server is killed under load; the store's own test does it more often. */
const KILLS = 4;

/** Runs that are acknowledged before each kill, at least. */
const OKS_BEFORE_KILL = 200;

/** Takes its time, so that a signal comes while it runs. */
const SLOW_MODEL = {
  "slow/model.json": {
    platform: "script",
    inputs: [{ name: "content", datatype: "BYTES", shape: [-1] }],
    outputs: [{ name: "metadata", datatype: "BYTES", shape: [-1] }],
    batching: {},
  },
  "slow/1/model.ts": `
    export async function predict(batch) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      return batch.map(({ content }) => ({
        metadata: JSON.stringify([{ key: "was", value: content }]),
      }));
    }
  `,
};

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Calls that have begun and were not answered: those of Invoke, and the one that asks. */
async function invocationsStarted(running: InvokedServer): Promise<number> {
  const { text } = await running.rest("/metrics");
  const [started, ok, failed] = ["started", "ok", "failed"].map((what) =>
    Number(new RegExp(`^modelserver_calls_${what}_total (\\d+)$`, "m").exec(text)?.[1])
  );
  return started - ok - failed - 1;
}

const hasGrpcTools = hasPythonModule("grpc_tools");

for (const { name, server, missing } of ALL_PROGRAMS) {
  Deno.test({
    name: `${name}: a run is invoked over gRPC, told and forgotten over REST`,
    ignore: missing,
  }, async () => {
    const folder = await Deno.makeTempDir();
    {
      await using running = await InvokedServer.start(server, ["--data-dir", `${folder}/data`]);
      assert.deepEqual(await running.rest("/"), READY);
      assert.deepEqual([...Deno.readDirSync(folder)], [], "nobody has invoked anything yet");
      const input = { id: 100, content: "0.1,0.2", metadata: [{ key: "type", value: "list" }] };
      assert.deepEqual(await running.client.invoke(input), OK);
      const text = '{"model_input":{"id":100,"content":"0.1,0.2",' +
        '"metadata":[{"key":"type","value":"list"}]},' +
        '"model_output":{"id":1,"metadata":[{"key":"accuracy","value":"0.9"}]}}';
      assert.deepEqual(await running.rest("/invocation/100"), { status: 200, text });
      assert.deepEqual(await running.rest("/invocation/111"), {
        status: 404,
        text: '{"message":"Input id=111 not found."}',
      });
      for (const id of [-(2 ** 31), 0, 2 ** 31 - 1]) {
        assert.deepEqual(await running.client.invoke(inputOf(id, 1)), OK);
        assert.deepEqual((await running.kept(id)).model_input, inputOf(id, 1));
      }
    }
    await using again = await InvokedServer.start(server, ["--data-dir", `${folder}/data`]);
    assert.equal((await again.kept(100)).model_input.content, "0.1,0.2");
    const { invocations, next } = JSON.parse((await again.rest("/invocations")).text);
    assert.deepEqual(invocations.map(({ id }: { id: number }) => id), [
      ...[2 ** 31 - 1, 0, -(2 ** 31), 100],
    ]);
    assert.equal(next, null);
    assert.equal((await again.rest("/invocation/100", { method: "DELETE" })).status, 200);
    assert.equal((await again.rest("/invocation/100")).status, 404);
    const metrics = (await again.rest("/metrics")).text;
    assert.match(metrics, /^modelserver_invocations_ok_total 0$/m);
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test({
    name: `${name}: content up to the longest message is kept as it came`,
    ignore: missing,
  }, async () => {
    await using running = await InvokedServer.start(server, ["--store", "memory"]);
    // Four bytes each, and what they are in JSON is as long.
    const content = "😀".repeat(1_048_000);
    assert.deepEqual(await running.client.invoke({ id: 1, content, metadata: [] }), OK);
    assert.equal((await running.kept(1)).model_input.content, content);
    const tooLong = { id: 2, content: `${content}${"😀".repeat(1_000)}`, metadata: [] };
    await assert.rejects(running.client.invoke(tooLong), { code: Code.RESOURCE_EXHAUSTED });
    assert.equal((await running.rest("/invocation/2")).status, 404);
  });

  Deno.test({
    name: `${name}: of runs of one id at once, the one that is kept is one of them, whole`,
    ignore: missing,
  }, async () => {
    const flags = ["--store", "memory", "--threads", "3", "--initial-threads", "3"];
    await using running = await InvokedServer.start(server, flags);
    // Connections are spread over the threads, which share the store.
    const { port } = running.process;
    const channels = Array.from({ length: 12 }, () => openChannel({ hostname: "127.0.0.1", port }));
    const clients = channels.map((channel) => new InvocationClient(channel));
    for (let round = 0; round < 20; round++) {
      const runs = Array.from({ length: 48 }, (_, run) => inputOf(7, 100 * round + run));
      await Promise.all(runs.map((input, run) => clients[run % clients.length].invoke(input)));
      const { model_input: kept } = await running.kept(7);
      const [{ value }] = kept.metadata;
      assert.equal(kept.content, `7/${value}`);
      assert.ok(Math.floor(Number(value) / 100) === round, "an earlier round's run came back");
    }
    await running.client.invoke(inputOf(7, 9_999));
    assert.equal((await running.kept(7)).model_input.content, "7/9999");
    const { invocations } = JSON.parse((await running.rest("/invocations")).text);
    assert.equal(invocations.length, 1);
    for (const channel of channels) channel.close();
  });

  Deno.test({
    name: `${name}: --store-max-rows and --store-ttl let the oldest go`,
    ignore: missing,
  }, async () => {
    const ids = async (running: InvokedServer) =>
      JSON.parse((await running.rest("/invocations")).text).invocations
        .map(({ id }: { id: number }) => id);
    const memory = ["--store", "memory"];
    {
      await using running = await InvokedServer.start(server, [
        ...[...memory, "--store-max-rows", "3"],
      ]);
      for (let id = 1; id <= 5; id++) await running.client.invoke(inputOf(id, 1));
      assert.deepEqual(await ids(running), [5, 4, 3]);
    }
    await using running = await InvokedServer.start(server, [...memory, "--store-ttl", "0.5"]);
    await running.client.invoke(inputOf(1, 1));
    const told = [(await running.rest("/invocation/1")).status];
    while (told.at(-1) === 200) {
      await pause();
      told.push((await running.rest("/invocation/1")).status);
    }
    assert.equal(told.at(-1), 404);
    assert.deepEqual(await ids(running), []);
  });

  Deno.test({
    name: `${name}: every OK is there after the server was killed under load, several times`,
    ignore: missing,
  }, async () => {
    const folder = await Deno.makeTempDir();
    const flags = ["--store", `sqlite:${folder}/runs.sqlite`];
    const kept = new Map<number, number>();
    /** By id, the runs since the last OK: each is there whole, or not at all. */
    const unsure = new Map<number, number[]>();
    for (let kill = 0; kill < KILLS; kill++) {
      await using running = await InvokedServer.start(server, flags);
      const enough = Promise.withResolvers<void>();
      let oks = 0;
      const one = async (slot: number) => {
        for (let run = kill * 1_000_000;; run++) {
          const id = slot * 100 + run % 50;
          unsure.set(id, [...unsure.get(id) ?? [], run]);
          const answer = await running.client.invoke(inputOf(id, run)).catch((error) => error);
          if (answer instanceof GrpcError) return;
          assert.deepEqual(answer, OK);
          kept.set(id, run);
          unsure.delete(id);
          if (++oks === OKS_BEFORE_KILL) enough.resolve();
        }
      };
      const load = Promise.all(Array.from({ length: 32 }, (_, slot) => one(slot)));
      await enough.promise;
      running.process.child.kill("SIGKILL");
      await load;
    }
    await using running = await InvokedServer.start(server, flags);
    for (const [id, run] of kept) {
      const { model_input, model_output } = await running.kept(id);
      const found = Number(model_input.metadata[0].value);
      const possible = [run, ...unsure.get(id) ?? []];
      assert.ok(possible.includes(found), `${id}: found ${found}, can be ${possible}`);
      assert.equal(model_input.content, `${id}/${found}`);
      assert.deepEqual(model_output.metadata, [{ key: "accuracy", value: "0.9" }]);
    }
    assert.ok(kept.size >= 32);
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test({
    name: `${name}: a drain keeps and answers the runs that are in flight`,
    ignore: missing,
  }, async () => {
    const folder = await Deno.makeTempDir();
    for (const [path, content] of Object.entries(SLOW_MODEL)) {
      await writeModelFile(`${folder}/models`, path, content);
    }
    const flags = ["--store", `sqlite:${folder}/runs.sqlite`, "--models", `${folder}/models`];
    const ids = Array.from({ length: 20 }, (_, id) => id);
    {
      const slow = ["--invocation-model", "slow", "--drain-seconds", "60"];
      await using running = await InvokedServer.start(server, [...flags, ...slow]);
      while ((await running.rest("/")).status !== 200) await pause();
      const load = Promise.all(ids.map((id) => running.client.invoke(inputOf(id, id))));
      while (await invocationsStarted(running) < ids.length) await pause();
      running.process.child.kill("SIGTERM");
      assert.deepEqual(await load, ids.map(() => OK));
      assert.equal((await running.process.child.status).code, 0);
    }
    await using again = await InvokedServer.start(server, flags);
    for (const id of ids) {
      const { model_input, model_output } = await again.kept(id);
      assert.deepEqual(model_input, inputOf(id, id));
      assert.deepEqual(model_output, { id, metadata: [{ key: "was", value: `${id}/${id}` }] });
    }
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test({
    name: `${name}: a store that cannot be opened fails runs; asked for, readiness too`,
    ignore: missing,
  }, async () => {
    const folder = await Deno.makeTempDir();
    // A file where a folder is needed.
    await Deno.writeTextFile(`${folder}/data`, "");
    for (
      const [flags, asked] of [
        [["--data-dir", `${folder}/data`], false],
        [["--store", `sqlite:${folder}/data/runs.sqlite`], true],
      ] as const
    ) {
      await using running = await InvokedServer.start(server, flags);
      const failed = await running.client.invoke(inputOf(1, 1));
      assert.equal(failed.status, "ERROR");
      assert.match(failed.message, /^Cannot save run 1: the store is down: .*sqlite:/);
      const found = await running.rest("/invocation/1");
      assert.equal(found.status, 503);
      assert.match(JSON.parse(found.text).message, /^Cannot find run 1: the store is down: /);
      assert.deepEqual(await running.rest("/"), asked ? NOT_READY : READY);
      const ready = await running.rest("/readyz");
      assert.equal(ready.status, asked ? 503 : 200);
      assert.match(ready.text, asked ? /^not ready: .*the store is down: / : /^ok$/);
      running.process.child.kill("SIGTERM");
      assert.equal((await running.process.child.status).code, 0);
      const lines = (await running.process.log).split("\n");
      assert.equal(lines.filter((line) => line.includes("the store is down")).length, 1);
      assert.equal(lines.filter((line) => line.includes('"level":"error"')).length, 0);
    }
    await Deno.remove(folder, { recursive: true });
  });

  Deno.test({
    name: `${name}: grpcio's client with stubs of the proto files, and urllib`,
    ignore: missing || !hasGrpcTools,
  }, async () => {
    await using running = await InvokedServer.start(server, ["--store", "memory"]);
    const fixture = new URL("./fixtures/invocation_client.py", import.meta.url).pathname;
    const { port, httpPort } = running.process;
    const { stdout, stderr } = await runProgram("python3", fixture, `${port}`, `${httpPort}`);
    assert.equal(stdout, "ok\n", stderr);
  });
}
