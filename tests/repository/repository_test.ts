import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { OperationError } from "../../lib/errors.ts";
import { isModelName, isVersion } from "../../lib/repository/model_name.ts";
import { type RepositoryPlan } from "../../lib/repository/model_plan.ts";
import { ModelRepository, type RepositoryMode } from "../../lib/repository/repository.ts";
import { mayUseFolders, TempFolder } from "./temp_folder.ts";

const WITH_FOLDERS = { ignore: !mayUseFolders };
const ONNX = { platform: "onnx" };

async function open(folder: TempFolder, mode: RepositoryMode = "all") {
  return await ModelRepository.open({
    folder: `${folder.path}/models`,
    mode,
    cacheFolder: undefined,
    readVariable: () => undefined,
  });
}

/** A repository of these files, and its plan. */
async function planOf(files: Readonly<Record<string, string | object>>) {
  await using folder = new TempFolder();
  await folder.write({ "models/README.md": "Models", ...files });
  await using repository = await open(folder);
  return { plan: shownPlan(await repository.plan()), path: folder.path };
}

/** `{iris: ["1", "2"]}` and `iris/3: why not`. */
function shownPlan({ models, problems }: RepositoryPlan) {
  return {
    serve: Object.fromEntries(models.map(({ name, versions }) => [
      name,
      versions.map(({ version }) => version),
    ])),
    problems: problems.map(({ name, version, reason }) =>
      `${name}${version === undefined ? "" : `/${version}`}: ${reason}`
    ),
  };
}

Deno.test(
  "ModelRepository.plan() takes the versions that the policy says",
  WITH_FOLDERS,
  async (t) => {
    const files = Object.fromEntries(
      ["1", "2", "10"].map((version) => [`models/iris/${version}/model.onnx`, "weights"]),
    );
    const cases: [unknown, string[]][] = [
      [undefined, ["10"]],
      [{ latest: 2 }, ["2", "10"]],
      [{ latest: 5 }, ["1", "2", "10"]],
      ["all", ["1", "2", "10"]],
      [{ named: ["10", "1"] }, ["1", "10"]],
    ];
    for (const [versions, expected] of cases) {
      await t.step(JSON.stringify(versions) ?? "default", async () => {
        const { plan } = await planOf({
          ...files,
          "models/iris/model.json": { ...ONNX, versions },
        });
        assert.deepEqual(plan, { serve: { iris: expected }, problems: [] });
      });
    }
  },
);

Deno.test(
  "ModelRepository.plan() reports what is wrong, and leaves the others",
  WITH_FOLDERS,
  async () => {
    const { plan, path } = await planOf({
      "models/good/model.json": ONNX,
      "models/good/1/model.onnx": "weights",
      "models/good/2/other": "not the model",
      "models/good/03/model.onnx": "no version",
      "models/good/notes/text": "",
      "models/named/model.json": { ...ONNX, versions: { named: ["1", "7"] } },
      "models/named/1/model.onnx": "weights",
      "models/wrong/model.json": { ...ONNX, instances: 0 },
      "models/wrong/1/model.onnx": "weights",
      "models/empty/model.json": { platform: "mlp" },
      "models/bare/1/model.onnx": "weights",
      "models/näme/model.json": ONNX,
      "models/.hidden/model.json": ONNX,
      "models/.git/config": "",
    });
    assert.deepEqual(plan.serve, { good: ["1"], named: ["1"] });
    assert.deepEqual(plan.problems.toSorted(), [
      '.hidden: ".hidden" is no name of a model, which is 1 to 128 letters, digits, "_", "." and "-", no "." first',
      `bare: Cannot read ${path}/models/bare/model.json: there is no such file`,
      "empty: it has no version, needs empty/1/model.safetensors or empty/1/model.pt or empty/1/model.b64",
      "good/2: it has no file, needs good/2/model.onnx",
      "named/7: it has no file, needs named/7/model.onnx",
      'näme: "näme" is no name of a model, which is 1 to 128 letters, digits, "_", "." and "-", no "." first',
      `wrong: Cannot read ${path}/models/wrong/model.json: instances is 0, needs an integer from 1 to 256`,
    ]);
  },
);

