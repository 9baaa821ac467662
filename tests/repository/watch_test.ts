import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { REPOSITORY_AWAITED_MS_MAX, REPOSITORY_SETTLE_MS } from "../../lib/limits.ts";
import type { RepositoryPlan } from "../../lib/repository/model_plan.ts";
import { ModelRepository } from "../../lib/repository/repository.ts";
import { type Clocks, Settling } from "../../lib/repository/settling.ts";
import { watchFolder } from "../../lib/repository/watch.ts";
import { mayServeFiles, mayUseFolders, TempFolder } from "./temp_folder.ts";

const WITH_FOLDERS = { ignore: !mayUseFolders };
const ONNX = { platform: "onnx" };
const QUICK = { debounceMs: 1, debounceMsMax: 20, settleMs: 20, rescanMs: 20 };
/** Nothing but an event ends these waits in time for the test. */
const EVENTS = { ...QUICK, settleMs: 600_000, rescanMs: 600_000 };

Deno.test(
  "watchFolder() tells of the start, of what happens in any folder below, and ends",
  WITH_FOLDERS,
  async () => {
    await using folder = new TempFolder();
    await folder.write({ "a/b/file": "" });
    const controller = new AbortController();
    const looks = watchFolder(folder.path, controller.signal, () => false, EVENTS);
    assert.equal((await looks.next()).value, "start");
    await folder.write({ "a/b/file": "more" });
    assert.equal((await looks.next()).value, "event");
    const last = looks.next();
    controller.abort();
    assert.deepEqual(await last, { value: undefined, done: true });
  },
);

Deno.test("watchFolder() takes many events as one", WITH_FOLDERS, async () => {
  await using folder = new TempFolder();
  const controller = new AbortController();
  const looks = watchFolder(folder.path, controller.signal, () => false, {
    ...EVENTS,
    debounceMs: 50,
    debounceMsMax: 60_000,
  });
  await looks.next();
  for (let file = 0; file < 100; file++) await folder.write({ [`file${file}`]: "" });
  assert.equal((await looks.next()).value, "event");
  const next = looks.next();
  controller.abort();
  assert.equal((await next).done, true);
});

Deno.test("watchFolder() looks again without events", WITH_FOLDERS, async () => {
  await using folder = new TempFolder();
  const controller = new AbortController();
  const looks = watchFolder(folder.path, controller.signal, () => false, QUICK);
  await looks.next();
  assert.equal((await looks.next()).value, "rescan");
  assert.equal((await looks.next()).value, "rescan");
  await looks.return(undefined);
});

Deno.test("watchFolder() looks again soon at what was being written", WITH_FOLDERS, async () => {
  await using folder = new TempFolder();
  const controller = new AbortController();
  const times = { ...EVENTS, settleMs: 1 };
  const looks = watchFolder(folder.path, controller.signal, () => true, times);
  await looks.next();
  assert.equal((await looks.next()).value, "rescan");
  await looks.return(undefined);
});

Deno.test("watchFolder() goes on where there are no events", WITH_FOLDERS, async () => {
  await using folder = new TempFolder();
  const controller = new AbortController();
  const nowhere = `${folder.path}/nowhere`;
  const looks = watchFolder(nowhere, controller.signal, () => false, QUICK);
  await looks.next();
  assert.equal((await looks.next()).value, "rescan");
  controller.abort();
  assert.equal((await looks.next()).done, true);
});

Deno.test("Settling.isQuiet() waits until nothing has changed for long enough", async (t) => {
  const at = (ms: number) => ({ wallMs: 1_000_000 + ms, steadyMs: ms });
  const settled = REPOSITORY_SETTLE_MS;
  await t.step("by the times of the files", () => {
    const settling = new Settling();
    assert.equal(settling.isQuiet("a", "x", 1_000_000 - settled, at(0)), true);
    assert.equal(settling.isQuiet("b", "x", 1_000_001 - settled, at(0)), false);
  });
  await t.step("by what was seen, where the files' clock is ahead", () => {
    const settling = new Settling();
    const look = (stamp: string, ms: number) => {
      const isQuiet = settling.isQuiet("a", stamp, 9_000_000, at(ms));
      settling.endLook();
      return isQuiet;
    };
    assert.equal(look("x", 0), false);
    assert.equal(look("x", settled - 1), false);
    assert.equal(look("y", settled), false);
    assert.equal(look("y", 2 * settled - 1), false);
    assert.equal(look("y", 2 * settled), true);
  });
  await t.step("anew for what was gone in between", () => {
    const settling = new Settling();
    settling.isQuiet("a", "x", 9_000_000, at(0));
    settling.endLook();
    settling.endLook();
    assert.equal(settling.isQuiet("a", "x", 9_000_000, at(settled)), false);
  });
});

