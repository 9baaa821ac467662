import assert from "node:assert/strict";
import { LocalStore } from "../../lib/store/local_store.ts";
import { openRedisStore } from "../../lib/store/redis_store.ts";
import type { RedisUrl } from "../../lib/store/store_url.ts";
import { certificatePath } from "../support/certificates.ts";
import { runProgram } from "../support/programs.ts";
import { runOf } from "./contract.ts";
import { hasRedis, RedisServer } from "./redis_server.ts";
import { openRemote, STORE_OPTIONS } from "./remote.ts";

const ignore = !hasRedis;
const PASSWORD = "s3cret-of-a-test";

function urlOf({ port }: { readonly port: number }, more: Partial<RedisUrl> = {}): RedisUrl {
  const nobody = { username: undefined, password: undefined };
  return { kind: "redis", tls: false, host: "127.0.0.1", port, ...nobody, ...more };
}

Deno.test(
  { name: "RedisStore: writes the original's keys and JSON, and reads them", ignore },
  async () => {
    await using server = await RedisServer.start();
    const store = new LocalStore(await openRedisStore(urlOf(server), STORE_OPTIONS));
    await store.save({
      input: { id: 100, content: "0.1,0.2", metadata: [{ key: "type", value: "list" }] },
      output: { id: 300, metadata: [{ key: "accuracy", value: "0.9" }] },
    });
    assert.equal(
      await server.ask("-n", "0", "get", "100"),
      '{"id":100,"content":"0.1,0.2","metadata":[{"key":"type","value":"list"}]}',
    );
    assert.equal(
      await server.ask("-n", "1", "get", "100"),
      '{"id":300,"metadata":[{"key":"accuracy","value":"0.9"}]}',
    );
    assert.equal(await server.ask("-n", "0", "dbsize"), "1");
    assert.equal(await server.ask("-n", "1", "dbsize"), "1");
    // As Python's json.dumps writes it: with blanks, and ASCII alone.
    await server.ask("-n", "0", "set", "7", '{"id": 7, "content": "\\u00fc", "metadata": []}');
    assert.equal(await store.find(7), undefined, "an input without an output is no run");
    await server.ask("-n", "1", "set", "7", '{"id": 1, "metadata": [{"key": "a", "value": "b"}]}');
    assert.deepEqual(await store.find(7), {
      input: { id: 7, content: "ü", metadata: [] },
      output: { id: 1, metadata: [{ key: "a", value: "b" }] },
    });
    assert.deepEqual((await store.list({ after: undefined, limit: 9 })).map(({ id }) => id), [100]);
    assert.equal(await store.delete(7), true);
    assert.equal(await server.ask("-n", "0", "dbsize"), "1");
    await server.ask("-n", "0", "set", "8", "[]");
    await server.ask("-n", "1", "set", "8", "[]");
    await assert.rejects(
      store.find(8),
      /^OperationError: Cannot read run 8: what is kept as its input is none/,
    );
    await store.close();
  },
);

Deno.test({ name: "RedisStore: Redis itself removes runs that are over", ignore }, async () => {
  await using server = await RedisServer.start();
  const store = new LocalStore(
    await openRedisStore(urlOf(server), { ...STORE_OPTIONS, ttlMs: 50_000 }),
  );
  await store.save(runOf(1));
  for (const database of ["0", "1"]) {
    const leftMs = Number(await server.ask("-n", database, "pttl", "1"));
    assert.ok(leftMs > 0 && leftMs <= 50_000, `${leftMs} ms`);
  }
  await store.close();
});

Deno.test(
  { name: "RedisStore: close() leaves runs that are too many to the next", ignore },
  async () => {
    await using server = await RedisServer.start();
    const runs = 20_000;
    const fill = `for i = 1, ${runs} do redis.call('ZADD', 'modelserver:runs', i, i) end`;
    await server.ask("-n", "2", "eval", fill, "0");
    const options = { ...STORE_OPTIONS, rowsMax: 1 };
    const store = new LocalStore(await openRedisStore(urlOf(server), options));
    await store.save(runOf(1));
    await store.close();
    const left = Number(await server.ask("-n", "2", "zcard", "modelserver:runs"));
    assert.ok(left > runs / 2, `${left} are left`);
  },
);

Deno.test(
  { name: "RedisStore: pages keep what several servers saved in the same step", ignore },
  async () => {
    await using server = await RedisServer.start();
    const stores = await Promise.all(
      [1, 2, 3, 4].map(async () =>
        new LocalStore(await openRedisStore(urlOf(server), STORE_OPTIONS, () => 1_000))
      ),
    );
    await Promise.all(stores.map((store, id) => store.save(runOf(id))));
    const ids: number[] = [];
    let after: string | undefined;
    for (let page = 0; page < 4; page++) {
      const [run] = await stores[0].list({ after, limit: 1 });
      ids.push(run.id);
      after = run.cursor;
    }
    assert.deepEqual(ids, [3, 2, 1, 0]);
    await Promise.all(stores.map((store) => store.close()));
  },
);

