import assert from "node:assert/strict";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { HELD, PROBE, probe, ProbeGate, probeModel } from "../support/probe_model.ts";
import { serveModels } from "../support/served_models.ts";

const ignore = !mayLoadModels;

/** Connections that reach both threads. */
const CONNECTIONS = 16;

Deno.test({
  name: "models: requests of many connections share batches, never empty, never too large",
  ignore,
}, async () => {
  const batching = { maxBatchSize: 8, maxDelayMs: 5 };
  await using served = await serveModels(probeModel("b1", { batching }));
  using gate = new ProbeGate("b1");
  const clients = served.clients(CONNECTIONS);
  // While the only instance is held, all the others gather behind it.
  const held = probe(clients[0], "b1", [HELD]);
  await gate.begun(1);
  const asked = Array.from({ length: 64 }, (_, i) => i);
  const answers = asked.map((x) => probe(clients[x % CONNECTIONS], "b1", [x]));
  await served.until("b1", ({ queued }) => queued >= 64);
  gate.open();
  assert.deepEqual((await held).y, [2 * HELD]);
  for (const [x, { y, rows }] of (await Promise.all(answers)).entries()) {
    assert.deepEqual(y, [2 * x]);
    assert.deepEqual(rows, [8]);
  }
  const sizes = gate.batches.slice(1).map((rows) => rows.length);
  assert.deepEqual(sizes, Array(8).fill(8));
});

Deno.test({ name: "models: a request's own rows stay together", ignore }, async () => {
  const batching = { maxBatchSize: 8, maxDelayMs: 5 };
  await using served = await serveModels(probeModel("b2", { batching }));
  using gate = new ProbeGate("b2");
  const clients = served.clients(CONNECTIONS);
  const held = probe(clients[0], "b2", [HELD]);
  await gate.begun(1);
  // In lots of 1 to 12 rows, of which those of 8 and more are batches by themselves.
  const lots = Array.from(
    { length: 36 },
    (_, i) => Array.from({ length: 1 + i % 12 }, (_, row) => 20 * i + row),
  );
  const answers = lots.map((xs, i) => probe(clients[i % CONNECTIONS], "b2", xs));
  await served.until("b2", ({ queued }) => queued >= lots.length);
  gate.open();
  await held;
  for (const [i, { y }] of (await Promise.all(answers)).entries()) {
    assert.deepEqual(y, lots[i].map((x) => 2 * x));
  }
  for (const batch of gate.batches.slice(1)) {
    const inBatch = lots.filter(([x]) => batch.includes(x));
    assert.equal(batch.length, inBatch.reduce((rows, xs) => rows + xs.length, 0));
    for (const xs of inBatch) {
      assert.deepEqual(batch.slice(batch.indexOf(xs[0])).slice(0, xs.length), xs);
    }
    assert.ok(batch.length <= 8 || inBatch.length === 1, `${batch.length} rows`);
    assert.ok(batch.length > 0);
  }
});

Deno.test({ name: "models: rows of another shape are batched apart", ignore }, async () => {
  await using served = await serveModels({
    "shapes/model.json": {
      platform: "script",
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, -1] }],
      outputs: [{ name: "y", datatype: "INT32", shape: [-1, 2] }],
      batching: { maxBatchSize: 64, maxDelayMs: 100, preferredBatchSizes: [32] },
    },
    // Tells the widths of all rows of the batch, as one number, and its rows.
    "shapes/1/model.js": `export const predict = (batch) => {
      const widths = new Set(batch.map(({ x }) => x.length));
      return batch.map(({ x }) => ({ y: [widths.size === 1 ? x.length : -1, batch.length] }));
    };`,
  });
  const clients = served.clients(CONNECTIONS);
  const answers = await Promise.all(Array.from({ length: 64 }, async (_, i) => {
    const width = 3 + i % 2;
    const x = {
      name: "x",
      datatype: "FP32",
      shape: [1, width],
      data: new Float32Array(width),
    } as const;
    const { answer } = await clients[i % CONNECTIONS].infer({ model: "shapes", inputs: [x] });
    return [...answer.outputs[0].data as Int32Array];
  }));
  for (const [i, [width]] of answers.entries()) assert.equal(width, 3 + i % 2);
  assert.ok(answers.some(([, rows]) => rows > 1), "none shared a batch");
});

Deno.test(
  { name: "models: a lone request waits for no longer than maxDelayMs", ignore },
  async () => {
    const batching = { maxBatchSize: 8, maxDelayMs: 200 };
    await using served = await serveModels(probeModel("b3", { batching }));
    const [client] = served.clients(1);
    await probe(client, "b3", [1]);
    // By the server's account of the queue; a machine that is too busy to wake its threads has ten tries.
    const waits: number[] = [];
    for (let i = 0; i < 10 && !waits.some((ms) => ms <= 201); i++) {
      const { queueMs, rows } = await probe(client, "b3", [1]);
      assert.deepEqual(rows, [1]);
      assert.ok(queueMs >= 190, `it did not wait for others: ${queueMs} ms`);
      waits.push(queueMs);
    }
    assert.ok(waits.some((ms) => ms <= 201), `${waits} ms in the queue`);
  },
);

Deno.test({ name: "models: a full batch waits for nobody", ignore }, async () => {
  const batching = { maxBatchSize: 4, maxDelayMs: 10_000, preferredBatchSizes: [2] };
  await using served = await serveModels(probeModel("b4", { batching, timeoutMs: 60_000 }));
  const clients = served.clients(CONNECTIONS);
  const full = await probe(clients[0], "b4", [1, 2, 3, 4]);
  const preferred = await Promise.all([probe(clients[1], "b4", [5]), probe(clients[2], "b4", [6])]);
  assert.deepEqual(full.rows, [4, 4, 4, 4]);
  assert.deepEqual(preferred.map(({ rows }) => rows), [[2], [2]]);
  for (const { queueMs } of [full, ...preferred]) assert.ok(queueMs < 10_000, `${queueMs} ms`);
});

Deno.test({ name: "models: one bad input of a batch fails alone", ignore }, async () => {
  const batching = { maxBatchSize: 16, maxDelayMs: 5 };
  await using served = await serveModels(probeModel("b5", { batching }));
  using gate = new ProbeGate("b5");
  const clients = served.clients(CONNECTIONS);
  const held = probe(clients[0], "b5", [HELD]);
  await gate.begun(1);
  const xs = [1, 2, PROBE.bad, 4, PROBE.miscount, 6, 7, 8];
  const answers = xs.map((x, i) => probe(clients[i], "b5", [x]));
  const settled = Promise.allSettled(answers);
  await served.until("b5", ({ queued }) => queued >= xs.length);
  gate.open();
  await held;
  for (const [i, outcome] of (await settled).entries()) {
    if (outcome.status === "fulfilled") {
      assert.deepEqual(outcome.value.y, [2 * xs[i]]);
      continue;
    }
    const { reason } = outcome;
    assert.ok(reason instanceof GrpcError, String(reason));
    if (xs[i] === PROBE.bad) {
      assert.equal(reason.code, Code.INVALID_ARGUMENT);
      assert.match(reason.message, /model "b5": x is -1/);
    } else {
      assert.equal(xs[i], PROBE.miscount);
      assert.equal(reason.code, Code.INTERNAL);
      assert.match(reason.message, /"b5".*0 results.*1/);
    }
  }
  assert.equal(gate.batches[1].length, 8, "they did share a batch");
});
