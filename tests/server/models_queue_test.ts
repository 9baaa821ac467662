import assert from "node:assert/strict";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { HELD, probe, ProbeGate, probeModel } from "../support/probe_model.ts";
import { serveModels } from "../support/served_models.ts";

const ignore = !mayLoadModels;

Deno.test({
  name: "models: a full queue refuses over gRPC and REST, and says what to change",
  ignore,
}, async () => {
  await using served = await serveModels(probeModel("q1", { queue: { size: 3 } }));
  using gate = new ProbeGate("q1");
  const clients = served.clients(8);
  const held = [probe(clients[0], "q1", [HELD])];
  await gate.begun(1);
  held.push(...[1, 2].map((x) => probe(clients[x], "q1", [x])));
  for (const each of held) each.catch(() => {});
  await served.until("q1", ({ queued }) => queued === 2);
  const text =
    'Cannot infer with model "q1": all 3 slots of the queue are taken, queue.size in its model.json allows no more';
  for (const client of clients) {
    await assert.rejects(() => probe(client, "q1", [3]), (error) => {
      assert.ok(error instanceof GrpcError);
      assert.equal(error.code, Code.RESOURCE_EXHAUSTED);
      assert.equal(error.message, text);
      return true;
    });
  }
  const response = await fetch(`${served.rest}/models/q1/infer`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [3] }] }),
  });
  assert.equal(response.status, 429);
  assert.deepEqual(await response.json(), { error: text });
  assert.equal(served.statistics("q1").rejected, clients.length + 1);
  gate.open();
  assert.deepEqual((await Promise.all(held)).map(({ y }) => y[0]), [2 * HELD, 2, 4]);
  assert.deepEqual((await probe(clients[0], "q1", [3])).y, [6]);
});

Deno.test({
  name: "models: a request that the queue's memory can never hold is refused for good",
  ignore,
}, async () => {
  await using served = await serveModels(probeModel("q2", { queue: { bytes: 65_536 } }));
  const [client] = served.clients(1);
  await assert.rejects(() => probe(client, "q2", Array(20_000).fill(1)), (error) => {
    assert.ok(error instanceof GrpcError);
    // Clients try RESOURCE_EXHAUSTED again.
    assert.equal(error.code, Code.INVALID_ARGUMENT);
    assert.match(
      error.message,
      /model "q2": the inputs take \d+ bytes, queue\.bytes in its model\.json has room for 65536/,
    );
    return true;
  });
  const response = await fetch(`${served.rest}/models/q2/infer`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      inputs: [{ name: "x", datatype: "FP64", shape: [20_000], data: Array(20_000).fill(1) }],
    }),
  });
  assert.equal(response.status, 400);
  await response.body?.cancel();
  assert.deepEqual((await probe(client, "q2", [1])).y, [2]);
});

Deno.test({ name: "models: higher priorities overtake", ignore }, async () => {
  const queue = { priorityLevels: 3, defaultPriority: 2 };
  await using served = await serveModels(probeModel("q3", { queue }));
  using gate = new ProbeGate("q3");
  const clients = served.clients(8);
  const held = probe(clients[0], "q3", [HELD]);
  await gate.begun(1);
  const answers: Promise<unknown>[] = [held];
  // One after another, so that the order in which they came is known.
  for (const [i, priority] of [3, undefined, 1, 3, 2, 1, 0].entries()) {
    const asked = priority === undefined ? {} : { priority };
    answers.push(probe(clients[i], "q3", [i + 1], asked));
    await served.until("q3", ({ queued }) => queued === i + 1);
  }
  gate.open();
  await Promise.all(answers);
  assert.deepEqual(gate.batches.flat(), [HELD, 3, 6, 2, 5, 7, 1, 4]);
  await assert.rejects(
    () => probe(clients[0], "q3", [1], { priority: 4 }),
    /model "q3": priority is 4, it has levels 1 to 3/,
  );
});

Deno.test({
  name: "models: requests that expire or are cancelled in line cost no compute",
  ignore,
}, async () => {
  await using served = await serveModels(probeModel("q4"));
  using gate = new ProbeGate("q4");
  const clients = served.clients(8);
  const held = probe(clients[0], "q4", [HELD]);
  await gate.begun(1);
  const controller = new AbortController();
  const { signal } = controller;
  const cancelled = [4, 5].map((x) =>
    assert.rejects(() => probe(clients[x], "q4", [x], { signal }), /nobody wants it/)
  );
  const overRest = assert.rejects(fetch(`${served.rest}/models/q4/infer`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [6] }] }),
    signal,
  }));
  const last = probe(clients[7], "q4", [7]);
  await served.until("q4", ({ queued }) => queued === 4);
  const expiring = [1, 2, 3].map((x) =>
    assert.rejects(() => probe(clients[x], "q4", [x], { timeoutMs: 1_000 }), (error) => {
      assert.ok(error instanceof GrpcError);
      assert.equal(error.code, Code.DEADLINE_EXCEEDED);
      return true;
    })
  );
  await served.until("q4", ({ queued }) => queued === 7);
  await Promise.all(expiring);
  await served.until("q4", ({ queued }) => queued === 4);
  controller.abort(new Error("nobody wants it"));
  await Promise.all([...cancelled, overRest]);
  await served.until("q4", ({ queued }) => queued === 1);
  gate.open();
  assert.deepEqual((await held).y, [2 * HELD]);
  assert.deepEqual((await last).y, [14]);
  assert.deepEqual(gate.batches, [[HELD], [7]]);
  await served.until("q4", ({ expired }) => expired === 6);
});
