import assert from "node:assert/strict";
import fc from "fast-check";
import { SharedMutex } from "../../lib/lock/shared_mutex.ts";
import { LinearModel } from "../../lib/model/linear_model.ts";
import { DotProductModel } from "../../lib/platforms/dot_product_model.ts";
import { linear } from "../../lib/platforms/linear.ts";
import type { TensorSpec } from "../../lib/tensor/tensor.ts";
import { mayStartWorkers, StartedWorker } from "../lock/started_worker.ts";
import { operationError } from "./error_check.ts";
import { mayUseFiles, never, VersionFolder } from "./version_folder.ts";

const SEED = 20_260_105;

const X: TensorSpec = { name: "x", datatype: "FP32", shape: [-1, 3] };
const Y: TensorSpec = { name: "y", datatype: "FP64", shape: [-1] };

Deno.test({ name: "linear loads coefs.json", ignore: !mayUseFiles }, async () => {
  using folder = new VersionFolder({ "coefs.json": "[1, 0.1, -2e3]" });
  const model = await linear.load(folder.source(), never);
  assert.deepEqual(model.metadata, { inputs: [X], outputs: [Y] });
  assert.deepEqual([...model.definition.coefs], [1, 0.1, -2000]);
  assert.ok(model.definition.coefs.buffer instanceof SharedArrayBuffer);
  const data = Float32Array.of(1, 2, 3, 0, 10, 0);
  const [y] = model.predict([{ name: "x", datatype: "FP32", shape: [2, 3], data }]);
  assert.deepEqual(y, {
    name: "y",
    datatype: "FP64",
    shape: [2],
    data: Float64Array.of(1.2 - 6000, 1),
  });
});

Deno.test({
  name: "linear takes FP64 and names where the configuration says so",
  ignore: !mayUseFiles,
}, async () => {
  using folder = new VersionFolder({ "coefs.json": "[1, 2, 3]" });
  const inputs: TensorSpec[] = [{ ...X, name: "in", datatype: "FP64" }];
  const outputs = [{ ...Y, name: "out" }];
  const model = await linear.load(folder.source({ inputs, outputs }), never);
  assert.deepEqual(model.metadata, { inputs, outputs });
  const data = Float64Array.of(0.1, 0.2, 0.3);
  const [y] = model.predict([{ name: "in", datatype: "FP64", shape: [1, 3], data }]);
  assert.deepEqual([y.name, y.data[0]], ["out", 0.1 + 0.2 * 2 + 0.3 * 3]);
});