Deno.test(
  "ModelRepository.plan() follows links inside the repository, and none that leave it",
  WITH_FOLDERS,
  async () => {
    await using folder = new TempFolder();
    await folder.write({
      "secret/model.onnx": "weights",
      "secret/model.json": "a secret",
      "models/in/model.json": ONNX,
      "models/in/releases/a/model.onnx": "weights",
      "models/out/model.json": ONNX,
      "models/out/1/model.onnx": "weights",
      "models/inner/model.json": ONNX,
      "models/inner/1/model.onnx": "weights",
      "models/loop/model.json": ONNX,
      "models/loop/1/model.onnx": "weights",
      "models/config/1/model.onnx": "weights",
    });
    const models = `${folder.path}/models`;
    await Deno.symlink("releases/a", `${models}/in/2`);
    await Deno.symlink("../../secret", `${models}/out/2`);
    await Deno.symlink(`${folder.path}/secret/model.onnx`, `${models}/inner/1/more.onnx`);
    await Deno.symlink(".", `${models}/loop/1/self`);
    await Deno.symlink(`${folder.path}/secret`, `${models}/whole`);
    await Deno.symlink("nowhere", `${models}/dangling`);
    await Deno.symlink(`${folder.path}/secret/model.json`, `${models}/config/model.json`);
    await Deno.symlink("in", `${models}/alias`);
    await Deno.symlink("../out/model.json", `${models}/out/3`);
    await using repository = await open(folder);
    const plan = shownPlan(await repository.plan());
    assert.deepEqual(plan.serve, { alias: ["2"], in: ["2"], out: ["1"] });
    assert.deepEqual(plan.problems, [
      `config: Cannot read ${models}/config/model.json: model.json is a link that leads out of the repository`,
      "dangling: dangling leads nowhere: there is no such file",
      "inner/1: more.onnx is a link that leads out of the repository",
      "loop/1: has folders more than 16 deep",
      "out/2: 2 is a link that leads out of the repository",
      "out/3: it cannot be listed: it is not a folder",
      "whole: whole is a link that leads out of the repository",
    ]);
  },
);

Deno.test(
  "ModelRepository.plan() gives a fingerprint that changes with what is served alone",
  WITH_FOLDERS,
  async () => {
    await using folder = new TempFolder();
    await folder.write({
      "models/iris/model.json": { ...ONNX, versions: "all" },
      "models/iris/1/model.onnx": "weights",
      "models/iris/2/model.onnx": "weights",
    });
    await using repository = await open(folder);
    const prints = async () =>
      (await repository.plan()).models[0].versions.map(({ fingerprint }) => fingerprint);
    const first = await prints();
    assert.deepEqual(await prints(), first);
    await folder.write({ "models/iris/model.json": { ...ONNX, versions: { latest: 2 } } });
    assert.deepEqual(await prints(), first, "the policy");
    await folder.write({ "models/iris/2/model.onnx": "weights!" });
    const second = await prints();
    assert.equal(second[0], first[0], "the other version's files");
    assert.notEqual(second[1], first[1], "the size");
    await Deno.utime(`${folder.path}/models/iris/2/model.onnx`, 1_000, 1_000);
    const third = await prints();
    assert.notEqual(third[1], second[1], "the time");
    await folder.write({ "models/iris/2/deep/er/file": "" });
    const fourth = await prints();
    assert.notEqual(fourth[1], third[1], "another file");
    await folder.write({ "models/iris/model.json": { ...ONNX, versions: "all", instances: 2 } });
    const fifth = await prints();
    assert.ok(fifth.every((print, index) => print !== fourth[index]), "the configuration");
  },
);

Deno.test(
  "ModelRepository.plan() leaves what was right as it was when it becomes wrong",
  WITH_FOLDERS,
  async () => {
    await using folder = new TempFolder();
    await folder.write({
      "source/model.onnx": "weights",
      "models/iris/model.json": ONNX,
      "models/iris/1/model.onnx": "weights",
      "models/far/model.json": { ...ONNX, source: { url: "../../source/model.onnx" } },
    });
    await using repository = await open(folder);
    const first = await repository.plan();
    assert.deepEqual(shownPlan(first), { serve: { far: ["1"], iris: ["1"] }, problems: [] });
    await folder.write({ "models/iris/model.json": "{", "models/iris/2/model.onnx": "weights" });
    await Deno.remove(`${folder.path}/source/model.onnx`);
    const second = await repository.plan();
    assert.deepEqual(second.models, first.models);
    assert.deepEqual(second.problems.map(({ name, version }) => [name, version]), [
      ["far", "1"],
      ["iris", undefined],
    ]);
    await Deno.remove(`${folder.path}/models`, { recursive: true });
    const third = await repository.plan();
    assert.deepEqual(third.models, first.models);
    assert.match(third.problems[0].reason, /^Cannot read folder .*models: there is no such file$/);
    await folder.write({ "models/iris/1/model.onnx": "weights" });
    const fourth = await repository.plan();
    assert.deepEqual(fourth.models, []);
    assert.equal(fourth.problems.length, 1);
  },
);

