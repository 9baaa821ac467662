import assert from "node:assert/strict";
import { type ErrorCode, OperationError } from "../../lib/errors.ts";
import type { RepositoryPlan } from "../../lib/repository/model_plan.ts";
import type { ModelTableDescriptor } from "../../lib/runtime/generation.ts";
import { ModelSupervisor } from "../../lib/supervision/model_supervisor.ts";
import { HeldTimers } from "../support/held_timers.ts";
import { FakeGeneration } from "./fake_generation.ts";

/** What a plan says, in short: model → version → fingerprint. */
type Plan = Readonly<Record<string, Readonly<Record<string, string>>>>;

function planOf(
  plan: Plan,
  problems: RepositoryPlan["problems"] = [],
  platform = "onnx",
): RepositoryPlan {
  return {
    models: Object.entries(plan).map(([name, versions]) => ({
      name,
      // The supervisor itself looks at nothing else in it.
      config: { platform } as never,
      versions: Object.entries(versions).map(([version, fingerprint]) => ({
        version,
        folder: `/models/${name}/${version}`,
        fingerprint,
      })),
    })),
    problems,
    pending: [],
  };
}

/** A supervisor whose loads and threads the test plays. */
class Stage implements Disposable {
  readonly loaded: FakeGeneration[] = [];
  readonly tables: ModelTableDescriptor[] = [];
  readonly failures: string[] = [];
  readonly givenUp: string[] = [];
  /** Fingerprints that cannot be loaded. */
  readonly broken = new Set<string>();
  /** Fingerprints whose loads hang until they are given up. */
  readonly hanging = new Set<string>();
  /** Resolves when all threads have switched; at once unless a test holds it. */
  switched: Promise<void> = Promise.resolve();
  /** Loads that failed, and how they do. */
  readonly attempts: string[] = [];
  code: ErrorCode = "invalid-argument";
  /** Loads that hang, as they began. */
  readonly begun: string[] = [];
  readonly supervisor = new ModelSupervisor({
    retries: true,
    load: async (model, { version, fingerprint }, signal) => {
      if (this.hanging.has(fingerprint)) {
        this.begun.push(fingerprint);
        await new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        });
      }
      if (this.broken.has(fingerprint)) {
        this.attempts.push(fingerprint);
        throw new OperationError(this.code, `Cannot load ${fingerprint}`);
      }
      const generation = new FakeGeneration(
        this.loaded.length + 1,
        model.name,
        version,
        fingerprint,
      );
      this.loaded.push(generation);
      return generation;
    },
    publish: (table) => {
      this.tables.push(table);
      return this.switched;
    },
    events: {
      onModelServes: () => {},
      onModelUnloaded: () => {},
      onModelFailed: (model, version, reason) =>
        this.failures.push(`${model}/${version}: ${reason}`),
      onLoadGivenUp: (model, version) => this.givenUp.push(`${model}/${version}`),
    },
  });

  get serving(): string[] {
    const { generations } = this.supervisor.table;
    return generations.map(({ id, model, version }) => `${model}/${version}#${id}`).sort();
  }

  [Symbol.dispose](): void {
    this.supervisor.close();
  }
}

Deno.test("ModelSupervisor.reconcile() serves what is planned, then only what has changed", async () => {
  using stage = new Stage();
  assert.equal(stage.supervisor.table.ready, false);
  await stage.supervisor.reconcile(planOf({ a: { 1: "x", 2: "y" }, b: { 1: "z" } }));
  assert.deepEqual(stage.serving.map((text) => text.slice(0, 3)), ["a/1", "a/2", "b/1"]);
  assert.equal(stage.supervisor.table.ready, true);
  const before = stage.serving;
  await stage.supervisor.reconcile(planOf({ a: { 1: "x", 2: "y" }, b: { 1: "z" } }));
  assert.deepEqual(stage.serving, before);
  await stage.supervisor.reconcile(planOf({ a: { 2: "y", 3: "w" }, b: { 1: "z2" } }));
  assert.deepEqual(
    stage.serving.map((text) => text.slice(0, 3)),
    ["a/2", "a/3", "b/1"],
  );
  assert.equal(stage.loaded.length, 5);
  assert.deepEqual(
    stage.loaded.filter(({ state }) => state === "drains").map(({ fingerprint }) => fingerprint)
      .sort(),
    ["x", "z"],
  );
});

