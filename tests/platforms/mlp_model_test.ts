import assert from "node:assert/strict";
import fc from "fast-check";
import type { Activation, MlpDefinition, MlpLayer } from "../../lib/platforms/mlp_definition.ts";
import { mlpOperations } from "../../lib/platforms/mlp_definition.ts";
import { MlpModel } from "../../lib/platforms/mlp_model.ts";
import { mayStartWorkers, StartedWorker } from "../lock/started_worker.ts";
import { operationError } from "./error_check.ts";
import { network } from "./network.ts";

const SEED = 20_260_104;

const ACTIVATIONS: readonly Activation[] = ["relu", "sigmoid", "tanh", "none"];

Deno.test("MlpModel computes as the definition of a dense layer says", () => {
  const widths = fc.array(fc.integer({ min: 1, max: 11 }), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(
      widths,
      fc.infiniteStream(fc.float({ min: -2, max: 2, noNaN: true })),
      fc.infiniteStream(fc.constantFrom(...ACTIVATIONS)),
      fc.constantFrom(0, 1, 2, 31, 32, 33, 70),
      (widths, floats, activations, rows) => {
        const next = () => floats.next().value as number;
        const definition = network(widths, next, () => activations.next().value as Activation);
        const data = Float32Array.from({ length: rows * widths[0] }, next);
        const model = new MlpModel(definition);
        const [y] = model.predict([{
          name: "x",
          datatype: "FP32",
          shape: [rows, widths[0]],
          data,
        }]);
        assert.deepEqual(y.shape, [rows, widths[widths.length - 1]]);
        assert.equal(y.datatype, "FP32");
        const expected = Array.from(
          { length: rows },
          (_, row) => naive(definition.layers, data.slice(row * widths[0], (row + 1) * widths[0])),
        );
        assert.deepEqual(y.data, Float32Array.from(expected.flatMap((row) => [...row])));
      },
    ),
    { seed: SEED, numRuns: 300 },
  );
});

/** One row, one sum after the other. */
function naive(layers: readonly MlpLayer[], x: Float32Array): Float32Array {
  return layers.reduce(
    (x, { weight, bias, inputs, activation }) =>
      Float32Array.from(bias, (own, output) => {
        let sum = 0;
        for (let i = 0; i < inputs; i++) {
          sum = Math.fround(sum + weight[output * inputs + i] * x[i]);
        }
        return apply(activation, Math.fround(sum + own));
      }),
    x,
  );
}

function apply(activation: Activation, value: number): number {
  if (activation === "relu") return value < 0 ? 0 : value;
  if (activation === "sigmoid") return 1 / (1 + Math.exp(-value));
  return activation === "tanh" ? Math.tanh(value) : value;
}

Deno.test("MlpModel lets NaN and infinities through, and rows do not touch each other", () => {
  for (const activation of ACTIVATIONS) {
    const model = new MlpModel(network([1, 5, 1], () => 1, () => activation));
    const data = Float32Array.of(NaN, 1, Infinity, -Infinity);
    const [y] = model.predict([{ name: "x", datatype: "FP32", shape: [4, 1], data }]);
    assert.ok(Number.isNaN(y.data[0]), activation);
    assert.ok(Number.isFinite(y.data[1]), activation);
    const ends: Readonly<Record<Activation, readonly [number, number]>> = {
      relu: [Infinity, 1],
      none: [Infinity, -Infinity],
      sigmoid: [1 / (1 + Math.exp(-6)), 1 / (1 + Math.exp(-1))],
      tanh: [Math.tanh(6), Math.tanh(-4)],
    };
    assert.deepEqual([y.data[2], y.data[3]], ends[activation].map(Math.fround), activation);
  }
});

Deno.test("MlpModel gives each caller an array of its own", () => {
  const model = new MlpModel(network([2, 3, 1], () => 0.5, () => "none"));
  const predict = (a: number, b: number) =>
    model.predict([{ name: "x", datatype: "FP32", shape: [1, 2], data: Float32Array.of(a, b) }])[0];
  const first = predict(1, 2);
  const before = [...first.data as Float32Array];
  predict(30, 40);
  assert.deepEqual([...first.data as Float32Array], before);
});

Deno.test("MlpModel names both shapes when a row has the wrong length", () => {
  const model = new MlpModel(network([2, 20, 1], () => 0, () => "relu"));
  for (const [shape, found] of [[[1, 3], "1x3"], [[2], "2"], [[1, 1, 2], "1x1x2"]] as const) {
    const data = new Float32Array(6);
    assert.throws(
      () => model.predict([{ name: "x", datatype: "FP32", shape, data }]),
      operationError("invalid-argument", new RegExp(`layer fc1 cannot multiply ${found} and 2x20`)),
    );
  }
});

Deno.test("mlpOperations() counts the weights", () => {
  const operations = (...widths: number[]) => mlpOperations(network(widths, () => 0, () => "none"));
  assert.equal(operations(2, 20, 20, 1), 460);
  assert.equal(operations(7, 3), 21);
});

Deno.test({
  name: "MlpModel of a definition that was posted to another thread shares its weights",
  ignore: !mayStartWorkers,
}, async () => {
  const definition: MlpDefinition = network([2, 5, 3], (i) => i / 8, () => "tanh");
  const x = Float32Array.of(0.25, -1, 3, 0.5);
  const task = { definition, x, rows: 2 };
  using worker = new StartedWorker(new URL("./fixtures/mlp_worker.ts", import.meta.url), task);
  const { y, weight } = await worker.next() as { y: Float32Array; weight: Float32Array };
  const shape = [2, 2];
  const [own] = new MlpModel(definition).predict([{ name: "x", datatype: "FP32", shape, data: x }]);
  assert.deepEqual(y, own.data);
  // What the other thread has sent back is the same memory.
  weight[0] = 77;
  assert.equal(definition.layers[0].weight[0], 77);
});
