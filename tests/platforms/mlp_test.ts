import assert from "node:assert/strict";
import type { TensorSpec } from "../../lib/tensor/tensor.ts";
import { encodeBf16, encodeFp16 } from "../../lib/tensor/half.ts";
import type { Activation } from "../../lib/platforms/mlp_definition.ts";
import { mlp } from "../../lib/platforms/mlp.ts";
import type { MlpModel } from "../../lib/platforms/mlp_model.ts";
import { stateDictPickle } from "../weights/pickle_builder.ts";
import { pipelineWeights, readFixture } from "../weights/fixture.ts";
import { safetensorsFile } from "../../tasks/models/safetensors_writer.ts";
import { writeStoredZip } from "../weights/stored_zip_writer.ts";
import { operationError } from "./error_check.ts";
import { mayUseFiles, never, VersionFolder } from "./version_folder.ts";

function predict(model: MlpModel, ...rows: readonly (readonly number[])[]): Float32Array {
  const shape = [rows.length, rows[0].length];
  const data = Float32Array.from(rows.flat());
  return model.predict([{ name: "x", datatype: "FP32", shape, data }])[0].data as Float32Array;
}

/** What PyTorch 2.15.0 (MKL, AVX-512) predicts for [0.446, 0.554], in a batch and alone. */
const PIPELINE: Readonly<Record<string, number>> = {
  "0d3c5dffa4374c77a554ed38c9c50296_66e26224.b64": 1.0000178813934326,
  "000127a35b5f462b8ec68fb4d905ac36_eb191815.b64": 1.0000555515289307,
  "dfd2cd54a1ec4a408285f547f6827ea2_098b6e80.b64": 1.0000861883163452,
};

Deno.test({
  name: "mlp predicts what PyTorch predicts",
  ignore: pipelineWeights === undefined,
}, async (t) => {
  for (const [file, expected] of Object.entries(PIPELINE)) {
    await t.step(file, async () => {
      using folder = new VersionFolder({ [file]: Deno.readFileSync(`${pipelineWeights}/${file}`) });
      const model = await mlp.load(folder.source(), never);
      assert.deepEqual(model.metadata, {
        inputs: [{ name: "x", datatype: "FP32", shape: [-1, 2] }],
        outputs: [{ name: "y", datatype: "FP32", shape: [-1, 1] }],
      });
      assert.deepEqual([...predict(model, [0.446, 0.554])], [expected]);
      const batch = Array.from({ length: 70 }, (_, i) => i === 64 ? [0.446, 0.554] : [i / 70, 0.5]);
      assert.equal(predict(model, ...batch)[64], expected);
    });
  }
});

Deno.test({
  name: "mlp predicts what PyTorch predicts, with every activation",
  ignore: !mayUseFiles,
}, async (t) => {
  const { x, y } = JSON.parse(new TextDecoder().decode(readFixture("predictions.json")));
  using folder = new VersionFolder({ "model.pt": readFixture("network.pt") });
  for (const activation of ["relu", "sigmoid", "tanh", "none"] satisfies Activation[]) {
    await t.step(activation, async () => {
      const layers = [
        { weight: "0.weight", bias: "0.bias", activation },
        { weight: "2.weight", bias: "2.bias", activation: "none" },
      ];
      const model = await mlp.load(folder.source({ options: { layers } }), never);
      const found = predict(model, ...x);
      const expected: number[] = y[activation].flat();
      // PyTorch's exp is another, and its order of sums depends on the processor.
      expected.forEach((value, i) => {
        assert.ok(Math.abs(found[i] - value) < 3e-7, `output ${i} is ${found[i]}, not ${value}`);
      });
    });
  }
});