Deno.test("DotProductModel computes what LinearModel does of the same coefficients", () => {
  const float = fc.float({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(float, float), { minLength: 1, maxLength: 12 }),
      fc.constantFrom(Float32Array, Float64Array),
      (pairs, Inputs) => {
        const mutex = new SharedMutex(SharedMutex.allocate(), 1);
        const other = new LinearModel(LinearModel.allocate({ coefsMax: 12 }), mutex);
        const coefs = pairs.map(([coef]) => coef);
        const x = pairs.map(([, input]) => input);
        using _ = mutex.acquire();
        other.replace(other.check(coefs));
        other.refresh();
        const shape = [1, x.length];
        const model = new DotProductModel({ input: X, output: Y, coefs: Float64Array.from(coefs) });
        const datatype = Inputs === Float32Array ? "FP32" : "FP64";
        const [y] = model.predict([{ name: "x", datatype, shape, data: Inputs.from(x) }]);
        assert.ok(Object.is(y.data[0], other.predict(Float64Array.from(x), x.length)));
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});

Deno.test("DotProductModel refuses rows of another length", () => {
  const model = new DotProductModel({ input: X, output: Y, coefs: Float64Array.of(1, 2, 3) });
  for (const shape of [[1, 2], [3], [1, 3, 1]]) {
    assert.throws(
      () => model.predict([{ name: "x", datatype: "FP32", shape, data: new Float32Array(3) }]),
      operationError("invalid-argument", /inputs of shape \[.*\], 3 coefficients/),
    );
  }
  const none = { name: "x", datatype: "FP32", shape: [0, 3], data: new Float32Array(0) } as const;
  assert.deepEqual(model.predict([none])[0].shape, [0]);
});

const WRONG: readonly (readonly [string, string, RegExp])[] = [
  ["no JSON", "[1,", /"m": coefs\.json is not JSON/],
  ["no array", '{"coefs":[1]}', /coefs\.json is not an array of at least one number/],
  ["no coefficients", "[]", /not an array of at least one number/],
  ["a text", '[1, "2"]', /coefficient 1 is not a finite number/],
  ["more than float64 has", "[1, 2, 1e999]", /coefficient 2 is not a finite number/],
];

Deno.test({ name: "linear refuses a coefs.json with", ignore: !mayUseFiles }, async (t) => {
  for (const [name, text, message] of WRONG) {
    await t.step(name, async () => {
      using folder = new VersionFolder({ "coefs.json": text });
      await assert.rejects(
        linear.load(folder.source(), never),
        operationError("invalid-argument", message),
      );
    });
  }
  await t.step("more bytes than are read", async () => {
    using folder = new VersionFolder({ "coefs.json": "" });
    Deno.truncateSync(`${folder.path}/coefs.json`, 33_554_433);
    const message = /coefs\.json has 33554433 bytes, at most 33554432 are read/;
    await assert.rejects(
      linear.load(folder.source(), never),
      operationError("invalid-argument", message),
    );
  });
});

Deno.test({ name: "linear refuses", ignore: !mayUseFiles }, async (t) => {
  using folder = new VersionFolder({ "coefs.json": "[1, 2, 3]" });
  const table: readonly (readonly [string, Parameters<VersionFolder["source"]>[0], RegExp])[] = [
    [
      "options",
      { options: { scale: 1 } },
      /options\.scale is not an option of its platform/,
    ],
    [
      "inputs of another length",
      { inputs: [{ ...X, shape: [-1, 4] }] },
      /FP32 \[-1, 4\], the model has FP32 \[-1, 3\]/,
    ],
    [
      "inputs of another datatype",
      { inputs: [{ ...X, datatype: "INT32" }] },
      /INT32 \[-1, 3\], the model has FP32/,
    ],
    [
      "outputs of another datatype",
      { outputs: [{ ...Y, datatype: "FP32" }] },
      /FP32 \[-1\], the model has FP64/,
    ],
    ["two inputs", { inputs: [X, X] }, /2 inputs, the model has one/],
  ];
  for (const [name, more, message] of table) {
    await t.step(name, async () => {
      await assert.rejects(
        linear.load(folder.source(more), never),
        operationError("invalid-argument", message),
      );
    });
  }
  await t.step("a folder without coefs.json", async () => {
    using empty = new VersionFolder({});
    await assert.rejects(
      linear.load(empty.source(), never),
      operationError("not-found", /"m": no coefs\.json in/),
    );
  });
  await t.step("to go on when nobody wants it", async () => {
    const reason = new Error("no longer wanted");
    await assert.rejects(linear.load(folder.source(), AbortSignal.abort(reason)), reason);
  });
});

Deno.test({
  name: "DotProductModel of a definition that was posted to another thread shares its coefficients",
  ignore: !mayStartWorkers,
}, async () => {
  const coefs = new Float64Array(new SharedArrayBuffer(16));
  coefs.set([3, 5]);
  const definition = { input: X, output: Y, coefs };
  const task = { definition, x: Float64Array.of(1, 10) };
  using worker = new StartedWorker(new URL("./fixtures/linear_worker.ts", import.meta.url), task);
  const reply = await worker.next() as { y: Float64Array; coefs: Float64Array };
  assert.deepEqual([...reply.y], [53]);
  reply.coefs[0] = 7;
  assert.equal(coefs[0], 7);
});