Deno.test("ModelSupervisor becomes ready with what the first plan awaits, and unloads none of it", async () => {
  using stage = new Stage();
  const { supervisor } = stage;
  const pending = (isAwaited: boolean) => [{ name: "b", isAwaited }];
  let isReady = false;
  supervisor.readiness.then(() => isReady = true);
  await supervisor.reconcile({ ...planOf({ a: { 1: "x" } }), pending: pending(true) });
  assert.equal(supervisor.table.ready, false);
  // Somebody cannot wait until its files are quiet.
  await supervisor.load(() => Promise.resolve(planOf({ b: { 1: "y" } }).models[0]), "b");
  await supervisor.reconcile({ ...planOf({ a: { 1: "z" } }), pending: pending(true) });
  assert.equal(supervisor.table.ready, false);
  assert.deepEqual([isReady, stage.serving.length], [false, 2]);
  await supervisor.reconcile({ ...planOf({ a: { 1: "z" } }), pending: pending(false) });
  assert.equal(supervisor.table.ready, true);
  await supervisor.readiness;
});

Deno.test("ModelSupervisor lets the old generation drain only when all threads have switched", async () => {
  using stage = new Stage();
  await stage.supervisor.reconcile(planOf({ a: { 1: "x" } }));
  const { promise, resolve } = Promise.withResolvers<void>();
  stage.switched = promise;
  const tables = stage.tables.length;
  const changed = stage.supervisor.reconcile(planOf({ a: { 1: "y" } }));
  while (stage.tables.length === tables) await Promise.resolve();
  assert.deepEqual(stage.serving, ["a/1#2"]);
  assert.equal(stage.loaded[0].state, "serves");
  resolve();
  await changed;
  assert.equal(stage.loaded[0].state, "drains");
});

Deno.test("ModelSupervisor: a version that fails to load changes nothing but the index", async () => {
  using stage = new Stage();
  await stage.supervisor.reconcile(planOf({ a: { 1: "x" }, b: { 1: "z" } }));
  stage.broken.add("bad").add("worse");
  await stage.supervisor.reconcile(planOf({ a: { 2: "bad" }, b: { 1: "worse" } }));
  assert.deepEqual(stage.serving, ["a/1#1", "b/1#2"]);
  assert.deepEqual(stage.failures, ["a/2: Cannot load bad", "b/1: Cannot load worse"]);
  assert.deepEqual(stage.supervisor.index, [
    { name: "a", version: "1", state: "READY", reason: "" },
    { name: "a", version: "2", state: "UNAVAILABLE", reason: "Cannot load bad" },
    { name: "b", version: "1", state: "READY", reason: "Cannot load worse" },
  ]);
  await stage.supervisor.reconcile(planOf({ a: { 2: "good" }, b: { 1: "fine" } }));
  assert.deepEqual(stage.serving.map((text) => text.slice(0, 3)), ["a/2", "b/1"]);
  assert.ok(
    stage.supervisor.index.every(({ state, reason }) => state === "READY" && reason === ""),
  );
});

Deno.test("ModelSupervisor.reconcile() unloads models that are gone, not those with a problem", async () => {
  using stage = new Stage();
  await stage.supervisor.reconcile(planOf({ a: { 1: "x" }, b: { 1: "y" }, c: { 1: "z" } }));
  for (const generation of stage.loaded) generation.drained.resolve();
  const problem = { name: "b", version: undefined, reason: "its model.json is no JSON" };
  for (let i = 0; i < 2; i++) {
    await stage.supervisor.reconcile(planOf({ c: { 1: "z" } }, [problem]));
  }
  assert.deepEqual(stage.serving.map((text) => text.slice(0, 3)), ["b/1", "c/1"]);
  assert.deepEqual(stage.failures, ["b/undefined: its model.json is no JSON"]);
});

