import assert from "node:assert/strict";
import fc from "fast-check";
import type { Model, ModelSource } from "../../lib/inference/model.ts";
import { onnxPlatform } from "../../lib/platforms/onnx.ts";
import type { PlatformLogEntry } from "../../lib/platforms/platform_log.ts";
import { DATATYPES, type FixedDatatype, viewElements } from "../../lib/tensor/datatype.ts";
import type { FixedTensor, Tensor, TensorSpec } from "../../lib/tensor/tensor.ts";
import {
  addGraph,
  identityGraph,
  layerGraph,
  matrixGraph,
  sequenceGraph,
} from "../../tasks/models/onnx_graphs.ts";
import { encodeOnnx, type OnnxGraph } from "../../tasks/models/onnx_writer.ts";
import { modelFolder } from "../support/model_folder.ts";
import { mayLoadModels } from "../support/permissions.ts";

const ignore = !mayLoadModels;
const SERVED = DATATYPES.filter((datatype) => datatype !== "BF16");

for (const runtime of ["node", "web"]) {
  // What a runtime opens when its first session is made it keeps for as long as the thread lives.
  if (!ignore) await openOnce(runtime);

  const name = (behaviour: string) => `onnx on ${runtime}: ${behaviour}`;
  const graph = (onnx: OnnxGraph, source: Partial<ModelSource> = {}) =>
    modelFolder({ "model.onnx": encodeOnnx(onnx) }, { options: { runtime }, ...source });

  Deno.test({ name: name("every datatype goes in and comes out as it was"), ignore }, async (t) => {
    for (const datatype of SERVED) {
      await t.step(datatype, async () => {
        await using folder = await graph(identityGraph(datatype));
        const model = await load(folder.source);
        const spec = { datatype, shape: [-1, 2] };
        assert.deepEqual(model.metadata, {
          inputs: [{ name: "x", ...spec }],
          outputs: [{ name: "y", ...spec }],
        });
        await fc.assert(
          fc.asyncProperty(tensorOf(datatype), async (input) => {
            const [output] = await model.predict([input]);
            assert.deepEqual(output, { ...input, name: "y" });
          }),
          { numRuns: 25 },
        );
        await model.unload();
      });
    }
  });

  Deno.test(
    { name: name("calls of one shape, and outputs whose shape hangs on values"), ignore },
    async () => {
      await using folder = await graph({
        inputs: [{ name: "x", datatype: "FP32", shape: ["n"] }],
        outputs: [{ name: "y", datatype: "INT64", shape: [1, "k"] }],
        nodes: [{ operator: "NonZero", inputs: ["x"], outputs: ["y"] }],
      });
      const model = await load(folder.source);
      for (const values of [[0, 1, 2], [3, 0, 4], [5, 6, 0], [7, 8, 9], [0, 0, 1], [0, 0, 0, 1]]) {
        const [{ shape, data }] = await model.predict([floats("x", [values.length], values)]);
        const expected = values.flatMap((value, index) => value === 0 ? [] : [BigInt(index)]);
        assert.deepEqual(shape, [1, expected.length]);
        assert.deepEqual([...data], expected);
      }
      await model.unload();
    },
  );

  Deno.test({ name: name("a layer of multiplication, addition and relu"), ignore }, async () => {
    await using folder = await graph(
      layerGraph(Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(1, -100)),
    );
    const model = await load(folder.source);
    const answer = await model.predict([floats("x", [2, 3], [1, 1, 1, -1, 0, 0])]);
    assert.deepEqual(answer, [floats("y", [2, 2], [10, 0, 0, 0])]);
    await model.unload();
  });

  Deno.test({ name: name("inputs in shared memory"), ignore }, async () => {
    await using folder = await graph(identityGraph("FP32"));
    const model = await load(folder.source);
    const shared = new SharedArrayBuffer(64);
    const data = new Float32Array(shared, 16, 4);
    data.set([1, 2, 3, 4]);
    const [first] = await model.predict([{ name: "x", datatype: "FP32", shape: [2, 2], data }]);
    data.fill(9);
    const [second] = await model.predict([
      { name: "x", datatype: "FP32", shape: [1, 2], data: data.subarray(0, 2) },
    ]);
    assert.deepEqual(first, floats("y", [2, 2], [1, 2, 3, 4]), "answers are nobody else's memory");
    assert.deepEqual(second, floats("y", [1, 2], [9, 9]));
    await model.unload();
  });

  Deno.test({ name: name("external data stand in a file beside the model"), ignore }, async () => {
    const inline = matrixGraph(16);
    const constants = (inline.constants ?? []).map((constant) => ({
      ...constant,
      data: { file: "weights.bin" },
    }));
    const weights = inline.constants?.[0].data as Float32Array;
    await using whole = await graph(inline);
    await using parted = await modelFolder({
      "model.onnx": encodeOnnx({ ...inline, constants }),
      "weights.bin": new Uint8Array(weights.buffer),
    }, { options: { runtime } });
    const input = floats("x", [1, 16], Array.from({ length: 16 }, (_, index) => index));
    const answers = [];
    for (const { source } of [whole, parted]) {
      const model = await load(source);
      answers.push(await model.predict([input]));
      await model.unload();
    }
    assert.deepEqual(answers[0], answers[1]);
    assert.ok((answers[0][0] as FixedTensor).data.some((value) => value !== 0));
  });

  Deno.test(
    { name: name("a failing call is told in onnxruntime's words and ends alone"), ignore },
    async () => {
      await using folder = await graph(addGraph());
      const model = await load(folder.source);
      const inputs = (columns: number) => [
        floats("a", [1, 2], [1, 2]),
        floats("b", [1, columns], Array(columns).fill(1)),
      ];
      await assert.rejects(async () => await model.predict(inputs(3)), {
        code: "internal",
        message: /^Cannot predict with model "m": [^]*broadcast/,
      });
      assert.deepEqual(await model.predict(inputs(2)), [floats("y", [1, 2], [2, 3])]);
      await model.unload();
    },
  );

  Deno.test(
    { name: name("BYTES that are no text are refused by input and element"), ignore },
    async (t) => {
      await using folder = await graph(identityGraph("BYTES"));
      const model = await load(folder.source);
      const text = new TextEncoder().encode("ok");
      for (const [what, bytes] of [["a NUL", [65, 0]], ["half a character", [0xc3]]] as const) {
        await t.step(what, async () => {
          const data = [text, Uint8Array.from(bytes)];
          await assert.rejects(
            async () =>
              await model.predict([{ name: "x", datatype: "BYTES", shape: [1, 2], data }]),
            { code: "invalid-argument", message: /model "m": element 1 of input "x" is not UTF-8/ },
          );
        });
      }
      await model.unload();
    },
  );

  Deno.test({ name: name("what cannot be served is refused at load"), ignore }, async (t) => {
    const refused: [string, OnnxGraph, RegExp][] = [
      ["BF16", identityGraph("BF16"), /(model\.onnx|input "x").*type[^]*16/],
      ["a sequence", sequenceGraph(), /its output "y" is no dense tensor, needs a tensor/],
    ];
    for (const [what, onnx, message] of refused) {
      await t.step(what, async () => {
        await using folder = await graph(onnx);
        await assert.rejects(load(folder.source), { code: "invalid-argument", message });
      });
    }
    await t.step("a file of something else", async () => {
      await using folder = await modelFolder({ "model.onnx": "hello" }, { options: { runtime } });
      await assert.rejects(load(folder.source), {
        code: "invalid-argument",
        message: /^Cannot load model "m" from .*model\.onnx on cpu: .*[Pp]rotobuf parsing failed/,
      });
    });
    await t.step("no file", async () => {
      await using folder = await modelFolder({}, { options: { runtime } });
      await assert.rejects(load(folder.source), { code: "not-found", message: /there is no file/ });
    });
    await t.step("a provider that is not there", async () => {
      const options = { runtime, executionProviders: ["abacus"] };
      await using folder = await graph(identityGraph("FP32"), { options });
      await assert.rejects(load(folder.source), {
        code: "invalid-argument",
        message: new RegExp(
          `onnxruntime-${runtime} has no execution provider "abacus", it has cpu`,
        ),
      });
    });
    await t.step("a provider whose library is not there", async () => {
      const options = { runtime, executionProviders: ["cuda", "cpu"] };
      await using folder = await graph(identityGraph("FP32"), { options });
      await assert.rejects(load(folder.source), {
        code: "invalid-argument",
        message: /^Cannot load model "m" from .*model\.onnx on cuda,cpu: .*cuda/i,
      });
    });
    await t.step("when nobody waits any more", async () => {
      await using folder = await graph(identityGraph("FP32"));
      const reason = new Error("stop");
      const platform = onnxPlatform({ libraryFolder: undefined, log: () => {} });
      await assert.rejects(platform.load(folder.source, AbortSignal.abort(reason)), reason);
    });
  });

  Deno.test(
    { name: name("the configuration may narrow what the file says"), ignore },
    async (t) => {
      const spec = (name: string, datatype: "FP32" | "INT64", shape: number[]): TensorSpec => ({
        name,
        datatype,
        shape,
      });
      const cases: [string, Partial<ModelSource>, RegExp | undefined][] = [
        ["the same", { inputs: [spec("x", "FP32", [-1, 2])] }, undefined],
        ["a dimension", { outputs: [spec("y", "FP32", [3, 2])] }, undefined],
        [
          "a datatype",
          { inputs: [spec("x", "INT64", [-1, 2])] },
          /input "x" is INT64 .* says FP32/,
        ],
        [
          "a wider shape",
          { inputs: [spec("x", "FP32", [-1, -1])] },
          /input "x" is FP32 of shape \[-1,-1\]/,
        ],
        [
          "a rank",
          { outputs: [spec("y", "FP32", [-1])] },
          /output "y" is FP32 of shape \[-1\] .*\[-1,2\]/,
        ],
        ["a name", { outputs: [spec("z", "FP32", [-1, 2])] }, /output "z" stands in .* has "y"/],
        ["a missing one", { inputs: [] }, /input "x" is not in its configuration/],
      ];
      for (const [what, source, message] of cases) {
        await t.step(what, async () => {
          await using folder = await graph(identityGraph("FP32"), source);
          if (message !== undefined) {
            await assert.rejects(load(folder.source), { code: "invalid-argument", message });
            return;
          }
          const model = await load(folder.source);
          assert.deepEqual(model.metadata.outputs, source.outputs ?? [spec("y", "FP32", [-1, 2])]);
          await model.unload();
        });
      }
    },
  );

  Deno.test(
    { name: name("every value of its options is one that onnxruntime takes"), ignore },
    async (t) => {
      const values = [
        ...["disabled", "basic", "extended", "all"].map((level) => ({ graphOptimization: level })),
        { threads: 2 },
        { executionProviders: ["cpu"] },
      ];
      for (const options of values) {
        await t.step(JSON.stringify(options), async () => {
          await using folder = await graph(addGraph(), { options: { runtime, ...options } });
          const model = await load(folder.source);
          const inputs = [floats("a", [1, 2], [1, 2]), floats("b", [1, 2], [3, 4])];
          assert.deepEqual(await model.predict(inputs), [floats("y", [1, 2], [4, 6])]);
          await model.unload();
        });
      }
    },
  );

  Deno.test(
    { name: name("a folder of onnxruntime's files that lacks them is told"), ignore },
    async () => {
      await using folder = await graph(identityGraph("FP32"));
      const platform = onnxPlatform({ libraryFolder: folder.source.folder, log: () => {} });
      await assert.rejects(platform.load(folder.source, new AbortController().signal), {
        code: "failed-precondition",
        message: new RegExp(`^Cannot load model "m": onnxruntime-${runtime} did not load: `),
      });
    },
  );
}