/** A file of float32 tensors, each [shape, values] or only its shape, which is filled with ones. */
function stateDict(shapes: Readonly<Record<string, readonly number[]>>): Uint8Array {
  const entries = Object.entries(shapes);
  const pickle = stateDictPickle(Object.fromEntries(entries.map(([name, shape], index) => {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    const elements = shape.reduce((a, b) => a * b, 1);
    return [name, { key: `${index}`, elements, shape, strides }];
  })));
  const storages = entries.map(([, shape], index) => ({
    name: `m/data/${index}`,
    data: new Uint8Array(new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1).buffer),
  }));
  return writeStoredZip([{ name: "m/data.pkl", data: pickle }, ...storages]);
}

const TWO_LAYERS = { "a.weight": [3, 2], "a.bias": [3], "b.weight": [1, 3], "b.bias": [1] };
const file = stateDict(TWO_LAYERS);

Deno.test(
  { name: "mlp infers layers from a state_dict's order", ignore: !mayUseFiles },
  async () => {
    for (const name of ["model.pt", "model.pth", "weights.b64"]) {
      using folder = new VersionFolder({ [name]: name.endsWith("b64") ? file.toBase64() : file });
      const { definition } = await mlp.load(folder.source(), never);
      assert.deepEqual(
        definition.layers.map((
          { name, inputs, outputs, activation },
        ) => [name, inputs, outputs, activation]),
        [["a", 2, 3, "relu"], ["b", 3, 1, "none"]],
      );
    }
  },
);

Deno.test(
  { name: "mlp puts all weights into one shared memory", ignore: !mayUseFiles },
  async () => {
    using folder = new VersionFolder({ "model.pt": file });
    const { definition: { layers: [a, b] } } = await mlp.load(folder.source(), never);
    assert.ok(a.weight.buffer instanceof SharedArrayBuffer);
    assert.equal(new Set([a.weight, a.bias, b.weight, b.bias].map(({ buffer }) => buffer)).size, 1);
    assert.equal(a.weight.buffer.byteLength, 4 * (6 + 3 + 3 + 1));
  },
);

Deno.test({ name: "mlp takes layers without a bias", ignore: !mayUseFiles }, async () => {
  using folder = new VersionFolder({ "model.pt": stateDict({ "a.weight": [1, 2] }) });
  assert.deepEqual([...predict(await mlp.load(folder.source(), never), [3, 4])], [7]);
  const layers = [{ weight: "a.weight", activation: "none" }];
  const model = await mlp.load(folder.source({ options: { layers } }), never);
  assert.deepEqual([...predict(model, [3, 4])], [7]);
});

Deno.test(
  { name: "mlp widens FP16 and BF16 weights of safetensors", ignore: !mayUseFiles },
  async (t) => {
    const values = [0.1, -3, 65504, 1e-7];
    for (const [dtype, encode] of [["F16", encodeFp16], ["BF16", encodeBf16]] as const) {
      await t.step(dtype, async () => {
        const bits = Uint16Array.from(values, encode);
        const header = { w: { dtype, shape: [1, 4], data_offsets: [0, 8] } };
        const bytes = safetensorsFile(header, new Uint8Array(bits.buffer));
        using folder = new VersionFolder({ "model.safetensors": bytes });
        const options = { layers: [{ weight: "w", activation: "none" }] };
        const { definition: { layers: [{ weight }] } } = await mlp.load(
          folder.source({ options }),
          never,
        );
        weight.forEach((value, i) => assert.equal(encode(value), bits[i]));
        assert.ok(Math.abs(weight[0] - 0.1) < 0.001);
      });
    }
  },
);

const X: TensorSpec = { name: "features", datatype: "FP32", shape: [-1, 2] };
const Y: TensorSpec = { name: "score", datatype: "FP32", shape: [-1, 1] };

Deno.test({ name: "mlp uses the configuration's names", ignore: !mayUseFiles }, async () => {
  using folder = new VersionFolder({ "model.pt": file });
  const model = await mlp.load(folder.source({ inputs: [X], outputs: [Y] }), never);
  assert.deepEqual(model.metadata, { inputs: [X], outputs: [Y] });
  const data = new Float32Array(2);
  assert.equal(model.predict([{ ...X, datatype: "FP32", shape: [1, 2], data }])[0].name, "score");
});

