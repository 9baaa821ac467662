import assert from "node:assert/strict";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import type { IndexEntry } from "../../lib/inference/backend.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { probe, probeConfig, probeModel, probeScript } from "../support/probe_model.ts";
import { type ServedModels, serveModels } from "../support/served_models.ts";

const ignore = !mayLoadModels;

const BROKEN =
  'export function load() { throw new Error("no licence"); }\nexport const predict = 1;';

Deno.test({
  name: "models: one that fails to load is in the index with its reason, and leaves the others",
  ignore,
}, async () => {
  await using served = await serveModels({
    ...probeModel("good"),
    ...probeModel("broken"),
    "broken/1/model.js": "export const load = () => { throw new Error('no licence'); };\n" +
      "export const predict = () => [];",
    "typo/model.json": { platform: "script", instence: 2 },
    "typo/1/model.js": probeScript(),
    "quits/model.json": probeConfig(),
    "quits/1/model.js": "export const load = () => Deno.exit(1); export const predict = () => [];",
    "empty/model.json": probeConfig(),
  });
  const [client] = served.clients(1);
  assert.deepEqual((await probe(client, "good", [1])).y, [2]);
  const index = await readIndex(served);
  const of = (name: string) => index.find((entry) => entry.name === name);
  assert.deepEqual(of("good"), { name: "good", version: "1", state: "READY", reason: "" });
  for (
    const [name, reason] of Object.entries({
      broken: /"broken".*no licence/,
      typo: /instence/,
      quits: /"quits".*Deno\.exit\(1\) was called/,
      empty: /no version/,
    })
  ) {
    assert.equal(of(name)?.state, "UNAVAILABLE", name);
    assert.match(of(name)?.reason ?? "", reason);
    await assert.rejects(() => probe(client, name, [1]), (error) => {
      assert.ok(error instanceof GrpcError);
      assert.equal(error.code, Code.NOT_FOUND);
      return true;
    });
  }
  assert.equal(await readiness(served), 200);
});

Deno.test({
  name: "models: a new version that is broken leaves the old one serving",
  ignore,
}, async () => {
  await using served = await serveModels(probeModel("m"));
  const clients = served.clients(4);
  await served.write("m/2/model.js", BROKEN);
  const { status, error } = await change(served, "m", "load");
  assert.equal(status, 400);
  assert.match(error, /"m".*predict/);
  for (const client of clients) assert.equal((await probe(client, "m", [1])).version, "1");
  const states = (await readIndex(served)).map(({ version, state }) => `${version} ${state}`);
  assert.deepEqual(states, ["1 READY", "2 UNAVAILABLE"]);
  // The same version, broken: what was loaded before serves on, and the index says what is wrong.
  await served.write("m/2/model.js", probeScript(5));
  assert.equal((await change(served, "m", "load")).status, 200);
  await served.write("m/2/model.js", BROKEN);
  assert.equal((await change(served, "m", "load")).status, 400);
  for (const client of clients) assert.deepEqual((await probe(client, "m", [1])).y, [5]);
  const [entry, ...others] = await readIndex(served);
  assert.deepEqual([entry.version, entry.state, others], ["2", "READY", []]);
  assert.match(entry.reason, /predict/);
});

Deno.test(
  { name: "models: in explicit mode nothing serves but what was asked for", ignore },
  async () => {
    await using served = await serveModels(
      { ...probeModel("a"), ...probeModel("b") },
      ["--model-mode", "explicit"],
    );
    const [client] = served.clients(1);
    assert.equal(await readiness(served), 200);
    await assert.rejects(() => probe(client, "a", [1]), /There is no model "a"/);
    const unloaded = { state: "UNAVAILABLE", reason: "it is not loaded" };
    assert.deepEqual(await readIndex(served), [
      { name: "a", version: "1", ...unloaded },
      { name: "b", version: "1", ...unloaded },
    ]);
    assert.equal((await change(served, "a", "load")).status, 200);
    assert.deepEqual((await probe(client, "a", [1])).y, [2]);
    await assert.rejects(() => probe(client, "b", [1]), /There is no model "b"/);
    assert.equal((await change(served, "a", "unload")).status, 200);
    await assert.rejects(() => probe(client, "a", [1]), /There is no model "a"/);
    assert.equal((await change(served, "a", "unload")).status, 404);
    assert.equal((await change(served, "c", "load")).status, 404);
    assert.equal((await change(served, "linear", "unload")).status, 409);
  },
);