Deno.test("ModelSupervisor.load() and unload() tell their outcome, one at a time for a model", async () => {
  using stage = new Stage();
  const plan = () => Promise.resolve(planOf({ a: { 1: "x" } }).models[0]);
  const loaded = stage.supervisor.load(plan, "a");
  while (stage.loaded.length === 0) await Promise.resolve();
  const unloaded = stage.supervisor.unload("a");
  await loaded;
  while (stage.loaded[0].state === "serves") await Promise.resolve();
  let over = false;
  unloaded.then(() => over = true);
  await Promise.resolve();
  assert.equal(over, false, "unload() has not waited for the calls of the model");
  stage.loaded[0].drained.resolve();
  await unloaded;
  assert.deepEqual(stage.serving, []);
  await assert.rejects(stage.supervisor.unload("a"), {
    code: "not-found",
    message: 'Cannot unload model "a": it is not loaded',
  });
  stage.broken.add("x");
  await assert.rejects(stage.supervisor.load(plan, "a"), { message: "Cannot load x" });
  const linear = () => Promise.resolve(planOf({ linear: { 1: "l" } }).models[0]);
  await assert.rejects(stage.supervisor.load(linear, "linear"), { code: "failed-precondition" });
});

Deno.test("ModelSupervisor.unload() gives up loads that hang, and those in line", async () => {
  using stage = new Stage();
  stage.hanging.add("x");
  const plan = () => Promise.resolve(planOf({ a: { 1: "x" } }).models[0]);
  const loads = [stage.supervisor.load(plan, "a"), stage.supervisor.load(plan, "a")];
  const refused = loads.map((load) =>
    assert.rejects(load, { code: "failed-precondition", message: /"a".*given up.*unloaded/ })
  );
  while (stage.begun.length === 0) await Promise.resolve();
  assert.deepEqual(stage.supervisor.index.map(({ state }) => state), ["LOADING"]);
  await stage.supervisor.unload("a");
  await Promise.all(refused);
  assert.deepEqual(stage.begun, ["x"]);
  assert.deepEqual(stage.supervisor.index, []);
  assert.deepEqual(stage.failures, []);
  stage.hanging.clear();
  await stage.supervisor.load(plan, "a");
  assert.deepEqual(stage.serving, ["a/1#1"]);
});

Deno.test("ModelSupervisor.load() gives up what loads of other files, and joins the line otherwise", async () => {
  using stage = new Stage();
  stage.hanging.add("x");
  let fingerprint = "x";
  const plan = () => Promise.resolve(planOf({ a: { 1: fingerprint } }).models[0]);
  const first = stage.supervisor.load(plan, "a");
  const refused = assert.rejects(first, { message: /"a".*given up.*other files/ });
  while (stage.begun.length === 0) await Promise.resolve();
  const same = stage.supervisor.load(plan, "a");
  // Long enough for it to look at the plan.
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  assert.deepEqual(stage.givenUp, []);
  fingerprint = "y";
  await Promise.all([stage.supervisor.load(plan, "a"), same, refused]);
  assert.deepEqual(stage.givenUp, ["a/1"]);
  assert.deepEqual(stage.serving, ["a/1#1"]);
});

Deno.test("ModelSupervisor.reconcile() gives up loads of files that have changed or are gone", async () => {
  using stage = new Stage();
  for (const fingerprint of ["x", "y", "z"]) stage.hanging.add(fingerprint);
  const first = stage.supervisor.reconcile(planOf({ a: { 1: "x", 2: "w" }, b: { 1: "y" } }));
  while (stage.begun.length < 2) await Promise.resolve();
  // This one is in line behind the first, and out of date before its turn.
  const second = stage.supervisor.reconcile(planOf({ a: { 1: "z", 2: "w" } }));
  const third = stage.supervisor.reconcile(planOf({ a: { 1: "v", 2: "w" } }));
  await Promise.all([first, second, third]);
  assert.deepEqual(stage.givenUp.sort(), ["a/1", "b/1"]);
  assert.deepEqual(stage.begun, ["x", "y"]);
  assert.deepEqual(stage.serving.map((text) => text.slice(0, 3)), ["a/1", "a/2"]);
  assert.deepEqual(stage.failures, []);
});

