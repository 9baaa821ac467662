import assert from "node:assert/strict";
import { Code } from "../../lib/grpc/status.ts";
import { InvocationClient } from "../../lib/services/invocation_client.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { type FileContent, type ServedModels, serveModels } from "../support/served_models.ts";

const ignore = !mayLoadModels;

const OK = { status: "OK", message: "" };

const tensor = (name: string, datatype = "BYTES") => ({ name, datatype, shape: [-1] });

/** A script model with these tensors. */
function script(
  source: string,
  { inputs = [tensor("content")], outputs = [tensor("metadata")] } = {},
): Readonly<Record<string, FileContent>> {
  return {
    "m/model.json": { platform: "script", inputs, outputs, timeoutMs: 60_000, batching: {} },
    "m/1/model.ts": source,
  };
}

/** Says what it was given. */
const TELLING = `
  export function predict(batch) {
    return batch.map((row) => {
      if (row.content === "throw") throw new Error("this content is not for me");
      return { metadata: JSON.stringify([{ key: "given", value: JSON.stringify(row) }]) };
    });
  }
`;

async function serve(files: Readonly<Record<string, FileContent>>, flags: readonly string[] = []) {
  const served = await serveModels(files, [
    "--store",
    "memory",
    // A test's workers are type-checked as they start, which takes seconds.
    "--store-timeout-seconds",
    "60",
    "--invocation-model",
    "m",
    ...flags,
  ]);
  const root = served.rest.replace(/\/v2$/, "");
  const client = new InvocationClient(served.channel());
  const get = async (path: string) => {
    const response = await fetch(`${root}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return {
    served,
    client,
    get,
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

Deno.test({
  name: "Invocation: a model is run on content and metadata, and its answer kept",
  ignore,
}, async () => {
  const inputs = [tensor("content"), tensor("metadata")];
  await using server = await serve(script(TELLING, { inputs }));
  const metadata = [{ key: "k", value: "ü" }];
  const input = { id: -3, content: "ä😀", metadata };
  assert.deepEqual(await server.client.invoke(input), OK);
  const run = JSON.parse((await server.get("/invocation/-3")).text);
  const row = { content: "ä😀", metadata: JSON.stringify(metadata) };
  assert.deepEqual(run, {
    model_input: input,
    model_output: { id: -3, metadata: [{ key: "given", value: JSON.stringify(row) }] },
  });
  // Runs at once share batches, and each has its own answer.
  const ids = Array.from({ length: 100 }, (_, id) => id);
  await Promise.all(ids.map((id) => server.client.invoke({ id, content: `c${id}`, metadata: [] })));
  for (const id of ids) {
    const { model_output } = JSON.parse((await server.get(`/invocation/${id}`)).text);
    assert.equal(JSON.parse(model_output.metadata[0].value).content, `c${id}`);
  }
});

Deno.test({
  name: "Invocation: what fails is an ERROR with a reason, and keeps what was there",
  ignore,
}, async () => {
  await using server = await serve(script(TELLING));
  const input = { id: 7, content: "first", metadata: [] };
  assert.deepEqual(await server.client.invoke(input), OK);
  const before = await server.get("/invocation/7");
  for (const id of [7, 8]) {
    const failed = await server.client.invoke({ id, content: "throw", metadata: [] });
    assert.equal(failed.status, "ERROR");
    assert.match(failed.message, /this content is not for me/);
  }
  assert.deepEqual(await server.get("/invocation/7"), before);
  assert.equal((await server.get("/invocation/8")).status, 404);
  const metrics = (await server.get("/metrics")).text;
  assert.match(metrics, /^modelserver_invocations_ok_total 1$/m);
  assert.match(metrics, /^modelserver_invocations_failed_total 2$/m);
  assert.match(metrics, /^modelserver_store_failures_total 0$/m);
});

Deno.test(
  { name: "Invocation: models that answer something else, or take something else", ignore },
  async (t) => {
    const answering = (metadata: string) =>
      script(`
    export const predict = (batch) => batch.map(() => ({ metadata: ${JSON.stringify(metadata)} }));
  `);
    const cases: readonly (readonly [string, ReturnType<typeof script>, RegExp])[] = [
      ["no JSON", answering("boxes"), /its output "metadata", it is no JSON text/],
      ["no pairs", answering('[{"key":"a"}]'), /its element 0 is no pair/],
      [
        "another input",
        script(TELLING, { inputs: [tensor("image")] }),
        /^Cannot invoke model "m": it takes image BYTES \[-1\] to metadata BYTES \[-1\], needs/,
      ],
      [
        "another output",
        script(TELLING, { outputs: [tensor("metadata", "FP32")] }),
        /metadata FP32/,
      ],
      [
        "a model that cannot be loaded",
        script("export const nothing = 1;"),
        /There is no model "m"/,
      ],
      ["no model", {}, /There is no model "m"/],
    ];
    for (const [what, files, message] of cases) {
      await t.step(what, async () => {
        await using server = await serve(files);
        const failed = await server.client.invoke({ id: 1, content: "c", metadata: [] });
        assert.equal(failed.status, "ERROR");
        assert.match(failed.message, message);
        assert.equal((await server.get("/invocation/1")).status, 404);
      });
    }
  },
);

Deno.test(
  { name: "Invocation: a model that does not serve is said by GET / and /readyz", ignore },
  async () => {
    await using server = await serve({}, ["--model-mode", "explicit"]);
    assert.deepEqual(await server.get("/"), { status: 503, text: "not ready!\n" });
    assert.deepEqual(await server.get("/readyz"), {
      status: 503,
      text: 'not ready: the model "m" of --invocation-model does not serve',
    });
    for (const [path, content] of Object.entries(script(TELLING))) {
      await server.served.write(path, content);
    }
    const loaded = await fetch(`${server.served.rest}/repository/models/m/load`, {
      method: "POST",
    });
    assert.equal(loaded.status, 200, await loaded.text());
    assert.deepEqual(await server.get("/"), { status: 200, text: "ready!\n" });
    assert.deepEqual(await server.get("/readyz"), { status: 200, text: "ok" });
  },
);

/** Rows that a model has computed. */
const computed = (served: ServedModels) => served.statistics("m").executionCount;

Deno.test(
  { name: "Invocation: a run that nobody waits for any more is not kept", ignore },
  async () => {
    // Answers no sooner than a file is there.
    const gate = await Deno.makeTempFile();
    await Deno.remove(gate);
    const files = script(`
    import { statSync } from "node:fs";
    export async function predict(batch) {
      while (statSync(${JSON.stringify(gate)}, { throwIfNoEntry: false }) === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return batch.map(() => ({ metadata: "[]" }));
    }
  `);
    const config = files["m/model.json"] as Record<string, unknown>;
    const permissions = { read: [gate] };
    await using server = await serve({
      ...files,
      "m/model.json": { ...config, batching: undefined, options: { permissions } },
    });
    const { client, served, get } = server;
    const late = client.invoke({ id: 1, content: "", metadata: [] }, { timeoutMs: 200 });
    await assert.rejects(late, { code: Code.DEADLINE_EXCEEDED });
    const aborter = new AbortController();
    const cancelled = client.invoke({ id: 2, content: "", metadata: [] }, {
      signal: aborter.signal,
    });
    // One is with the model, one waits for it: none of both is waited for.
    await served.until("m", ({ queued }) => queued === 1);
    aborter.abort();
    await assert.rejects(cancelled);
    await served.until("m", ({ queued }) => queued === 0);
    await Deno.writeTextFile(gate, "");
    assert.deepEqual(await client.invoke({ id: 3, content: "", metadata: [] }), OK);
    assert.ok(computed(served) >= 1);
    assert.equal((await get("/invocation/1")).status, 404);
    assert.equal((await get("/invocation/2")).status, 404);
    assert.equal((await get("/invocation/3")).status, 200);
    await Deno.remove(gate);
  },
);
