import assert from "node:assert/strict";
import { SERVER_FROM_SOURCES, startServerProcess } from "../../tasks/server_process.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { PROBE, probe, probeConfig, probeModel } from "../support/probe_model.ts";
import { serveModels, writeModelFile } from "../support/served_models.ts";

const ignore = !mayLoadModels;

const DOUBLE = "batch.map(({ x }) => ({ y: 2 * x, rows: batch.length, call: 1 }))";

Deno.test({
  name: "models: a script that gives all objects a property does not load, and harms nobody",
  ignore,
}, async () => {
  const property = (name: string) =>
    `Object.prototype.${name} = () => {};\nexport const predict = (batch) => ${DOUBLE};`;
  await using served = await serveModels({
    ...probeModel("other"),
    "then/model.json": probeConfig(),
    "then/1/model.js": property("then"),
    "get/model.json": probeConfig(),
    "get/1/model.js": property("get"),
  });
  const response = await fetch(`${served.rest}/repository/index`, { method: "POST" });
  const index = await response.json() as { name: string; state: string; reason: string }[];
  for (const name of ["then", "get"]) {
    const { state, reason } = index.find((entry) => entry.name === name) ??
      { state: "", reason: "" };
    assert.equal(state, "UNAVAILABLE");
    assert.match(reason, new RegExp(`Cannot add property ${name}.*model\\.js:1`));
  }
  assert.deepEqual((await probe(served.clients(1)[0], "other", [1])).y, [2]);
});

Deno.test({
  name: "models: what a script catches by a listener of its own does not end it",
  ignore,
}, async () => {
  await using served = await serveModels({
    "m/model.json": probeConfig(),
    "m/1/model.js": `
      let caught = 0;
      for (const type of ["error", "unhandledrejection"]) {
        addEventListener(type, (event) => {
          caught++;
          event.preventDefault();
        });
      }
      export async function predict(batch) {
        setTimeout(() => { throw new Error("in a timer"); }, 0);
        Promise.reject(new Error("in a promise"));
        while (caught < 2) await new Promise((resolve) => setTimeout(resolve, 1));
        return batch.map(({ x }) => ({ y: 2 * x, rows: caught, call: 1 }));
      }
    `,
  });
  const { y, rows } = await probe(served.clients(1)[0], "m", [1]);
  assert.deepEqual([y, rows], [[2], [2]]);
  assert.equal(served.statistics("m").instancesReplaced, 0);
});

Deno.test({
  name: "models: what a script throws outside of a call is a line of the log, and nothing else",
  ignore,
}, async () => {
  const folder = await Deno.makeTempDir({ prefix: "models-" });
  try {
    await writeModelFile(folder, "m/model.json", probeConfig());
    await writeModelFile(
      folder,
      "m/1/model.js",
      `export async function predict(batch) {
        if (batch[0].x === ${PROBE.throws}) {
          setTimeout(() => { throw new TypeError("in a timer"); }, 0);
          await new Promise(() => {});
        }
        if (batch[0].x === ${PROBE.exit}) {
          Promise.reject({ toString() { throw 1; } });
          await new Promise(() => {});
        }
        return ${DOUBLE};
      }`,
    );
    const flags = ["--models", folder, "--http-port", "0", "--threads", "1"];
    await using running = await startServerProcess(SERVER_FROM_SOURCES, flags);
    const rest = `http://127.0.0.1:${running.httpPort}/v2`;
    while (true) {
      const response = await fetch(`${rest}/health/ready`);
      await response.body?.cancel();
      if (response.ok) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const x of [PROBE.throws, PROBE.exit, 1]) {
      const response = await fetch(`${rest}/models/m/infer`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [1], data: [x] }] }),
      });
      assert.equal(response.status, x < 0 ? 503 : 200);
      await response.body?.cancel();
    }
    running.child.kill("SIGTERM");
    await running.child.status;
    const log = await running.log;
    assert.doesNotMatch(log, /Uncaught|^\s+at /m);
    const lines = log.split("\n").filter((line) => line.startsWith("{"));
    const reasons = lines.map((line) => JSON.parse(line).reason).filter(Boolean);
    assert.deepEqual([...new Set(reasons)], [
      "thrown outside of a call: in a timer",
      "thrown outside of a call: something that has no text",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