Deno.test(
  "ModelRepository.watch() follows a model from its copying to its end",
  WITH_FOLDERS,
  async () => {
    await using folder = new TempFolder();
    await Deno.mkdir(`${folder.path}/models`);
    await using repository = await openWatching(folder);
    const controller = new AbortController();
    const plans = repository.watch(controller.signal);
    await planLike(plans, { serve: {}, problems: 0 });
    await folder.write({ "models/iris/model.json": ONNX, "models/iris/1/model.onnx": "half" });
    await planLike(plans, { serve: { iris: ["1"] }, problems: 0 });
    await folder.write({ "models/iris/model.json": "{" });
    await planLike(plans, { serve: { iris: ["1"] }, problems: 1 });
    await folder.write({ "models/iris/model.json": ONNX, "models/iris/2/model.onnx": "new" });
    await planLike(plans, { serve: { iris: ["2"] }, problems: 0 });
    await Deno.remove(`${folder.path}/models/iris`, { recursive: true });
    await planLike(plans, { serve: {}, problems: 0 });
    const end = plans.next();
    controller.abort();
    assert.equal((await end).done, true);
  },
);

Deno.test(
  "ModelRepository.plan() waits, when it watches, until files are quiet",
  WITH_FOLDERS,
  async () => {
    await using folder = new TempFolder();
    const { repository, plan } = await openOutOfTime(folder);
    await using _ = repository;
    const planAfter = async (ms: number) => shown(await plan(ms));
    const settled = REPOSITORY_SETTLE_MS;
    const one = { serve: { iris: ["1"] }, problems: 0 };
    assert.deepEqual(await planAfter(0), { serve: {}, problems: 0 }, "first seen");
    // The configuration is looked at first; versions only once it is quiet.
    assert.deepEqual(
      await planAfter(settled),
      { serve: {}, problems: 0 },
      "the version's first sight",
    );
    await folder.write({ "models/iris/1/model.onnx": "halfway" });
    assert.deepEqual(await planAfter(settled), { serve: {}, problems: 0 }, "still written");
    assert.deepEqual(await planAfter(settled), one, "quiet");
    const [{ versions: [before] }] = (await repository.plan()).models;
    await folder.write({
      "models/iris/1/model.onnx": "another one",
      "models/iris/2/model.onnx": "",
    });
    assert.deepEqual(await planAfter(settled), one, "written over");
    const [{ versions: [during] }] = (await repository.plan()).models;
    assert.deepEqual(during, before);
    await folder.write({ "models/iris/model.json": "{" });
    assert.deepEqual(await planAfter(settled), one, "a configuration that is being written");
    assert.deepEqual(await planAfter(settled), { ...one, problems: 1 }, "a wrong configuration");
    await folder.write({ "models/iris/model.json": ONNX });
    assert.deepEqual(await planAfter(settled), { ...one, problems: 1 }, "being written again");
    await planAfter(settled);
    assert.deepEqual(
      await planAfter(settled),
      { serve: { iris: ["2"] }, problems: 0 },
      "all quiet",
    );
  },
);

Deno.test(
  "ModelRepository.plan() awaits what was being written at the first look, not for ever",
  WITH_FOLDERS,
  async () => {
    await using folder = new TempFolder();
    const { repository, plan } = await openOutOfTime(folder);
    await using _ = repository;
    const pendingAfter = async (ms: number) => (await plan(ms)).pending;
    const awaited = [{ name: "iris", isAwaited: true }];
    assert.deepEqual(await pendingAfter(0), awaited);
    await folder.write({ "models/later/model.json": ONNX, "models/later/1/model.onnx": "" });
    const later = { name: "later", isAwaited: false };
    assert.deepEqual(await pendingAfter(REPOSITORY_SETTLE_MS), [...awaited, later]);
    await folder.write({ "models/iris/1/model.onnx": "halfway" });
    assert.deepEqual(await pendingAfter(REPOSITORY_SETTLE_MS), [...awaited, later]);
    await folder.write({ "models/iris/1/model.onnx": "nearly there" });
    const late = [{ name: "iris", isAwaited: false }];
    assert.deepEqual(await pendingAfter(REPOSITORY_AWAITED_MS_MAX), late);
    assert.deepEqual(await pendingAfter(REPOSITORY_SETTLE_MS), []);
  },
);

