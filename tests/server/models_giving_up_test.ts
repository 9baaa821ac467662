import assert from "node:assert/strict";
import { Code } from "../../lib/grpc/status.ts";
import { inferenceMethods } from "../../lib/services/inference_contract.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { probe, probeConfig, probeModel, probeScript } from "../support/probe_model.ts";
import { type ServedModels, serveModels } from "../support/served_models.ts";

const ignore = !mayLoadModels;

/** A load that never ends, beside a file that tells that it has begun. */
const hanging = (hangs: string, marker: string) => `
  export const load = async ({ environment: { tempFolder } }) => {
    await Deno.writeTextFile(tempFolder + "/${marker}", "");
    ${hangs}
  };
  export const predict = (batch) => batch.map(({ x }) => ({ y: x, rows: 1, call: 1 }));
`;

const HANGS = {
  "loops for ever": "for (;;);",
  "waits for ever": "await new Promise(() => {});",
};

for (const [what, hangs] of Object.entries(HANGS)) {
  Deno.test({ name: `models: a load that ${what} is given up by an unload`, ignore }, async () => {
    await using temp = await tempFolder();
    await using served = await serveModels({
      "m/model.json": probeConfig({ options: { tempFolder: temp.path } }),
      "m/1/model.js": hanging(hangs, "begun"),
      ...probeModel("other"),
    }, ["--model-mode", "explicit"]);
    const loading = change(served, "m", "load");
    await temp.until("begun");
    assert.equal((await change(served, "other", "load")).status, 200);
    assert.equal((await change(served, "m", "unload")).status, 200);
    const { status, error } = await loading;
    assert.equal(status, 409);
    assert.match(error, /"m".*given up.*unloaded/);
    await served.write("m/1/model.js", probeScript(3));
    assert.equal((await change(served, "m", "load")).status, 200);
    assert.deepEqual((await probe(served.clients(1)[0], "m", [1])).y, [3]);
  });
}

Deno.test({
  name: "models: a load goes on when its caller has stopped waiting for it",
  ignore,
}, async () => {
  await using temp = await tempFolder();
  await using served = await serveModels({
    "m/model.json": probeConfig({ options: { tempFolder: temp.path } }),
    "m/1/model.js": hanging(
      `while (await Deno.stat(tempFolder + "/go").catch(() => null) === null) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }`,
      "begun",
    ),
  }, ["--model-mode", "explicit"]);
  const channel = served.channel();
  const request = { repository_name: "", model_name: "m", parameters: {} };
  const { repositoryModelLoad } = inferenceMethods();
  const controller = new AbortController();
  const cancelled = channel.unary(repositoryModelLoad, request, { signal: controller.signal });
  await temp.until("begun");
  controller.abort();
  await assert.rejects(cancelled);
  await assert.rejects(channel.unary(repositoryModelLoad, request, { timeoutMs: 20 }), {
    code: Code.DEADLINE_EXCEEDED,
  });
  const [client] = served.clients(1);
  assert.equal(await client.modelReady("m"), false);
  await Deno.writeTextFile(`${temp.path}/go`, "");
  while (!await client.modelReady("m")) await new Promise((resolve) => setTimeout(resolve, 5));
});

Deno.test({
  name: "models: in a watched folder a load that hangs is given up for files that have changed",
  ignore,
}, async () => {
  await using temp = await tempFolder();
  await using served = await serveModels(probeModel("w"), ["--model-mode", "watch"]);
  const [client] = served.clients(1);
  await served.write("w/model.json", probeConfig({ options: { tempFolder: temp.path } }));
  await served.write("w/1/model.js", hanging(HANGS["loops for ever"], "begun"));
  await temp.until("begun");
  await served.write("w/1/model.js", probeScript(7));
  for (;;) {
    const { y } = await probe(client, "w", [1]);
    if (y[0] === 7) break;
    assert.deepEqual(y, [2]);
  }
});

Deno.test({ name: "models: a server that ends gives up its loads at once", ignore }, async () => {
  await using temp = await tempFolder();
  await using served = await serveModels({
    "m/model.json": probeConfig({ options: { tempFolder: temp.path } }),
    "m/1/model.js": hanging(HANGS["waits for ever"], "begun"),
  }, ["--model-mode", "explicit"]);
  const loading = change(served, "m", "load");
  await temp.until("begun");
  served.server.models.stopLoading();
  assert.equal((await loading).status, 503);
  assert.equal((await change(served, "m", "load")).status, 503);
});

async function change({ rest }: ServedModels, model: string, what: "load" | "unload") {
  const response = await fetch(`${rest}/repository/models/${model}/${what}`, { method: "POST" });
  const text = await response.text();
  const { error = "" } = text === "" ? {} : JSON.parse(text) as { error?: string };
  return { status: response.status, error };
}

async function tempFolder() {
  const path = await Deno.makeTempDir({ prefix: "models-temp-" });
  return {
    path,
    async until(file: string) {
      while (await Deno.stat(`${path}/${file}`).catch(() => undefined) === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