Deno.test({
  name:
    "models: a watched folder's new versions serve, what is removed goes, what is wrong is told",
  ignore,
}, async () => {
  await using served = await serveModels(probeModel("w"), ["--model-mode", "watch"]);
  const [client] = served.clients(1);
  const serving = async () => {
    const index = await readIndex(served);
    return index.filter(({ state }) => state === "READY").map(({ name, version }) =>
      `${name}/${version}`
    );
  };
  const until = async (expected: readonly string[]) => {
    while (`${await serving()}` !== `${expected}`) await new Promise((r) => setTimeout(r, 20));
  };
  await until(["w/1"]);
  await served.write("w/2/model.js", probeScript(3));
  await until(["w/2"]);
  assert.deepEqual((await probe(client, "w", [1])).y, [3]);
  for (const [path, content] of Object.entries(probeModel("new"))) {
    await served.write(path, content);
  }
  await until(["new/1", "w/2"]);
  // Somebody unloads what the folder is about to lose: the watching goes on.
  await served.write("bad/model.json", "{");
  while (!(await readIndex(served)).some(({ name }) => name === "bad")) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await Promise.all([
    change(served, "new", "unload"),
    Deno.remove(`${served.folder}/new`, { recursive: true }),
    Deno.remove(`${served.folder}/bad`, { recursive: true }),
  ]);
  while ((await readIndex(served)).length > 1) await new Promise((r) => setTimeout(r, 20));
  assert.deepEqual(await serving(), ["w/2"]);
  await Deno.remove(`${served.folder}/w/2`, { recursive: true });
  await until(["w/1"]);
  assert.deepEqual((await probe(client, "w", [1])).y, [2]);
});

Deno.test({
  name:
    "models: a server on a watched folder is ready once it serves what has just been copied there",
  ignore,
}, async () => {
  // The files are some milliseconds old when the server looks.
  await using served = await serveModels(probeModel("fresh"), ["--model-mode", "watch"]);
  assert.equal(await readiness(served), 200);
  assert.deepEqual((await probe(served.clients(1)[0], "fresh", [1])).y, [2]);
});

Deno.test({
  name: "models: a watched version that takes long to load holds up no other model",
  ignore,
}, async () => {
  await using served = await serveModels(probeModel("w"), ["--model-mode", "watch"]);
  const states = async () =>
    Object.fromEntries((await readIndex(served)).map(({ name, state }) => [name, state]));
  const until = async (expected: Record<string, string>) => {
    while (JSON.stringify(await states()) !== JSON.stringify(expected)) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await served.write("slow/model.json", probeConfig());
  await served.write(
    "slow/1/model.js",
    `export const load = async ({ environment: { folder } }) => {
      while (await Deno.stat(folder + "/.go").catch(() => null) === null) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    export const predict = (batch) => batch.map(({ x }) => ({ y: x, rows: 1, call: 1 }));`,
  );
  await until({ slow: "LOADING", w: "READY" });
  for (const [path, content] of Object.entries(probeModel("after"))) {
    await served.write(path, content);
  }
  await until({ after: "READY", slow: "LOADING", w: "READY" });
  await Deno.remove(`${served.folder}/after`, { recursive: true });
  await until({ slow: "LOADING", w: "READY" });
  await served.write("slow/1/.go", "");
  await until({ slow: "READY", w: "READY" });
});

async function readIndex({ rest }: ServedModels): Promise<readonly IndexEntry[]> {
  const response = await fetch(`${rest}/repository/index`, { method: "POST" });
  const entries = await response.json() as IndexEntry[];
  return entries.filter(({ name }) => name !== "linear");
}

async function readiness({ rest }: ServedModels): Promise<number> {
  const response = await fetch(`${rest}/health/ready`);
  await response.body?.cancel();
  return response.status;
}

async function change({ rest }: ServedModels, model: string, what: "load" | "unload") {
  const response = await fetch(`${rest}/repository/models/${model}/${what}`, { method: "POST" });
  const text = await response.text();
  const { error = "" } = text === "" ? {} : JSON.parse(text) as { error?: string };
  return { status: response.status, error };
}