Deno.test(
  "ModelRepository.plan() takes the one version without a file from the source",
  WITH_FOLDERS,
  async (t) => {
    const source = { url: "../../source/model.onnx" };
    const sourced = {
      "source/model.onnx": "weights",
      "models/iris/model.json": { ...ONNX, source },
    };
    await t.step("version 1 without any folder", async () => {
      const { plan } = await planOf(sourced);
      assert.deepEqual(plan, { serve: { iris: ["1"] }, problems: [] });
    });
    await t.step("an empty folder, whatever else it holds", async () => {
      const files = { "models/iris/1/model.onnx": "", "models/iris/2/README": "" };
      const { plan } = await planOf({ ...sourced, ...files });
      assert.deepEqual(plan, { serve: { iris: ["2"] }, problems: [] });
    });
    await t.step("a named version without a folder", async () => {
      const config = { ...ONNX, source, versions: { named: ["3"] } };
      const { plan } = await planOf({ ...sourced, "models/iris/model.json": config });
      assert.deepEqual(plan, { serve: { iris: ["3"] }, problems: [] });
    });
    await t.step("of two none", async () => {
      const config = { ...ONNX, source, versions: { named: ["3", "4"] } };
      const { plan } = await planOf({ ...sourced, "models/iris/model.json": config });
      assert.deepEqual(plan.serve, {});
      assert.deepEqual(
        plan.problems,
        ["3", "4"].map((version) =>
          `iris/${version}: it has no file, and neither have others of 3, 4: a source is the file of one`
        ),
      );
    });
    await t.step("and the next lower one when it cannot be had", async () => {
      const sha256 = createHash("sha256").update("other").digest("hex");
      const { plan } = await planOf({
        ...sourced,
        "models/iris/model.json": { ...ONNX, source: { ...source, sha256 } },
        "models/iris/1/model.onnx": "",
        "models/iris/2/README": "",
      });
      assert.deepEqual(plan.serve, { iris: ["1"] });
      assert.match(plan.problems.join(), /^iris\/2: Cannot fetch \S+: its SHA-256 is/);
    });
  },
);

Deno.test("ModelRepository removes its temporary cache", WITH_FOLDERS, async () => {
  await using folder = new TempFolder();
  await folder.write({
    "models/iris/model.json": { ...ONNX, source: { url: "model.onnx" } },
    "models/iris/model.onnx": "weights",
  });
  const repository = await open(folder);
  const [{ versions: [{ folder: cached }] }] = (await repository.plan()).models;
  assert.equal(await Deno.readTextFile(`${cached}/model.onnx`), "weights");
  await repository[Symbol.asyncDispose]();
  await assert.rejects(Deno.stat(`${cached}/..`), Deno.errors.NotFound);
});

Deno.test(
  "ModelRepository loads nothing by itself in mode explicit, and lists all",
  WITH_FOLDERS,
  async () => {
    await using folder = new TempFolder();
    await folder.write({
      "models/iris/model.json": ONNX,
      "models/iris/1/model.onnx": "weights",
      "models/iris/10/model.onnx": "weights",
      "models/wrong/model.json": {},
    });
    await using repository = await open(folder, "explicit");
    assert.deepEqual(await repository.plan(), { models: [], problems: [], pending: [] });
    const { models, problems } = await repository.list();
    assert.deepEqual(models, [{ name: "iris", versions: ["1", "10"] }]);
    assert.deepEqual(problems.map(({ name }) => name), ["wrong"]);
    const { versions } = await repository.planOf("iris");
    assert.deepEqual(versions.map(({ version }) => version), ["10"]);
  },
);

Deno.test("ModelRepository.planOf() says why a model cannot be loaded", WITH_FOLDERS, async () => {
  await using folder = new TempFolder();
  await folder.write({
    "models/file": "",
    "models/bare/1/model.onnx": "",
    "models/empty/model.json": ONNX,
    "models/wrong/model.json": { platform: "tf" },
    "outside/model.json": ONNX,
    "outside/1/model.onnx": "",
  });
  await using repository = await open(folder, "explicit");
  const models = `${folder.path}/models`;
  const cases: [string, string, string][] = [
    ["none", "not-found", `Cannot load model none: ${models} has no folder none`],
    ["file", "not-found", `Cannot load model file: ${models} has no folder file`],
    [
      "bare",
      "failed-precondition",
      `Cannot load model bare: Cannot read ${models}/bare/model.json: there is no such file`,
    ],
    [
      "empty",
      "failed-precondition",
      "Cannot load model empty: it has no version, needs empty/1/model.onnx",
    ],
    [
      "wrong",
      "failed-precondition",
      `Cannot load model wrong: Cannot read ${models}/wrong/model.json: platform is "tf", needs "onnx", "mlp", "script" or "linear"`,
    ],
    [
      "../outside",
      "invalid-argument",
      'Cannot load a model named "../outside": a name needs 1 to 128 letters, digits, "_", "." and "-", no "." first',
    ],
    [
      "",
      "invalid-argument",
      'Cannot load a model named "": a name needs 1 to 128 letters, digits, "_", "." and "-", no "." first',
    ],
  ];
  for (const [name, code, message] of cases) {
    await assert.rejects(repository.planOf(name), { code, message });
  }
});