Deno.test({ name: "onnx: options are strict and told by name", ignore }, async (t) => {
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ thread: 1 }, /options\.thread is not an option/],
    [{ threads: 0 }, /options\.threads is 0, needs an integer from 1 to 256/],
    [{ runtime: "wasm" }, /options\.runtime is "wasm", needs "auto", "node" or "web"/],
    [{ executionProviders: [1] }, /options\.executionProviders\.0 is 1, needs a name/],
    [{ graphOptimization: "most" }, /options\.graphOptimization is "most", needs "disabled"/],
  ];
  await using folder = await modelFolder({});
  for (const [options, message] of cases) {
    await t.step(
      JSON.stringify(options),
      () =>
        assert.rejects(load({ ...folder.source, options }), { code: "invalid-argument", message }),
    );
  }
});

Deno.test({ name: "onnx: it says which runtime it took", ignore }, async () => {
  const entries: PlatformLogEntry[] = [];
  await using folder = await modelFolder({ "model.onnx": encodeOnnx(identityGraph("FP32")) });
  const platform = onnxPlatform({ libraryFolder: undefined, log: (entry) => entries.push(entry) });
  const model = await platform.load(folder.source, new AbortController().signal);
  assert.deepEqual(entries, [
    { level: "info", model: "m", version: "1", message: "uses onnxruntime-node" },
  ]);
  await model.unload();
});