const layer = (name: string, activation = "relu") => ({
  weight: `${name}.weight`,
  bias: `${name}.bias`,
  activation,
});

const WRONG_OPTIONS: readonly (readonly [string, Record<string, unknown>, RegExp])[] = [
  [
    "an unknown option",
    { layer: [] },
    /"m": options\.layer is not an option of its platform/,
  ],
  [
    "no array",
    { layers: "fc1" },
    /"m": options\.layers is "fc1", needs an array of 1 to 1024 layers/,
  ],
  ["no layers", { layers: [] }, /options\.layers is \[\], needs an array of 1 to/],
  [
    "too many layers",
    { layers: Array(1_025).fill(layer("a")) },
    /needs an array of 1 to 1024 layers/,
  ],
  ["a layer that is none", { layers: [3] }, /options\.layers\.0 is 3, needs an object/],
  [
    "a layer without weights",
    { layers: [{ activation: "none" }] },
    /layers\.0\.weight is undefined, needs the name/,
  ],
  [
    "no activation",
    { layers: [{ weight: "a.weight" }] },
    /layers\.0\.activation is undefined, needs "relu"/,
  ],
  [
    "another activation",
    { layers: [layer("a"), layer("b", "gelu")] },
    /layers\.1\.activation is "gelu", needs/,
  ],
  [
    "another key of a layer",
    { layers: [{ ...layer("a"), dropout: 1 }] },
    /options\.layers\.0\.dropout is not an option/,
  ],
  ["a weight that is not there", { layers: [layer("c")] }, /the file has no tensor "c\.weight"/],
  ["a bias that is not there", { layers: [{ ...layer("a"), bias: "x" }] }, /has no tensor "x"/],
  [
    "a bias for a weight",
    { layers: [{ weight: "a.bias", activation: "none" }] },
    /"a\.bias" has shape \[3\], needs \[outputs, inputs\]/,
  ],
  [
    "another layer's bias",
    { layers: [{ ...layer("a"), bias: "b.bias" }] },
    /"b\.bias" has shape \[1\], layer a needs \[3\]/,
  ],
  [
    "layers that do not chain",
    { layers: [layer("b"), layer("a")] },
    /"m": layer a takes 2 inputs, b gives 1/,
  ],
];

Deno.test({ name: "mlp refuses options:", ignore: !mayUseFiles }, async (t) => {
  using folder = new VersionFolder({ "model.pt": file });
  for (const [name, options, message] of WRONG_OPTIONS) {
    await t.step(name, async () => {
      const source = folder.source({ options });
      await assert.rejects(mlp.load(source, never), operationError("invalid-argument", message));
    });
  }
});

const two = safetensorsFile({
  "a.weight": { dtype: "F32", shape: [1, 1], data_offsets: [0, 4] },
  "b.weight": { dtype: "F32", shape: [1, 1], data_offsets: [4, 8] },
}, new Uint8Array(8));
const integers = safetensorsFile({
  "a.weight": { dtype: "I32", shape: [1, 1], data_offsets: [0, 4] },
}, new Uint8Array(4));

