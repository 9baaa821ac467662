import assert from "node:assert/strict";
import type { ModelSource } from "../../lib/inference/model.ts";
import { instancePermissions } from "../../lib/platforms/instance_permissions.ts";
import type { TensorSpec } from "../../lib/tensor/tensor.ts";
import { addGraph, identityGraph, sequenceGraph } from "../../tasks/models/onnx_graphs.ts";
import { encodeOnnx } from "../../tasks/models/onnx_writer.ts";
import { modelFolder } from "../support/model_folder.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { runInstance } from "./instance.ts";

const ignore = !mayLoadModels;

const FILES = {
  "floats.onnx": encodeOnnx(identityGraph("FP32")),
  "halves.onnx": encodeOnnx(identityGraph("FP16")),
  "longs.onnx": encodeOnnx(identityGraph("INT64")),
  "texts.onnx": encodeOnnx(identityGraph("BYTES")),
  "add.onnx": encodeOnnx(addGraph()),
  "sequence.onnx": encodeOnnx(sequenceGraph()),
  "broken.onnx": "not ONNX",
  "deeper/floats.onnx": encodeOnnx(identityGraph("FP32")),
};

const TEXT = (name: string): TensorSpec[] => [{ name, datatype: "BYTES", shape: [-1] }];

/** A model whose `load` runs these lines, and which answers what they return as JSON. */
async function tell(lines: string, options: ModelSource["options"] = { onnx: true }) {
  const script = `
    const plain = (_key, value) => {
      if (typeof value === "bigint") return value + "n";
      return ArrayBuffer.isView(value) ? [value.constructor.name, ...value] : value;
    };
    export async function load(context) {
      const { openOnnx } = context;
      ${lines}
    }
    export function predict(batch, { model }) {
      return batch.map(() => ({ y: JSON.stringify(model, plain) ?? "" }));
    }`;
  await using folder = await modelFolder(
    { ...FILES, "model.js": script },
    { inputs: TEXT("x"), outputs: TEXT("y"), options },
  );
  const { outputs, error, entries } = await runInstance({
    platform: "script",
    source: folder.source,
    inputs: [{ name: "x", datatype: "BYTES", shape: [1], data: [new Uint8Array(0)] }],
  });
  const log = entries.map(({ message }) => message);
  if (outputs === undefined) return { error, log };
  const [text] = outputs[0].data as readonly Uint8Array[];
  return { told: JSON.parse(new TextDecoder().decode(text)), log };
}

Deno.test(
  { name: "context.openOnnx(): a session of each build and datatype", ignore },
  async (t) => {
    const pair = (data: string) => `run({ x: { shape: [1, 2], data: ${data} } })`;
    const datatypes = `
    const [floats, halves, longs, texts, deeper] = await Promise.all(
      ["floats", "halves", "longs", "texts", "deeper/floats"].map((name) => openOnnx(name + ".onnx")),
    );
    const outputs = await Promise.all([
      floats.${pair("Float32Array.of(1, 2)")},
      halves.${pair("Float32Array.of(0.5, 65504)")},
      longs.${pair("BigInt64Array.of(1n, -2n)")},
      texts.${pair('["one", "ä"]')},
      deeper.${pair("Float32Array.of(3, 4)")},
      deeper.${pair("Float32Array.of(5, 6)")},
    ]);
    return { outputs, ports: [floats.inputs, halves.outputs] };`;
    for (const runtime of ["node", "web"]) {
      await t.step(runtime, async () => {
        const { told, log, error } = await tell(datatypes, { onnx: { runtime } });
        assert.equal(error, undefined);
        assert.deepEqual(log, [`uses onnxruntime-${runtime}`]);
        const output = (...data: unknown[]) => ({ y: { shape: [1, 2], data } });
        assert.deepEqual(told.outputs, [
          output("Float32Array", 1, 2),
          output("Float32Array", 0.5, 65_504),
          output("BigInt64Array", "1n", "-2n"),
          output("one", "ä"),
          output("Float32Array", 3, 4),
          output("Float32Array", 5, 6),
        ]);
        assert.deepEqual(told.ports, [
          [{ name: "x", datatype: "FP32", shape: [-1, 2] }],
          [{ name: "y", datatype: "FP16", shape: [-1, 2] }],
        ]);
      });
    }
  },
);