function load(source: ModelSource): Promise<Model> {
  const platform = onnxPlatform({ libraryFolder: undefined, log: () => {} });
  return platform.load(source, new AbortController().signal);
}

async function openOnce(runtime: string): Promise<void> {
  await using folder = await modelFolder(
    { "model.onnx": encodeOnnx(identityGraph("FP32")) },
    { options: { runtime } },
  );
  await (await load(folder.source)).unload();
}

function floats(name: string, shape: readonly number[], values: readonly number[]): Tensor {
  return { name, datatype: "FP32", shape, data: Float32Array.from(values) };
}

/** Tensors x of shape [n, 2] of any bits that are a value of the datatype. */
function tensorOf(datatype: (typeof SERVED)[number]): fc.Arbitrary<Tensor> {
  const rows = fc.integer({ min: 0, max: 4 });
  return rows.chain((count): fc.Arbitrary<Tensor> => {
    const shape = [count, 2];
    const length = { minLength: count * 2, maxLength: count * 2 };
    if (datatype === "BYTES") {
      const text = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
      return fc.array(text, length).map((texts) => ({
        name: "x",
        datatype,
        shape,
        data: texts.map((text) => new TextEncoder().encode(text)),
      }));
    }
    const bytes = fc.uint8Array({ minLength: count * 16, maxLength: count * 16 });
    return bytes.map((bits) => ({
      name: "x",
      datatype,
      shape,
      data: elements(datatype, bits, count * 2),
    }));
  });
}

function elements(datatype: FixedDatatype, bits: Uint8Array, length: number) {
  const shared = new SharedArrayBuffer(bits.length);
  new Uint8Array(shared).set(datatype === "BOOL" ? bits.map((bit) => bit & 1) : bits);
  return viewElements(datatype, shared, 0, length);
}