Deno.test({
  name: "ModelRepository.watch() tells of other models while a file is on its way",
  ignore: !mayServeFiles,
}, async () => {
  await using folder = new TempFolder();
  const sha256 = createHash("sha256").update("weights").digest("hex");
  const rest = Promise.withResolvers<void>();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    () =>
      new Response(
        new ReadableStream({
          async pull(body) {
            await rest.promise;
            body.enqueue(new TextEncoder().encode("weights"));
            body.close();
          },
        }),
      ),
  );
  const url = `http://127.0.0.1:${server.addr.port}/model.onnx`;
  await folder.write({
    "models/far/model.json": { ...ONNX, source: { url, sha256 } },
    "models/near/model.json": ONNX,
    "models/near/1/model.onnx": "weights",
  });
  await using repository = await openWatching(folder);
  const controller = new AbortController();
  const plans = repository.watch(controller.signal);
  const { pending } = await planLike(plans, { serve: { near: ["1"] }, problems: 1 });
  assert.deepEqual(pending, [{ name: "far", isAwaited: true }]);
  rest.resolve();
  await planLike(plans, { serve: { far: ["1"], near: ["1"] }, problems: 0 });
  await plans.return(undefined);
  controller.abort();
  await server.shutdown();
});

Deno.test({
  name: "ModelRepository gives up what it fetches at its end",
  ignore: !mayServeFiles,
}, async () => {
  await using folder = new TempFolder();
  const asked = Promise.withResolvers<void>();
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, () => {
    asked.resolve();
    return new Response(new ReadableStream({ start: (body) => body.enqueue(new Uint8Array(9)) }));
  });
  const url = `http://127.0.0.1:${server.addr.port}/model.onnx`;
  const source = { url, sha256: "0".repeat(64) };
  await folder.write({ "models/far/model.json": { ...ONNX, source } });
  const repository = await ModelRepository.open({
    folder: `${folder.path}/models`,
    mode: "all",
    cacheFolder: `${folder.path}/cache`,
    readVariable: () => undefined,
  });
  const planning = repository.plan().catch(() => {});
  await asked.promise;
  await repository[Symbol.asyncDispose]();
  await planning;
  assert.deepEqual(await Array.fromAsync(Deno.readDir(`${folder.path}/cache`)), []);
  await server.shutdown();
});

/** With a model, and clocks by which all files are of the future, so that only what was seen counts. */
async function openOutOfTime(folder: TempFolder) {
  await folder.write({ "models/iris/model.json": ONNX, "models/iris/1/model.onnx": "half" });
  const clocks = { wallMs: 0, steadyMs: 0 };
  const repository = await openWatching(folder, () => clocks);
  const plan = (afterMs: number) => {
    clocks.steadyMs += afterMs;
    return repository.plan();
  };
  return { repository, plan };
}

function openWatching(folder: TempFolder, clocks?: () => Clocks): Promise<ModelRepository> {
  return ModelRepository.open({
    folder: `${folder.path}/models`,
    mode: "watch",
    cacheFolder: undefined,
    readVariable: () => undefined,
    ...clocks === undefined ? {} : { clocks },
  });
}

/** Reads plans up to one; those between are of files that became quiet one after another. */
async function planLike(
  plans: AsyncGenerator<RepositoryPlan>,
  expected: object,
): Promise<RepositoryPlan> {
  const met: object[] = [];
  while (met.length < 5) {
    const { value, done } = await plans.next();
    assert.ok(!done);
    met.push(shown(value));
    if (isDeepStrictEqual(met.at(-1), expected)) return value;
  }
  assert.fail(`No plan is ${JSON.stringify(expected)}: ${JSON.stringify(met)}`);
}

function shown({ models, problems }: RepositoryPlan) {
  const serve = Object.fromEntries(models.map(({ name, versions }) => [
    name,
    versions.map(({ version }) => version),
  ]));
  return { serve, problems: problems.length };
}