Deno.test("ModelRepository.open() needs a folder", WITH_FOLDERS, async () => {
  await using folder = new TempFolder();
  await assert.rejects(open(folder), {
    code: "failed-precondition",
    message: `Cannot read repository ${folder.path}/models: there is no such folder`,
  });
  await folder.write({ models: "" });
  await assert.rejects(open(folder), { message: /models: it is a file, needs a folder$/ });
});

Deno.test(
  "ModelRepository.plan() makes one plan after another, and stops when it is told to",
  WITH_FOLDERS,
  async () => {
    await using folder = new TempFolder();
    await folder.write({
      "models/iris/model.json": { ...ONNX, source: { url: "model.onnx" } },
      "models/iris/model.onnx": "weights",
    });
    await using repository = await open(folder);
    const reason = new Error("Enough");
    const [stopped, plan] = await Promise.allSettled([
      repository.plan(AbortSignal.abort(reason)),
      repository.plan(),
    ]);
    assert.equal(stopped.status === "rejected" && stopped.reason, reason);
    assert.ok(plan.status === "fulfilled");
    assert.deepEqual(shownPlan(plan.value), { serve: { iris: ["1"] }, problems: [] });
  },
);

Deno.test("isModelName() and isVersion() take nothing that leads anywhere else", async (t) => {
  await t.step("names that are none", () => {
    const names = [
      "",
      ".",
      "..",
      "../a",
      "a/b",
      "a\\b",
      "/a",
      "C:",
      "a\0",
      ".a",
      "a\n",
      "ä",
      "a b",
      "%2e%2e",
      "a".repeat(129),
    ];
    assert.deepEqual(names.filter(isModelName), []);
    assert.deepEqual(
      ["a", "A-1_b.c", "a..b", "-", "a".repeat(128)].map(isModelName),
      Array(5).fill(true),
    );
  });
  await t.step("versions that are none", () => {
    const versions = [
      "",
      "0",
      "01",
      "-1",
      "1.0",
      "1e3",
      " 1",
      "1\n",
      "../1",
      "1/..",
      "١",
      "1".repeat(16),
    ];
    assert.deepEqual(versions.filter(isVersion), []);
    assert.ok(["1", "20261121131912", "9".repeat(15)].every(isVersion));
  });
  await t.step("any that is one stays in its folder", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: fc.constantFrom(..."a1.-/\\:%\0\n") }),
    );
    fc.assert(
      fc.property(text, (name) => {
        if (!isModelName(name)) return;
        assert.equal(new URL(`file:///models/${name}`).pathname, `/models/${name}`);
        assert.ok(!/[/\\:]/.test(name) && name !== "..");
      }),
      { numRuns: 1_000 },
    );
  });
});

Deno.test(
  "ModelRepository.planOf() gives a plan or our error for any name",
  WITH_FOLDERS,
  async () => {
    await using folder = new TempFolder();
    await folder.write({ "models/iris/model.json": ONNX, "models/iris/1/model.onnx": "" });
    await using repository = await open(folder, "explicit");
    const names = fc.oneof(
      fc.string(),
      fc.constantFrom("iris", "iris/", "./iris", "../models/iris"),
    );
    await fc.assert(fc.asyncProperty(names, async (name) => {
      try {
        assert.equal((await repository.planOf(name)).name, "iris");
        assert.equal(name, "iris");
      } catch (error) {
        assert.ok(error instanceof OperationError, String(error));
      }
    }));
  },
);

Deno.test({
  name: "ModelRepository waits for nobody to write into a pipe",
  ignore: !mayUseFolders || Deno.build.os === "windows" ||
    Deno.permissions.querySync({ name: "run", command: "mkfifo" }).state !== "granted",
}, async () => {
  await using folder = new TempFolder();
  await folder.write({ "models/iris/model.json": ONNX, "models/iris/1/model.onnx": "weights" });
  await Deno.mkdir(`${folder.path}/models/pipe`);
  const pipe = `${folder.path}/models/pipe/model.json`;
  const { success } = await new Deno.Command("mkfifo", { args: [pipe] }).output();
  assert.ok(success);
  await using repository = await open(folder);
  const { serve, problems } = shownPlan(await repository.plan());
  assert.deepEqual(serve, { iris: ["1"] });
  assert.equal(problems.length, 1);
  assert.match(problems[0], /^pipe: .*it is a pipe or a device, needs a file$/);
});
