import assert from "node:assert/strict";
import { mayLoadModels } from "../support/permissions.ts";
import { HELD, PROBE, probe, ProbeGate, probeModel, probeScript } from "../support/probe_model.ts";
import { serveModels } from "../support/served_models.ts";

const ignore = !mayLoadModels;
const CONNECTIONS = 16;
const CACHE = { cache: { entries: 100 } };

Deno.test({
  name: "models: what one thread has computed hits on all, over gRPC and REST",
  ignore,
}, async () => {
  await using served = await serveModels(probeModel("c1", CACHE));
  using gate = new ProbeGate("c1");
  const clients = served.clients(CONNECTIONS);
  assert.equal((await probe(clients[0], "c1", [1, 2])).cache, "miss");
  for (const client of clients) {
    const { cache, y, call } = await probe(client, "c1", [1, 2]);
    assert.deepEqual({ cache, y, call }, { cache: "hit", y: [2, 4], call: 1 });
  }
  for (const priority of [0, 1]) {
    const response = await fetch(`${served.rest}/models/c1/infer`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        id: `request ${priority}`,
        parameters: { priority },
        inputs: [{ name: "x", datatype: "FP64", shape: [2], data: [1, 2] }],
        outputs: [{ name: "y" }],
      }),
    });
    const { outputs, error } = await response.json();
    assert.equal(error, undefined);
    assert.equal(response.headers.get("cache"), "hit");
    assert.deepEqual(outputs.map(({ data }: { data: unknown }) => data), [[2, 4]]);
  }
  assert.deepEqual(gate.batches, [[1, 2]]);
  const { cacheHit, cacheMiss } = served.statistics("c1");
  assert.deepEqual([cacheHit.count, cacheMiss.count], [CONNECTIONS + 2, 1]);
});

Deno.test({
  name: "models: another shape, value, version or model is another key",
  ignore,
}, async () => {
  await using served = await serveModels({
    "keys/model.json": {
      platform: "script",
      inputs: [{ name: "x", datatype: "FP64", shape: [-1, -1] }],
      outputs: [{ name: "y", datatype: "BYTES", shape: [-1] }],
      versions: "all",
      ...CACHE,
    },
    ...Object.fromEntries([1, 2].map((version) => [
      `keys/${version}/model.js`,
      `export const predict = (batch) => batch.map(({ x }) => ({ y: "v${version} " + x.join() }));`,
    ])),
  });
  const [client] = served.clients(1);
  const zeros = { name: "x", datatype: "FP64", data: new Float64Array(6) } as const;
  const ones = { ...zeros, data: new Float64Array(6).fill(1) };
  const negative = { ...zeros, data: new Float64Array(6).fill(-0) };
  const cases = [
    { version: "1", input: { ...zeros, shape: [2, 3] }, text: "v1 0,0,0" },
    { version: "1", input: { ...zeros, shape: [3, 2] }, text: "v1 0,0" },
    { version: "2", input: { ...zeros, shape: [2, 3] }, text: "v2 0,0,0" },
    { version: "1", input: { ...ones, shape: [2, 3] }, text: "v1 1,1,1" },
    { version: "1", input: { ...negative, shape: [2, 3] }, text: "v1 0,0,0" },
  ];
  for (const outcome of ["miss", "hit"]) {
    for (const { version, input, text } of cases) {
      let cache: unknown;
      const { answer } = await client.infer({ model: "keys", version, inputs: [input] }, {
        onTrailers: (trailers) => cache = trailers.get("cache"),
      });
      assert.equal(cache, outcome, `${version} ${input.shape} ${input.data}`);
      const [first] = answer.outputs[0].data as readonly Uint8Array[];
      assert.equal(new TextDecoder().decode(first), text);
    }
  }
});