const WRONG_FILES:
  readonly (readonly [string, Readonly<Record<string, Uint8Array | string>>, RegExp])[] = [
    [
      "two files",
      { "model.pt": file, "x.b64": file.toBase64() },
      /model\.pt and x\.b64 in its folder, needs one/,
    ],
    ["a broken file", { "model.pt": "PK" }, /"m": model\.pt: Cannot read the ZIP archive: 2 bytes/],
    [
      "a broken safetensors file",
      { "model.safetensors": "PK" },
      /model\.safetensors: Cannot read the safetensors/,
    ],
    ["a broken base64 file", { "x.b64": "é" }, /x\.b64: Cannot decode the base64/],
    [
      "a stray tensor",
      { "model.pt": stateDict({ ...TWO_LAYERS, "bn.running_mean": [3] }) },
      /tensor "bn\.running_mean" in the file, whose layers need options\.layers/,
    ],
    ["a bias alone", { "model.pt": stateDict({ "a.bias": [3] }) }, /tensor "a\.bias" in the file/],
    ["too many layers", {
      "model.pt": stateDict(
        Object.fromEntries(Array.from({ length: 1_025 }, (_, i) => [`${i}.weight`, [1, 1]])),
      ),
    }, /1025 layers, at most 1024 are computed/],
    ["no tensors", { "model.pt": stateDict({}) }, /no tensor NAME\.weight in the file/],
    ["layers that do not chain", {
      "model.pt": stateDict({
        "fc1.weight": [10, 2],
        "fc1.bias": [10],
        "fc2.weight": [1, 20],
        "fc2.bias": [1],
      }),
    }, /Cannot load model "m": layer fc2 takes 20 inputs, fc1 gives 10/],
    [
      "no weights in a layer",
      { "model.pt": stateDict({ "a.weight": [0, 2] }) },
      /"a\.weight" has shape \[0,2\]/,
    ],
    [
      "layers without an order",
      { "model.safetensors": two },
      /2 layers in a file that does not keep their order/,
    ],
    [
      "integers",
      { "model.safetensors": integers },
      /"a\.weight" is INT32, needs to be FP32, FP16 or BF16/,
    ],
  ];

Deno.test({ name: "mlp refuses files:", ignore: !mayUseFiles }, async (t) => {
  for (const [name, files, message] of WRONG_FILES) {
    await t.step(name, async () => {
      using folder = new VersionFolder(files);
      await assert.rejects(
        mlp.load(folder.source(), never),
        operationError("invalid-argument", message),
      );
    });
  }
  await t.step("none", async () => {
    using folder = new VersionFolder({ "model.onnx": "" });
    const message = /"m": no model\.safetensors, model\.pt, model\.pth or \*\.b64 in/;
    await assert.rejects(mlp.load(folder.source(), never), operationError("not-found", message));
  });
  await t.step("no folder", async () => {
    const folder = new VersionFolder({});
    folder[Symbol.dispose]();
    await assert.rejects(
      mlp.load(folder.source(), never),
      operationError("not-found", /cannot be read/),
    );
  });
});

const WRONG_SPECS:
  readonly (readonly [string, TensorSpec[] | undefined, TensorSpec[] | undefined, RegExp])[] = [
    [
      "two inputs",
      [X, { ...X, name: "x2" }],
      undefined,
      /configuration has 2 inputs, the model has one/,
    ],
    ["no outputs", undefined, [], /configuration has 0 outputs/],
    [
      "another width",
      [{ ...X, shape: [-1, 3] }],
      undefined,
      /inputs "features" of FP32 \[-1, 3\], the model has FP32 \[-1, 2\]/,
    ],
    [
      "another datatype",
      undefined,
      [{ ...Y, datatype: "FP64" }],
      /outputs "score" of FP64 \[-1, 1\], the model has FP32/,
    ],
  ];

Deno.test({ name: "mlp refuses a configuration with", ignore: !mayUseFiles }, async (t) => {
  using folder = new VersionFolder({ "model.pt": file });
  for (const [name, inputs, outputs, message] of WRONG_SPECS) {
    await t.step(name, async () => {
      const source = folder.source({ inputs, outputs });
      await assert.rejects(mlp.load(source, never), operationError("invalid-argument", message));
    });
  }
});

Deno.test(
  { name: "mlp gives a load up with the signal's reason", ignore: !mayUseFiles },
  async () => {
    using folder = new VersionFolder({ "model.pt": file });
    const reason = new Error("no longer wanted");
    await assert.rejects(mlp.load(folder.source(), AbortSignal.abort(reason)), reason);
  },
);