Deno.test({
  name: "RedisStore: killed and started again under load, it has all that was acknowledged",
  ignore,
}, async () => {
  await using server = await RedisServer.start();
  await using remote = await openRemote(urlOf(server), { timeoutMs: 5_000 });
  const { store } = remote;
  const acknowledged = new Map<number, number>();
  const failures: string[] = [];
  let number = 0;
  let isOver = false;
  const load = Array.from({ length: 16 }, async () => {
    while (!isOver) {
      const own = number++;
      try {
        await store.save(runOf(own % 40, own));
        acknowledged.set(own % 40, Math.max(own, acknowledged.get(own % 40) ?? 0));
      } catch (error) {
        failures.push((error as Error).message);
        await nextTurn();
      }
    }
  });
  for (let round = 1; round <= 3; round++) {
    await until(() => number > 0 && acknowledged.size === 40);
    const before = failures.length;
    await server.kill();
    await until(() => failures.length > before + 16);
    await assert.rejects(
      store.check(),
      /^OperationError: Cannot keep runs in redis:\/\/127\.0\.0\.1:/,
    );
    await server.restart();
    // By itself, and the thread is the same.
    while (!await store.check().then(() => true, () => false)) await nextTurn();
    const back = number;
    await until(() => number > back + 100);
  }
  isOver = true;
  await Promise.all(load);
  for (const [id, saved] of acknowledged) {
    const run = await store.find(id);
    const kept = Number(run?.input.metadata[0].value);
    assert.ok(kept >= saved, `run ${id}: ${kept} is kept, ${saved} was acknowledged`);
    assert.deepEqual(run, runOf(id, kept));
  }
  for (const message of failures) {
    assert.match(message, /^Cannot save run [0-9]+ in redis:\/\/127\.0\.0\.1:[0-9]+: ./);
  }
  assert.equal(remote.threads.length, 1);
});

Deno.test(
  { name: "RedisStore: one that hangs holds nobody beyond the deadline", ignore },
  async () => {
    await using server = await RedisServer.start();
    await using remote = await openRemote(urlOf(server), { timeoutMs: 300 });
    const { store } = remote;
    await store.save(runOf(1));
    server.signal("SIGSTOP");
    const outcomes = await Promise.allSettled([
      store.save(runOf(1, 1)),
      store.find(1),
      store.check(),
    ]);
    const reasons = outcomes.map((outcome) => (outcome as PromiseRejectedResult).reason.message);
    assert.match(reasons[0], /; the outcome is not known$/);
    assert.match(reasons[1], /^Cannot find run 1/);
    server.signal("SIGCONT");
    while (!await store.save(runOf(1, 2)).then(() => true, () => false)) await nextTurn();
    assert.deepEqual(await store.find(1), runOf(1, 2));
  },
);

Deno.test({ name: "RedisStore: nothing tells the password", ignore }, async (t) => {
  await using server = await RedisServer.start({ password: PASSWORD });
  const wrong = `not-${PASSWORD}`;
  const cases: Readonly<Record<string, [Partial<RedisUrl>, RegExp]>> = {
    "wrong": [{ password: wrong }, /: WRONGPASS /],
    "wrong user": [{ username: "anna", password: PASSWORD }, /: WRONGPASS /],
    "missing": [{}, /: NOAUTH /],
  };
  for (const [name, [more, reason]] of Object.entries(cases)) {
    await t.step(name, async () => {
      await using remote = await openRemote(urlOf(server, more));
      await assert.rejects(remote.store.check(), (error: Error) => {
        assert.match(error.message, reason);
        assert.doesNotMatch(error.message, /s3cret|anna/);
        return true;
      });
      assert.doesNotMatch(remote.said.join(), /s3cret|anna/);
    });
  }
  await t.step("right", async () => {
    await using remote = await openRemote(urlOf(server, { password: PASSWORD }));
    await remote.store.check();
  });
});

const REFUSALS: Readonly<Record<string, [args: readonly string[], reason: RegExp]>> = {
  "is full": [["--maxmemory", "1mb"], /: OOM command not allowed when used memory > 'maxmemory'/],
  "is a replica": [
    ["--replicaof", "127.0.0.1", "1"],
    /: READONLY You can't write against a read only replica/,
  ],
  "has two databases": [
    ["--databases", "2"],
    /: ERR DB index is out of range, needs databases 0 to 2$/,
  ],
};