Deno.test({ name: "models: a reload computes anew, whatever was cached", ignore }, async () => {
  await using served = await serveModels(probeModel("c3", CACHE));
  const clients = served.clients(4);
  const outcomes: (string | undefined)[] = [];
  for (const scale of [2, 3, 4]) {
    await served.write("c3/1/model.js", probeScript(scale));
    await load(served.rest, "c3");
    for (let i = 0; i < 2; i++) {
      const { y, cache } = await probe(clients[i], "c3", [5]);
      assert.deepEqual(y, [5 * scale]);
      outcomes.push(cache);
    }
  }
  assert.deepEqual(outcomes, ["miss", "hit", "miss", "hit", "miss", "hit"]);
});

Deno.test({
  name: "models: identical misses of all connections at once are computed once",
  ignore,
}, async () => {
  await using served = await serveModels(probeModel("c4", CACHE));
  using gate = new ProbeGate("c4");
  const clients = served.clients(CONNECTIONS);
  const first = probe(clients[0], "c4", [HELD]);
  await gate.begun(1);
  const others = clients.slice(1).map((client) => probe(client, "c4", [HELD]));
  // They are in flight beside the first when the answer to one that came later is known to wait, too.
  await Promise.all(clients.map((client) => client.modelReady("c4")));
  gate.open();
  const answers = await Promise.all([first, ...others]);
  assert.deepEqual(gate.batches, [[HELD]]);
  for (const { y, call } of answers) assert.deepEqual([y, call], [[2 * HELD], 1]);
  const outcomes = answers.map(({ cache }) => cache);
  assert.deepEqual(outcomes, ["miss", ...others.map(() => "coalesced")]);
  assert.equal(served.statistics("c4").coalesced, others.length);
  assert.equal((await probe(clients[0], "c4", [HELD])).cache, "hit");
});

Deno.test({ name: "models: an error is never cached", ignore }, async () => {
  await using served = await serveModels(probeModel("c5", CACHE));
  using gate = new ProbeGate("c5");
  const clients = served.clients(2);
  for (const client of clients) {
    await assert.rejects(() => probe(client, "c5", [PROBE.bad]), /x is -1/);
    await assert.rejects(() => probe(client, "c5", [PROBE.miscount]), /"c5"/);
  }
  await gate.begun(4);
  assert.equal(gate.batches.length, 4);
  assert.equal(served.statistics("c5").cacheHit.count, 0);
});

Deno.test({
  name: "models: cacheRound makes nearly equal inputs one, for the model too",
  ignore,
}, async () => {
  await using served = await serveModels(probeModel("c6", { ...CACHE, cacheRound: 4 }));
  const [client] = served.clients(1);
  const asked = [0.12344, 0.12336, 0.12345, 0.123451];
  const answers: (readonly [number, string | undefined])[] = [];
  for (const x of asked) {
    const { y: [y], cache } = await probe(client, "c6", [x]);
    answers.push([y, cache]);
  }
  assert.deepEqual(answers, [
    [0.2468, "miss"],
    [0.2468, "hit"],
    // A tie goes to the even neighbour, as np.round has it.
    [0.2468, "hit"],
    [0.247, "miss"],
  ]);
});

for (const policy of ["lru", "s3-fifo", "sieve"]) {
  Deno.test(
    { name: `models: a cache with ${policy} keeps what is asked for again`, ignore },
    async () => {
      const config = { cache: { entries: 10, policy } };
      await using served = await serveModels(probeModel("c7", config));
      const [client] = served.clients(1);
      await probe(client, "c7", [1]);
      await probe(client, "c7", [1]);
      const outcomes: (string | undefined)[] = [];
      for (let x = 100; x < 150; x++) {
        await probe(client, "c7", [x]);
        outcomes.push((await probe(client, "c7", [1])).cache);
      }
      assert.deepEqual(new Set(outcomes), new Set(["hit"]));
      assert.equal((await probe(client, "c7", [100])).cache, "miss", "there is room for ten");
    },
  );
}

/** Has the model loaded, over REST. */
async function load(rest: string, model: string): Promise<void> {
  const response = await fetch(`${rest}/repository/models/${model}/load`, { method: "POST" });
  assert.equal(response.status, 200, await response.text());
}
