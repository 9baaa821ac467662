import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import type { ModelMetadata } from "../../lib/inference/model.ts";
import { checkInputs, hasBatchDimension } from "../../lib/runtime/input_check.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

const METADATA: ModelMetadata = {
  inputs: [
    { name: "a", datatype: "FP32", shape: [-1, 2] },
    { name: "b", datatype: "INT64", shape: [-1] },
  ],
  outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
};

const a = (rows: number, name = "a"): Tensor => ({
  name,
  datatype: "FP32",
  shape: [rows, 2],
  data: new Float32Array(2 * rows),
});
const b = (rows: number): Tensor => ({
  name: "b",
  datatype: "INT64",
  shape: [rows],
  data: new BigInt64Array(rows),
});

Deno.test("checkInputs() gives the inputs in the model's order, and the rows of their batch", () => {
  const [first, second] = [a(3), b(3)];
  for (const given of [[first, second], [second, first]]) {
    assert.deepEqual(checkInputs("m", METADATA, given, true), { inputs: [first, second], rows: 3 });
  }
  assert.equal(checkInputs("m", METADATA, [first, second], false).rows, 1);
});

const WRONG: readonly (readonly [problem: string, given: readonly Tensor[]])[] = [
  ['input "b" is given 0 times, need it once', [a(1)]],
  ['input "a" is given 2 times, need it once', [a(1), a(1), b(1)]],
  ['there is no input "c", it takes "a", "b"', [a(1), a(1, "c"), b(1)]],
  ['input "a" is FP64, need FP32', [
    { name: "a", datatype: "FP64", shape: [1, 2], data: new Float64Array(2) },
    b(1),
  ]],
  ['input "a" has shape [2], need [-1,2]', [
    { name: "a", datatype: "FP32", shape: [2], data: new Float32Array(2) },
    b(1),
  ]],
  ['input "a" has shape [1,3], need [-1,2]', [
    { name: "a", datatype: "FP32", shape: [1, 3], data: new Float32Array(3) },
    b(1),
  ]],
  ['input "b" has a batch of 2, input "a" has 1', [a(1), b(2)]],
  ["the batch is empty, need at least one row", [a(0), b(0)]],
];

Deno.test("checkInputs() says what is wrong with which input", async (t) => {
  for (const [problem, given] of WRONG) {
    await t.step(problem, () => {
      assert.throws(() => checkInputs("m", METADATA, given, true), (error) => {
        assert.ok(error instanceof OperationError);
        assert.equal(error.code, "invalid-argument");
        assert.equal(error.message, `Cannot infer with model "m": ${problem}`);
        return true;
      });
    });
  }
});

Deno.test("hasBatchDimension() asks for a first dimension of -1 in all tensors", () => {
  const spec = (shape: number[]) => ({ name: "t", datatype: "FP32", shape } as const);
  assert.ok(hasBatchDimension({ inputs: [spec([-1])], outputs: [spec([-1, 4])] }));
  assert.ok(!hasBatchDimension({ inputs: [spec([-1])], outputs: [spec([4])] }));
  assert.ok(!hasBatchDimension({ inputs: [spec([])], outputs: [spec([-1])] }));
});
