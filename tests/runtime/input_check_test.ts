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

const FREE_ROWS: ModelMetadata = {
  inputs: [{ name: "t", datatype: "UINT8", shape: [-1, -1] }],
  outputs: [{ name: "y", datatype: "FP32", shape: [-1] }],
};

Deno.test("checkInputs() bounds the rows of a tensor that has no elements", () => {
  const empty = (shape: readonly number[]): Tensor => ({
    name: "t",
    datatype: "UINT8",
    shape,
    data: new Uint8Array(),
  });
  assert.equal(checkInputs("m", FREE_ROWS, [empty([65_536, 0])], true).rows, 65_536);
  for (const shape of [[65_537, 0], [2 ** 40, 0], [1, 0, 2 ** 32]]) {
    const metadata = shape.length === 2 ? FREE_ROWS : {
      ...FREE_ROWS,
      inputs: [{ name: "t", datatype: "UINT8", shape: [-1, -1, -1] } as const],
    };
    assert.throws(() => checkInputs("m", metadata, [empty(shape)], true), {
      code: "invalid-argument",
      message:
        `Cannot infer with model "m": input "t" has shape [${shape}], need dimensions of at most 65536`,
    });
  }
});

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
