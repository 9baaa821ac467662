import assert from "node:assert/strict";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";
import { hasRedis, RedisServer } from "../store/redis_server.ts";
import { inputOf, InvokedServer } from "./invoked_server.ts";
import { ALL_PROGRAMS } from "./programs.ts";

/** How often Redis is killed under load. */
const KILLS = 3;

/** Runs that are acknowledged between two of Redis's ends. */
const OKS_BETWEEN = 200;

const SLOTS = 16;

/** Makes runs without end, of ids that no two slots share, and remembers what came of each. */
class Load {
  /** By id, the last run that was answered with OK. */
  readonly kept = new Map<number, number>();
  /** By id, runs since then, of which nobody knows. */
  readonly unsure = new Map<number, number[]>();
  readonly failures: string[] = [];
  oks = 0;
  readonly #server: InvokedServer;
  #ended = false;
  #change = Promise.withResolvers<void>();

  constructor(server: InvokedServer) {
    this.#server = server;
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: SLOTS }, (_, slot) => this.#slot(slot)));
  }

  end(): void {
    this.#ended = true;
  }

  /** Resolves once it is so; looked at after every answer. */
  async until(isSo: () => boolean): Promise<void> {
    while (!isSo()) await this.#change.promise;
  }

  async #slot(slot: number): Promise<void> {
    for (let run = 0; !this.#ended; run++) {
      const id = slot * 1_000 + run % 40;
      this.unsure.set(id, [...this.unsure.get(id) ?? [], run]);
      const { status, message } = await this.#server.client.invoke(inputOf(id, run));
      if (status === "OK") {
        this.kept.set(id, run);
        this.unsure.delete(id);
        this.oks++;
      } else {
        assert.equal(status, "ERROR");
        this.failures.push(message);
      }
      this.#change.resolve();
      this.#change = Promise.withResolvers();
    }
  }
}

for (const { name, server, missing } of ALL_PROGRAMS) {
  Deno.test({
    name: `${name}: Redis is killed and restarted under load: all OKs are there, the rest goes on`,
    ignore: missing || !hasRedis,
  }, async () => {
    await using redis = await RedisServer.start();
    const flags = ["--store", `redis://127.0.0.1:${redis.port}`, "--store-timeout-seconds", "2"];
    await using running = await InvokedServer.start(server, flags);
    const predictor = new ModelServerClient(running.channel);
    await predictor.setCoefs([1, 2, 3]);
    const predictions = async () => (await predictor.predict([1, 2, 3])).output;
    const load = new Load(running);
    const loading = load.run();
    for (let kill = 0; kill < KILLS; kill++) {
      const { oks } = load;
      await load.until(() => load.oks >= oks + OKS_BETWEEN);
      const failures = load.failures.length;
      await redis.kill();
      await load.until(() => load.failures.length >= failures + SLOTS);
      const down = await running.rest("/");
      assert.deepEqual(down, { status: 503, text: "not ready!\n" });
      const readyz = await running.rest("/readyz");
      assert.equal(readyz.status, 503);
      assert.match(readyz.text, /^not ready: .*redis:/);
      const found = await running.rest("/invocation/0");
      assert.equal(found.status, 503, found.text);
      assert.match(JSON.parse(found.text).message, /^Cannot /);
      assert.equal(await predictions(), 14);
      await redis.restart();
      while ((await running.rest("/")).status !== 200) await predictions();
    }
    const { oks } = load;
    await load.until(() => load.oks >= oks + OKS_BETWEEN);
    load.end();
    await loading;
    for (const message of load.failures) assert.match(message, /^Cannot save run \d+/);
    for (const [id, run] of load.kept) {
      const { model_input } = await running.kept(id);
      const found = Number(model_input.metadata[0].value);
      const possible = [run, ...load.unsure.get(id) ?? []];
      assert.ok(possible.includes(found), `${id}: found ${found}, can be ${possible}`);
      assert.equal(model_input.content, `${id}/${found}`);
    }
    assert.match((await running.rest("/metrics")).text, /^modelserver_threads_replaced_total 0$/m);
    running.process.child.kill("SIGTERM");
    assert.equal((await running.process.child.status).code, 0);
    const lines = (await running.process.log).split("\n").filter((line) => line.startsWith("{"))
      .map((line) => JSON.parse(line));
    assert.deepEqual(lines.filter(({ level }) => level === "error"), []);
    const told = lines.filter(({ logger }) => logger === "modelserver.store")
      .map(({ message }) => message);
    assert.equal(told[0], "the store is open");
    assert.deepEqual(
      new Set(told.slice(1)),
      new Set(["the store fails", "the store works again"]),
    );
  });

  Deno.test({
    name: `${name}: a Redis that hangs fails runs within their time, and nothing else`,
    ignore: missing || !hasRedis,
  }, async () => {
    await using redis = await RedisServer.start();
    const flags = ["--store", `redis://127.0.0.1:${redis.port}`, "--store-timeout-seconds", "0.5"];
    await using running = await InvokedServer.start(server, flags);
    const ok = { status: "OK", message: "" };
    assert.deepEqual(await running.client.invoke(inputOf(1, 1)), ok);
    redis.signal("SIGSTOP");
    const failed = running.client.invoke(inputOf(1, 2));
    const predictor = new ModelServerClient(running.channel);
    await predictor.setCoefs([1, 2, 3]);
    assert.equal((await predictor.predict([1, 2, 3])).output, 14);
    const { status, message } = await failed;
    assert.equal(status, "ERROR");
    assert.match(message, /^Cannot save run 1/);
    assert.equal((await running.rest("/")).status, 503);
    assert.ok([503, 504].includes((await running.rest("/invocation/1")).status));
    redis.signal("SIGCONT");
    while ((await running.rest("/")).status !== 200);
    const { model_input } = await running.kept(1);
    assert.ok(["1/1", "1/2"].includes(model_input.content), model_input.content);
    assert.equal(model_input.content, `1/${model_input.metadata[0].value}`);
    assert.deepEqual(await running.client.invoke(inputOf(1, 3)), ok);
    assert.equal((await running.kept(1)).model_input.content, "1/3");
  });

  Deno.test({
    name: `${name}: a server whose Redis is not there starts, and is ready once it is`,
    ignore: missing || !hasRedis,
  }, async () => {
    await using redis = await RedisServer.start();
    await redis.kill();
    const flags = ["--store", `redis://127.0.0.1:${redis.port}`, "--store-timeout-seconds", "1"];
    await using running = await InvokedServer.start(server, flags);
    assert.equal((await running.rest("/")).status, 503);
    assert.equal((await running.client.invoke(inputOf(1, 1))).status, "ERROR");
    await redis.restart();
    while ((await running.rest("/")).status !== 200);
    assert.equal((await running.rest("/invocation/1")).status, 404);
    assert.deepEqual(await running.client.invoke(inputOf(1, 2)), { status: "OK", message: "" });
    assert.equal(
      await redis.ask("-n", "0", "get", "1"),
      '{"id":1,"content":"1/2","metadata":[{"key":"run","value":"2"}]}',
    );
    assert.equal(
      await redis.ask("-n", "1", "get", "1"),
      '{"id":1,"metadata":[{"key":"accuracy","value":"0.9"}]}',
    );
  });
}