for (const [name, [args, reason]] of Object.entries(REFUSALS)) {
  Deno.test(
    { name: `RedisStore: a server that ${name} is told, and nothing is kept`, ignore },
    async () => {
      await using server = await RedisServer.start({ args });
      const store = new LocalStore(await openRedisStore(urlOf(server), STORE_OPTIONS));
      for (const wrong of [store.save(runOf(1, 0, "x".repeat(2_000_000))), store.check()]) {
        await assert.rejects(wrong, (error: Error) => {
          assert.match(error.message, reason);
          assert.doesNotMatch(error.message, /outcome/);
          return true;
        });
      }
      assert.equal(await server.ask("dbsize"), "0");
      await store.close();
    },
  );
}

Deno.test({ name: "RedisStore: a server that is full is read on", ignore }, async () => {
  await using server = await RedisServer.start();
  const store = new LocalStore(await openRedisStore(urlOf(server), STORE_OPTIONS));
  for (const id of [-(2 ** 31), 2, 3]) await store.save(runOf(id, id, 'ä "😀" \0'));
  const page = { after: undefined, limit: 2 };
  const listed = await store.list(page);
  await server.ask("config", "set", "maxmemory", "1mb");
  await assert.rejects(store.save(runOf(4, 0, "x".repeat(2_000_000))), /: OOM /);
  assert.deepEqual(await store.find(-(2 ** 31)), runOf(-(2 ** 31), -(2 ** 31), 'ä "😀" \0'));
  assert.equal(await store.find(4), undefined);
  assert.deepEqual(await store.list(page), listed);
  const rest = await store.list({ after: listed[1].cursor, limit: 2 });
  assert.deepEqual(rest.map(({ id }) => id), [-(2 ** 31)]);
  await store.close();
});

Deno.test({
  name: "RedisStore: a server with fewer databases in the place of the one before ends no thread",
  ignore,
}, async () => {
  await using server = await RedisServer.start();
  await using remote = await openRemote(urlOf(server));
  await remote.store.save(runOf(1));
  await server.kill();
  await server.restart(["--appendonly", "no", "--databases", "2"]);
  const reason = /: ERR DB index is out of range, needs databases 0 to 2$/;
  for (;;) {
    const error: Error = await remote.store.check().then(() => assert.fail(), (error) => error);
    assert.match(error.message, /^Cannot keep runs in redis:/);
    if (reason.test(error.message)) break;
    await nextTurn();
  }
  await server.kill();
  await server.restart();
  while (!await remote.store.save(runOf(1)).then(() => true, () => false)) await nextTurn();
  assert.equal(remote.threads.length, 1);
});

for (const said of ["+OK\r\n", ":1\r\n", "$-1\r\n", "*0\r\n"]) {
  Deno.test(
    { name: `RedisStore: what says ${JSON.stringify(said)} to all has kept nothing`, ignore },
    async () => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      const served = sayToAll(listener, said);
      const store = new LocalStore(await openRedisStore(urlOf(listener.addr), STORE_OPTIONS));
      const page = { after: undefined, limit: 9 };
      const asked = [store.save(runOf(1)), store.find(1), store.delete(1), store.list(page)];
      for (const call of [...asked, store.check()]) {
        await assert.rejects(call, { name: "OperationError", code: "unavailable" });
      }
      await store.close();
      listener.close();
      await served;
    },
  );
}

Deno.test({ name: "RedisStore: opens where no server is, and says so", ignore }, async () => {
  await using server = await RedisServer.start();
  await server.kill();
  await using remote = await openRemote(urlOf(server));
  await assert.rejects(
    remote.store.save(runOf(1)),
    /^OperationError: Cannot save run 1 in redis:.*: connect ECONNREFUSED/,
  );
  await server.restart();
  while (!await remote.store.save(runOf(1)).then(() => true, () => false)) await nextTurn();
});

Deno.test(
  { name: "RedisStore: over TLS, with a server whose authority is known", ignore },
  async () => {
    await using server = await RedisServer.start({ tls: true, password: PASSWORD });
    const url = `rediss://:${PASSWORD}@localhost:${server.port}`;
    const run = async (...args: readonly string[]) =>
      (await runProgram(
        Deno.execPath(),
        ...["run", "--quiet", "--no-check", "-A", ...args],
        ...["tests/store/fixtures/save_once.ts", url],
      )).stdout;
    assert.equal(await run("--cert", certificatePath("authority.pem")), "saved");
    const refused = await run();
    assert.match(
      refused,
      /^Cannot save run 1 in rediss:\/\/localhost:[0-9]+: ./,
    );
    assert.doesNotMatch(refused, /s3cret/);
  },
);

/** Answers every command, be it what it may, until its client is gone. */
async function sayToAll(listener: Deno.TcpListener, said: string): Promise<void> {
  const decoder = new TextDecoder();
  for await (const connection of listener) {
    for await (const chunk of connection.readable) {
      const commands = decoder.decode(chunk).match(/^\*[0-9]+\r$/gm)?.length ?? 0;
      await connection.write(new TextEncoder().encode(said.repeat(commands)));
    }
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 5));
}
