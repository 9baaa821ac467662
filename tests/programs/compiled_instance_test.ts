import assert from "node:assert/strict";
import type { ModelSource } from "../../lib/inference/model.ts";
import { identityGraph } from "../../tasks/models/onnx_graphs.ts";
import { encodeOnnx } from "../../tasks/models/onnx_writer.ts";
import { onnxFiles } from "../../tasks/onnx_files.ts";
import type { InstanceOutcome } from "../platforms/instance_worker.ts";
import { modelFolder } from "../support/model_folder.ts";
import { mayLoadModels } from "../support/permissions.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const LIBRARY = `${ROOT}onnxruntime`;

/** Where `deno task compile` was run, with a base binary that needs no network. */
const ignore = !mayLoadModels || !isFolder(LIBRARY) || Deno.env.get("DENORT_BIN") === undefined;

Deno.test({ name: "binaries: instances in a compiled program", ignore }, async (t) => {
  const folder = await Deno.makeTempDir({ prefix: "modelserver-compiled-" });
  const program = `${folder}/program`;
  const input = { name: "x", datatype: "FP32", shape: [1, 2], data: [1, 2] };
  const output = { name: "y", datatype: "FP32", shape: [1, 2], data: [1, 2] };
  const ask = async (platform: string, source: ModelSource): Promise<InstanceOutcome> => {
    const task = { platform, source, inputs: [input], libraryFolder: LIBRARY };
    const { stdout } = await new Deno.Command(program, {
      args: [JSON.stringify(task)],
      cwd: folder,
      clearEnv: true,
    }).output();
    return JSON.parse(new TextDecoder().decode(stdout));
  };
  try {
    await compile(program);
    for (const runtime of ["node", "web"]) {
      await t.step(`onnx on ${runtime}, from the files beside the program`, async () => {
        await using model = await modelFolder(
          { "model.onnx": encodeOnnx(identityGraph("FP32")) },
          { options: { runtime } },
        );
        const { outputs, error, entries } = await ask("onnx", model.source);
        assert.equal(error, undefined);
        assert.deepEqual(outputs, [output]);
        assert.equal(entries[0].message, `uses onnxruntime-${runtime}`);
      });
    }
    const specs = {
      inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2] }],
      outputs: [{ name: "y", datatype: "FP32", shape: [-1, 2] }],
    } as const;
    await t.step("TypeScript, with errors where the user wrote them", async () => {
      const files = {
        "model.ts": 'import { same } from "./same.ts";\nexport const predict = same;',
        "same.ts": `enum Row { First }
          interface Item { x: Float32Array }
          export function same(batch: Item[]) {
            if (batch[Row.First].x[0] !== 1) throw new Error("other");
            return batch.map(({ x }) => ({ y: x }));
          }`,
      };
      await using model = await modelFolder(files, specs);
      assert.deepEqual(await ask("script", model.source), { outputs: [output], entries: [] });
      const failing = { ...files, "same.ts": files["same.ts"].replace("!== 1", "=== 1") };
      await using broken = await modelFolder(failing, specs);
      const { error } = await ask("script", broken.source);
      assert.equal(error, 'Cannot predict with model "m": other (same.ts:4:52)');
    });
    await using secret = await modelFolder({ "secret.json": '{ "a": 1 }' });
    const url = `file://${secret.source.folder}/secret.json`;
    const ways: [string, RegExp][] = [
      [`await import("${url}", { with: { type: "json" } })`, /imports "file:/],
      [`await import("file:" + "//x", { with: { type: "json" } })`, /imports what it computes/],
      [`await eval('import("${url}", { with: { type: "json" } })')`, /Cannot make code of text/],
      [`await new Function('return import("${url}")')()`, /Cannot make code of text/],
      [`new Worker("${url}", { type: "module" })`, /Worker is not defined/],
      [`await fetch("${url}")`, /Requires read access/],
    ];
    for (const [way, message] of ways) {
      await t.step(`a script reads no file that it may not: ${message.source}`, async () => {
        const script = `export const predict = (batch) => batch; ${way};`;
        await using model = await modelFolder({ "model.js": script }, specs);
        assert.match((await ask("script", model.source)).error ?? "allowed", message);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function compile(program: string): Promise<void> {
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { npmCache } = JSON.parse(new TextDecoder().decode(info.stdout));
  const { imports } = JSON.parse(await Deno.readTextFile(`${ROOT}imports.json`));
  const { excluded } = onnxFiles(npmCache, imports["onnxruntime-web"].split("@")[1]);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["compile", "--quiet", "--no-prompt", "--no-check", "--lock=deno.lock", "--frozen"],
      ...["--allow-read", "--allow-ffi", "--include=tests/platforms/instance_worker.ts"],
      ...excluded.map((path) => `--exclude=${path}`),
      ...[`--output=${program}`, "tests/programs/instance_program.ts"],
    ],
    cwd: ROOT,
  }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