Deno.test({ name: "context.openOnnx() and run() say what is wrong", ignore }, async (t) => {
  const open = (file: string) => `await openOnnx(${JSON.stringify(file)});`;
  const run = (inputs: string) => `await (await openOnnx("floats.onnx")).run(${inputs});`;
  const many = `await Promise.all(Array.from({ length: 65 }, () => openOnnx("floats.onnx")));`;
  const enough = `
    for (let i = 0; i < 70; i++) await openOnnx("broken.onnx").catch(() => {});
    for (let i = 0; i < 70; i++) await (await openOnnx("floats.onnx")).release();
    throw new Error("as many as it takes");`;
  const failing = `await (await openOnnx("add.onnx")).run({
    a: { shape: [1, 2], data: new Float32Array(2) }, b: { shape: [1, 3], data: new Float32Array(3) } });`;
  const released = `const session = await openOnnx("floats.onnx");
    await session.release();
    await session.release();
    await session.run({});`;
  const cases: [string, RegExp][] = [
    [open("other.onnx"), /there is no file .*\/other\.onnx/],
    [
      open("../m/floats.onnx"),
      /Cannot open \.\.\/m\/floats\.onnx of model "m": needs a path in the version's folder/,
    ],
    [
      open("/etc/passwd"),
      /Cannot open \/etc\/passwd of model "m": needs a path in the version's folder/,
    ],
    [`await openOnnx(["floats.onnx"])`, /needs a path in the version's folder/],
    [open("broken.onnx"), /Cannot load model "m" from .*broken\.onnx on cpu/],
    [open("sequence.onnx"), /its output "y" is no dense tensor/],
    [enough, /as many as it takes/],
    [many, /Cannot open floats\.onnx of model "m": 64 are open, one has to be released first/],
    [
      run("{}"),
      /Cannot run floats\.onnx: input "x" is not there, needs \{ shape, data \} of FP32 and \[-1,2\]/,
    ],
    [run("{ z: 1 }"), /Cannot run floats\.onnx: it has no input "z", it has "x"/],
    [run("{ x: [1, 2] }"), /input "x" has no shape and data/],
    [run("{ x: { shape: [1, 2], data: new Float32Array(3) } }"), /has 3 elements in shape \[1,2\]/],
    [run("{ x: { shape: [2, 1], data: new Float32Array(2) } }"), /has 2 elements in shape \[2,1\]/],
    [run("{ x: { shape: [1, 2], data: [1, 2] } }"), /input "x" is of class Array/],
    [run("{ x: { shape: [1, 2], data: new Float64Array(2) } }"), /is of class Float64Array/],
    [released, /Cannot run floats\.onnx: it was released/],
    [failing, /Cannot predict with model "m": /],
  ];
  for (const [lines, message] of cases) {
    await t.step(message.source, async () => {
      const { error } = await tell(lines);
      assert.match(error ?? "no error", message);
    });
  }
  await t.step("without the option", async () => {
    const { error } = await tell(open("floats.onnx"), {});
    assert.match(
      error ?? "",
      /Cannot open floats\.onnx of model "m": its options need "onnx": true/,
    );
  });
});

Deno.test({ name: "a script with ONNX may load no library of its own", ignore }, async () => {
  const { told, error } = await tell(`
    const { x } = { x: { shape: [1, 2], data: new Float32Array(2) } };
    await (await openOnnx("floats.onnx")).run({ x });
    const attempt = (open) => {
      try { return String(open()); } catch (error) { return error.name; }
    };
    return [
      Deno.permissions.querySync({ name: "ffi" }).state,
      attempt(() => Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {})),
      attempt(() => eval("1")),
    ];`);
  assert.equal(error, undefined);
  assert.notEqual(told[0], "granted");
  assert.deepEqual(told.slice(1), ["NotCapable", "EvalError"]);
});

Deno.test(
  { name: "instancePermissions(): a script with ONNX has what ONNX has", ignore },
  async (t) => {
    const source = { name: "m", folder: "/models/m/1" };
    const cases: [unknown, Partial<Deno.PermissionOptionsObject>][] = [
      [{ onnx: true }, { ffi: true, read: ["/models/m/1", "/lib/onnx"] }],
      [{ onnx: { runtime: "web" } }, { ffi: false, read: ["/models/m/1", "/lib/onnx"] }],
      [{ onnx: true, permissions: { ffi: ["/lib/x.so"] } }, {
        ffi: ["/lib/x.so"],
        read: ["/models/m/1", "/lib/onnx"],
      }],
      [{}, { ffi: false, read: ["/models/m/1"] }],
    ];
    for (const [options, { ffi, read }] of cases) {
      await t.step(JSON.stringify(options), () => {
        const given = { ...source, options: options as Record<string, unknown> };
        const found = instancePermissions("script", given, "/lib/onnx");
        assert.deepEqual({ ffi: found.ffi, read: found.read }, { ffi, read });
      });
    }
    const wrong: [unknown, RegExp][] = [
      [false, /options\.onnx is false, needs true or an object of onnxruntime's options/],
      [{ runtime: "gpu" }, /options\.onnx\.runtime is "gpu", needs "auto", "node" or "web"/],
      [{ thread: 2 }, /options\.onnx\.thread is not an option/],
    ];
    for (const [onnx, message] of wrong) {
      await t.step(JSON.stringify(onnx), () => {
        const ask = () => instancePermissions("script", { ...source, options: { onnx } });
        assert.throws(ask, { code: "invalid-argument", message });
      });
    }
  },
);

Deno.test(
  { name: "context.decodeImage(): pixels, and errors for the caller", ignore },
  async () => {
    const script = `export async function predict(batch, { decodeImage }) {
    const { width, height, data } = await decodeImage(batch[0].x);
    return [{ y: JSON.stringify({ width, height, data: [...data] }) }];
  }`;
    await using folder = await modelFolder({ "model.js": script }, {
      inputs: TEXT("x"),
      outputs: TEXT("y"),
      options: { bytes: "binary" },
    });
    const ask = async (bytes: Uint8Array) => {
      const inputs = [{ name: "x", datatype: "BYTES", shape: [1], data: [bytes] } as const];
      return await runInstance({ platform: "script", source: folder.source, inputs });
    };
    const { buildPng } = await import("../images/png_builder.ts");
    const png = buildPng({ width: 1, height: 1, depth: 8, color: 2, samples: [1, 2, 3] });
    const { outputs } = await ask(png);
    const [text] = outputs?.[0].data as readonly Uint8Array[];
    const image = { width: 1, height: 1, data: [1, 2, 3, 255] };
    assert.deepEqual(JSON.parse(new TextDecoder().decode(text)), image);
    const { error } = await ask(png.subarray(0, 20));
    const reason = "a chunk says that it has 13 bytes, the file has 0 more";
    assert.equal(error, `Cannot predict with model "m": Cannot decode the PNG: ${reason}`);
  },
);
