import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { InferenceClient } from "../../lib/services/inference_client.ts";
import { SERVER_FROM_SOURCES, startServerProcess } from "../../tasks/server_process.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { HELD, probe, probeConfig, ProbeGate, probeModel } from "../support/probe_model.ts";
import { serveModels, writeModelFile } from "../support/served_models.ts";

const ignore = !mayLoadModels;

/** Answers once there is a file "open" beside its folder. */
const SLOW = `
const isThere = (path) => Deno.stat(path).then(() => true, () => false);
export async function predict(batch, { environment: { tempFolder } }) {
  await Deno.writeTextFile(tempFolder + "/begun", "");
  while (!await isThere(tempFolder + "/open")) await new Promise((end) => setTimeout(end, 5));
  return batch.map(({ x }) => ({ y: 2 * x, rows: batch.length, call: 1 }));
}
`;

Deno.test({
  name: "models: SIGTERM lets the requests of a slow model end, those in line too",
  ignore,
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "models-" });
  const tempFolder = await Deno.makeTempDir({ prefix: "models-gate-" });
  try {
    await writeModelFile(folder, "slow/model.json", probeConfig({ options: { tempFolder } }));
    await writeModelFile(folder, "slow/1/model.js", SLOW);
    const flags = ["--models", folder, "--http-port", "off", "--threads", "2"];
    await using running = await startServerProcess(SERVER_FROM_SOURCES, flags);
    const channel = openChannel({ hostname: "127.0.0.1", port: running.port });
    const client = new InferenceClient(channel);
    while (!await client.modelReady("slow")) await new Promise((end) => setTimeout(end, 5));
    const answers = [1, 2, 3].map((x) => probe(client, "slow", [x]));
    const all = Promise.all(answers);
    all.catch(() => {});
    while (!await Deno.stat(`${tempFolder}/begun`).catch(() => undefined)) {
      await new Promise((end) => setTimeout(end, 5));
    }
    // An answer to what came later on the connection: all of them are at the server.
    await client.modelReady("slow");
    running.child.kill("SIGTERM");
    for await (const line of running.logLines) if (/"draining"/.test(line)) break;
    await Deno.writeTextFile(`${tempFolder}/open`, "");
    assert.deepEqual((await all).map(({ y }) => y[0]), [2, 4, 6]);
    assert.equal((await running.child.status).code, 0);
    channel.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
    await Deno.remove(tempFolder, { recursive: true });
  }
});

Deno.test({
  name: "models: a serving thread that dies leaves models, their queues and caches serving",
  ignore,
}, async () => {
  const files = { ...probeModel("t1"), ...probeModel("t2", { cache: {}, batching: {} }) };
  await using served = await serveModels(files, [], {
    thread: new URL("./fixtures/faulty_thread.ts", import.meta.url),
  });
  using gate = new ProbeGate("t1");
  const clients = served.clients(32);
  await Promise.all(clients.map((client) => client.modelReady("t1")));
  // Some of these wait on the thread that dies, among them perhaps the one that is computed.
  const waiting = Promise.allSettled(
    clients.map((client, i) => probe(client, "t1", [HELD + i])),
  );
  await gate.begun(1);
  await served.until("t1", ({ queued }) => queued === clients.length - 1);
  const channel = new BroadcastChannel("faulty_thread");
  channel.postMessage(1);
  await served.until("t1", ({ queued }) => queued < clients.length - 1);
  channel.close();
  gate.open();
  const outcomes = await waiting;
  const answered = outcomes.filter(({ status }) => status === "fulfilled").length;
  assert.ok(answered > 0 && answered < clients.length, `${answered} of ${clients.length}`);
  for (const [i, outcome] of outcomes.entries()) {
    if (outcome.status === "fulfilled") assert.deepEqual(outcome.value.y, [2 * (HELD + i)]);
  }
  // What only the dead thread waited for was not computed.
  assert.ok(gate.batches.length <= answered + 1, `${gate.batches.length} batches`);
  for (let x = 1; x < 4; x++) {
    for (const model of ["t1", "t2"]) {
      const answers = await Promise.all(clients.map((client) => probe(client, model, [x])));
      for (const { y } of answers) assert.deepEqual(y, [2 * x]);
    }
  }
  assert.equal(served.statistics("t1").queued, 0);
});
