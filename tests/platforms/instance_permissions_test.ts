import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import type { ModelSource } from "../../lib/inference/model.ts";
import { instancePermissions } from "../../lib/platforms/instance_permissions.ts";
import type { TensorSpec } from "../../lib/tensor/tensor.ts";
import { identityGraph } from "../../tasks/models/onnx_graphs.ts";
import { encodeOnnx } from "../../tasks/models/onnx_writer.ts";
import { modelFolder } from "../support/model_folder.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { runInstance } from "./instance.ts";

const ignore = !mayLoadModels;
const source = { name: "m", folder: "/models/m/1", options: {} };
const text: TensorSpec = { name: "y", datatype: "BYTES", shape: [-1] };
const inputs: TensorSpec[] = [{ name: "x", datatype: "INT32", shape: [-1] }];

Deno.test({ name: "instancePermissions(): what each platform gets", ignore }, () => {
  const nothing = { write: false, net: false, env: false, sys: false, run: false, import: false };
  const read = ["/models/m/1"];
  assert.deepEqual(instancePermissions("mlp", source), { ...nothing, read, ffi: false });
  assert.deepEqual(instancePermissions("script", source), { ...nothing, read, ffi: false });
  assert.deepEqual(instancePermissions("onnx", source), { ...nothing, read, ffi: true });
  assert.deepEqual(
    instancePermissions("onnx", source, "/lib/onnx"),
    { ...nothing, read: [...read, "/lib/onnx"], ffi: true },
  );
  const options = {
    permissions: { net: ["localhost:80"], read: ["/data"], env: true, write: ["/out"] },
    tempFolder: "/tmp/m",
  };
  assert.deepEqual(instancePermissions("script", { ...source, options }), {
    ...nothing,
    ffi: false,
    net: ["localhost:80"],
    env: true,
    read: [...read, "/data", "/tmp/m"],
    write: ["/out", "/tmp/m"],
  });
});

Deno.test("instancePermissions() names the option that is wrong", async (t) => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ permissions: { hrtime: true } }, /options\.permissions\.hrtime is not an option/],
    [{ permissions: { net: false } }, /options\.permissions\.net is false, needs true or a list/],
    [{ permissions: { net: [] } }, /options\.permissions\.net is \[\], needs true or a list/],
    [{ permissions: { net: [""] } }, /options\.permissions\.net\.0 is "", needs a name$/],
    [
      { permissions: { net: ["a", 7] } },
      /options\.permissions\.net.* needs (a name|true or a list)/,
    ],
    [{ permissions: { run: "ls" } }, /options\.permissions\.run is "ls", needs true or a list/],
    [{ permissions: 7 }, /options\.permissions is 7, needs an object of net, read/],
    [{ tempFolder: "tmp" }, /options\.tempFolder is "tmp", needs an absolute path/],
    [{ bytes: "raw" }, /options\.bytes is "raw", needs "text" or "binary"/],
  ];
  for (const [options, message] of cases) {
    await t.step(JSON.stringify(options), () => {
      const ask = () => instancePermissions("script", { ...source, options });
      assert.throws(ask, { code: "invalid-argument", message });
    });
  }
});

Deno.test({
  name: "instancePermissions() refuses what the process has not itself",
  permissions: ignore ? "inherit" : { read: true, env: ["HOME"] },
  ignore,
}, async (t) => {
  const allowed = { permissions: { env: ["HOME"], read: ["/etc"] } };
  const env = { permissions: { env: ["HOME", "PATH"] } };
  const cases: [Record<string, unknown>, string | undefined][] = [
    [allowed, undefined],
    [env, 'Cannot give model "m" the permission env for PATH'],
    [{ permissions: { net: ["localhost:1"] } }, "the permission net for localhost:1"],
    [{ permissions: { run: true } }, "the permission run for everything"],
    [{ tempFolder: "/tmp" }, "the permission write for /tmp"],
  ];
  for (const [options, message] of cases) {
    await t.step(JSON.stringify(options), () => {
      const ask = () => instancePermissions("script", { ...source, options });
      if (message === undefined) ask();
      else {
        assert.throws(
          ask,
          (error) =>
            error instanceof OperationError && error.code === "failed-precondition" &&
            error.message.includes(message),
        );
      }
    });
  }
});