Deno.test("ModelSupervisor.reconcile() leaves loads that are none of an older plan's", async () => {
  using stage = new Stage();
  await stage.supervisor.reconcile(planOf({ a: { 1: "w" } }));
  const planned = Promise.withResolvers<RepositoryPlan>();
  // Its folder is younger than the plan that is reconciled meanwhile.
  const load = stage.supervisor.load(async () => (await planned.promise).models[0], "b");
  await stage.supervisor.reconcile(planOf({ a: { 1: "w" } }));
  planned.resolve(planOf({ b: { 1: "x" } }));
  await load;
  assert.deepEqual(stage.serving, ["a/1#1", "b/1#2"]);
});

Deno.test("ModelSupervisor.stopLoading() gives up all loads, and leaves what serves", async () => {
  using stage = new Stage();
  await stage.supervisor.reconcile(planOf({ a: { 1: "w" } }));
  stage.hanging.add("x");
  const plan = (name: string) => () => Promise.resolve(planOf({ [name]: { 1: "x" } }).models[0]);
  const refused = assert.rejects(stage.supervisor.load(plan("b"), "b"), { code: "unavailable" });
  while (stage.begun.length === 0) await Promise.resolve();
  stage.supervisor.stopLoading();
  await refused;
  await assert.rejects(stage.supervisor.load(plan("c"), "c"), { code: "unavailable" });
  assert.deepEqual(stage.serving, ["a/1#1"]);
});

for (
  const { what, platform, code, passes } of [
    { what: "a lack of memory", platform: "onnx", code: "internal", passes: true },
    { what: "a wrong file", platform: "onnx", code: "invalid-argument", passes: false },
    { what: "what a script threw", platform: "script", code: "invalid-argument", passes: true },
  ] as const
) {
  Deno.test(`ModelSupervisor ${passes ? "tries again" : "leaves"} ${what}, never at once`, async () => {
    using timers = new HeldTimers();
    using stage = new Stage();
    stage.code = code;
    stage.broken.add("x");
    const plan = () => planOf({ a: { 1: "x" }, b: { 1: "y" } }, [], platform);
    await stage.supervisor.reconcile(plan());
    // Something else in the folder has changed, again and again.
    for (let i = 0; i < 5; i++) await stage.supervisor.reconcile(plan());
    assert.deepEqual(stage.attempts, ["x"]);
    assert.equal(stage.failures.length, 1);
    assert.deepEqual(stage.supervisor.index.map(({ state }) => state), ["UNAVAILABLE", "READY"]);
    assert.equal(timers.count, passes ? 1 : 0);
    if (passes) {
      timers.fire();
      while (stage.attempts.length < 2 || timers.count === 0) await Promise.resolve();
      stage.broken.clear();
      timers.fire();
      while (stage.serving.length < 2) await Promise.resolve();
      assert.equal(timers.count, 0);
    } else {
      await stage.supervisor.reconcile(planOf({ a: { 1: "x2" }, b: { 1: "y" } }, [], platform));
    }
    assert.deepEqual(stage.serving.map((text) => text.slice(0, 3)), ["a/1", "b/1"]);
  });
}

Deno.test("ModelSupervisor tries a failed version again ever later, and nothing that is gone", async () => {
  using timers = new HeldTimers();
  using stage = new Stage();
  stage.code = "unavailable";
  stage.broken.add("x").add("y");
  await stage.supervisor.reconcile(planOf({ a: { 1: "x" } }));
  for (let attempt = 2; attempt < 9; attempt++) {
    timers.fire();
    while (stage.attempts.length < attempt || timers.count === 0) await Promise.resolve();
  }
  const waits = [10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => 1000 * seconds);
  assert.deepEqual(timers.waitsMs, waits);
  await stage.supervisor.reconcile(planOf({ a: { 1: "y" } }));
  assert.deepEqual(timers.waitsMs.slice(waits.length), [10_000]);
  await stage.supervisor.reconcile(planOf({}));
  assert.equal(timers.count, 0);
});

Deno.test("ModelSupervisor tells all generations of a dead thread", async () => {
  using stage = new Stage();
  await stage.supervisor.reconcile(planOf({ a: { 1: "x" }, b: { 1: "y" } }));
  stage.supervisor.forgetThread(7, 2);
  assert.deepEqual(stage.loaded.map(({ forgotten }) => forgotten), [[[7, 2]], [[7, 2]]]);
});
