import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";
import { NumStoreClient } from "../../lib/services/numstore_client.ts";
import { Counters } from "../../lib/serving/counters.ts";
import type { SharedMemory } from "../../lib/serving/shared_state.ts";
import { mayServe } from "../support/permissions.ts";
import { startPool } from "../support/running_pool.ts";

/** Connections are spread by a hash of their ports: this many reach every one of four threads. */
const CONNECTIONS = 48;

function openClients(port: number, count: number) {
  const channels = Array.from(
    { length: count },
    () => openChannel({ hostname: "127.0.0.1", port }),
  );
  return {
    clients: channels.map((channel) => new ModelServerClient(channel)),
    numStores: channels.map((channel) => new NumStoreClient(channel)),
    [Symbol.dispose]: () => channels.forEach((channel) => channel.close()),
  };
}

Deno.test({
  name: "server: SetCoefs on one thread is seen by the next Predict on any other",
  ignore: !mayServe,
}, async () => {
  await using server = await startPool();
  using opened = openClients(server.port, CONNECTIONS);
  const [first, ...others] = opened.clients;
  for (let version = 1; version <= 20; version++) {
    assert.deepEqual(await first.setCoefs([version]), { success: true, error: "" });
    const answers = await Promise.all(others.map((client) => client.predict([2])));
    assert.deepEqual(new Set(answers.map(({ output }) => output)), new Set([2 * version]));
    const misses = answers.filter(({ cache_hit }) => !cache_hit).length;
    assert.ok(misses >= 1 && misses <= 4, `${misses} of 4 threads missed`);
  }
});

Deno.test({
  name: "server: NumStore is one store for all threads, beside ModelServer",
  ignore: !mayServe,
}, async () => {
  await using server = await startPool();
  using opened = openClients(server.port, CONNECTIONS);
  const totals = await Promise.all(
    opened.numStores.map((client, index) => client.setNum(`${index}`, 3n)),
  );
  const sorted = totals.map(({ total }) => Number(total)).sort((a, b) => a - b);
  assert.deepEqual(sorted, Array.from({ length: CONNECTIONS }, (_, index) => 3 * (index + 1)));
  await opened.clients[0].setCoefs([2]);
  const first = await opened.numStores[0].fact("1");
  assert.deepEqual(first, { value: 6n, hit: false, error: "" });
  const answers = await Promise.all(
    opened.numStores.map((client, index) => client.fact(`${CONNECTIONS - 1 - index}`)),
  );
  for (const answer of answers) assert.deepEqual(answer, { value: 6n, hit: true, error: "" });
  // What one service does is nothing to the other's cache.
  assert.equal((await opened.clients[1].predict([3])).output, 6);
  await opened.clients[0].setCoefs([2]);
  assert.ok((await opened.numStores[0].fact("0")).hit);
});

Deno.test({
  name: "server: connections are spread over all threads",
  ignore: !mayServe,
}, async () => {
  await using server = await startPool();
  using opened = openClients(server.port, CONNECTIONS);
  await Promise.all(opened.clients.map((client) => client.predict([1])));
  // Each thread counts in a row of its own.
  const rows = new Float64Array(server.memory.counters);
  const perThread = [1, 2, 3, 4].map((row) => rows[row * 16]);
  assert.ok(perThread.every((count) => count > 0), `${perThread}`);
  assert.equal(perThread.reduce((sum, count) => sum + count), CONNECTIONS);
});

Deno.test({
  name: "server: a thread that dies with the lock is replaced while the others serve",
  ignore: !mayServe,
}, async () => {
  const died = Promise.withResolvers<[string, boolean]>();
  await using server = await startPool({
    threadFile: new URL("./fixtures/faulty_thread.ts", import.meta.url),
    events: { onThreadDied: (_, reason, recovered) => died.resolve([reason, recovered]) },
  });
  using opened = openClients(server.port, CONNECTIONS);
  await opened.clients[0].setCoefs([3]);
  await Promise.all(opened.clients.map((client) => client.predict([1])));

  const channel = new BroadcastChannel("faulty_thread");
  channel.postMessage(1);
  const [reason, recovered] = await died.promise;
  channel.close();
  assert.match(reason, /dies with the lock/);
  assert.equal(recovered, true);

  // A channel whose thread died connects anew, wherever the system sends it.
  const results = await Promise.allSettled(opened.clients.map((client) => client.predict([1])));
  const again = await Promise.all(opened.clients.map((client) => client.predict([1])));
  assert.ok(results.filter(({ status }) => status === "fulfilled").length > 0);
  assert.ok(again.every(({ output, error }) => output === 3 && error === ""), "coefficients stay");
  await untilServed(server);
  assert.ok(again.some(({ cache_hit }) => cache_hit), "the cache works on");
});

/** Opens connections until one of them comes to the thread in the dead one's row. */
async function untilServed(
  { port, memory }: { port: number; memory: SharedMemory },
): Promise<void> {
  const row = new Float64Array(memory.counters, 128, 1);
  const [before] = row;
  while (Counters.sums(memory.counters).threadsReplaced === 0 || row[0] === before) {
    using opened = openClients(port, 1);
    await opened.clients[0].predict([1]);
  }
}

Deno.test({
  name: "server: connections beyond the limit are told so, and room is made by those that go",
  ignore: !mayServe,
}, async () => {
  await using server = await startPool({ connections: { connectionsMax: 3 } });
  const opened = openClients(server.port, 3);
  try {
    await Promise.all(opened.clients.map((client) => client.predict([1])));
    using more = openClients(server.port, 1);
    await assert.rejects(
      () => more.clients[0].predict([1]),
      /Cannot connect to 127\.0\.0\.1:\d+: .*the server has 3 connections already/,
    );
    await Promise.all(opened.clients.map((client) => client.predict([1])));
  } finally {
    opened[Symbol.dispose]();
  }
  while (Counters.openConnections(server.memory.counters) > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  using again = openClients(server.port, 3);
  await Promise.all(again.clients.map((client) => client.predict([1])));
  assert.equal(Counters.sums(server.memory.counters).connectionsRefused, 1);
});

Deno.test({
  name: "server: a connection that has reached its age goes, and its client comes back unharmed",
  ignore: !mayServe,
}, async () => {
  await using server = await startPool({ connections: { ageMs: 1 } });
  using opened = openClients(server.port, 1);
  while (Counters.sums(server.memory.counters).connectionsOpened < 2) {
    const { error } = await opened.clients[0].predict([1]);
    assert.equal(error, "Cannot predict: no coefficients were set");
  }
  assert.equal(Counters.sums(server.memory.counters).callsFailed, 0);
});