Deno.test(
  { name: "a script without permissions may do nothing but read its folder", ignore },
  async () => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const attempts: Record<string, string> = {
      file: `Deno.readTextFile("/etc/passwd")`,
      fileOfNode: `fs.readFileSync("/etc/passwd")`,
      fetchedFile: `fetch("file:///etc/passwd")`,
      write: `Deno.writeTextFile("${"/tmp"}/script-was-here", "")`,
      ownFolder: `Deno.writeTextFile(context.environment.folder + "/x", "")`,
      network: `Deno.connect({ hostname: "127.0.0.1", port: ${listener.addr.port} })`,
      fetch: `fetch("http://127.0.0.1:${listener.addr.port}/")`,
      listen: `Deno.listen({ port: 0 })`,
      environment: `Deno.env.get("HOME")`,
      environmentOfNode: `process.env.HOME`,
      program: `new Deno.Command("true").output()`,
      signalToAnother: `Deno.kill(${Deno.ppid}, "SIGCONT")`,
      library: `Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {})`,
      system: `Deno.hostname()`,
      evaluated: `eval("1 + 1")`,
      evaluatedElsewhere: `(0, eval)("1 + 1")`,
      compiled: `new Function("return 1")()`,
      compiledByKin: `(async () => {}).constructor("return 1")()`,
      compiledByGenerator: `(function* () {}).constructor("yield 1")()`,
      timer: `setTimeout("globalThis.x = 1", 0)`,
      worker: `new Worker("data:application/javascript,1", { type: "module" })`,
      builtIn: `process.getBuiltinModule("vm").runInThisContext("1")`,
      escalation:
        `Deno.permissions.request({ name: "net" }).then((s) => { throw new Error(s.state) })`,
    };
    const script = `
    import fs from "node:fs";
    import process from "node:process";
    export async function predict(batch, context) {
      const results = [];
      const attempts = [
        ${Object.values(attempts).map((code) => `async () => ${code}`).join(",\n        ")}
      ];
      for (const attempt of attempts) {
        results.push(await attempt().then(() => "allowed", (error) => error.name + ": " + error.message));
      }
      await Deno.stat(context.environment.folder + "/model.js");
      return batch.map(({ x }) => ({ y: results[x] }));
    }`;
    await using folder = await modelFolder({ "model.js": script }, { inputs, outputs: [text] });
    const names = Object.keys(attempts);
    const data = Int32Array.from(names, (_, index) => index);
    try {
      const outcome = await runInstance({
        platform: "script",
        source: folder.source,
        inputs: [{ name: "x", datatype: "INT32", shape: [names.length], data }],
      });
      assert.equal(outcome.error, undefined);
      const told = textsOf(outcome.outputs?.[0].data);
      const refusal =
        /^NotCapable: Requires|^EvalError|^ReferenceError: Worker|^Error: (denied|prompt)$|^Error: Requires/;
      const allowed = names.map((name, index) => `${name}: ${told[index]}`)
        .filter((_, index) => !refusal.test(told[index]));
      assert.deepEqual(allowed, []);
    } finally {
      listener.close();
    }
  },
);

Deno.test(
  { name: "a script has the permissions that its configuration names", ignore },
  async () => {
    await using data = await modelFolder({ "words.txt": "hello" });
    const script = `export async function predict(batch, { environment }) {
    const words = await Deno.readTextFile(${JSON.stringify(data.source.folder)} + "/words.txt");
    await Deno.writeTextFile(environment.tempFolder + "/out.txt", words);
    return batch.map(() => ({ y: words + (Deno.env.get("HOME") === undefined) }));
  }`;
    await using temp = await modelFolder({});
    const options = {
      permissions: { read: [data.source.folder], env: ["HOME"] },
      tempFolder: temp.source.folder,
    };
    await using folder = await modelFolder(
      { "model.ts": script },
      { inputs, outputs: [text], options },
    );
    const outcome = await runInstance({
      platform: "script",
      source: folder.source,
      inputs: [{ name: "x", datatype: "INT32", shape: [1], data: Int32Array.of(1) }],
    });
    assert.equal(outcome.error, undefined);
    assert.deepEqual(textsOf(outcome.outputs?.[0].data), ["hellofalse"]);
    assert.equal(await Deno.readTextFile(`${temp.source.folder}/out.txt`), "hello");
  },
);

Deno.test(
  { name: "onnx in workers: node with FFI, web without, both at once", ignore },
  async () => {
    await using folder = await modelFolder({ "model.onnx": encodeOnnx(identityGraph("FP16")) });
    const data = Uint16Array.of(1, 15_360);
    const task = {
      platform: "onnx",
      source: folder.source as ModelSource,
      inputs: [{ name: "x", datatype: "FP16", shape: [1, 2], data }],
    } as const;
    const permissions = instancePermissions("onnx", folder.source);
    const outcomes = await Promise.all([
      runInstance(task, permissions),
      runInstance(task, permissions),
      runInstance(task, { ...permissions, ffi: false }),
    ]);
    for (const { outputs, error } of outcomes) {
      assert.equal(error, undefined);
      assert.deepEqual(outputs?.[0].data, data);
    }
    const [node, other, web] = outcomes.map(({ entries }) => entries[0].message);
    assert.equal(node, "uses onnxruntime-node");
    assert.equal(other, "uses onnxruntime-node");
    assert.match(web, /^uses onnxruntime-web, since onnxruntime-node did not load: Requires ffi/);
  },
);

function textsOf(data: unknown): string[] {
  return (data as Uint8Array[]).map((bytes) => new TextDecoder().decode(bytes));
}
