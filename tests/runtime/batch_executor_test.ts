import assert from "node:assert/strict";
import type { Model } from "../../lib/inference/model.ts";
import { BatchExecutor } from "../../lib/runtime/batch_executor.ts";
import { tensorsByteLength, writeTensors } from "../../lib/runtime/tensor_list.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

const model: Model = {
  metadata: {
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, -1, -1] }],
    outputs: [{ name: "x", datatype: "FP32", shape: [-1, -1, -1] }],
  },
  predict: (inputs) => inputs,
  unload: () => {},
};

function request(...shape: number[]): Uint8Array {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  const tensors: Tensor[] = [{ name: "x", datatype: "FP32", shape, data }];
  const bytes = new Uint8Array(tensorsByteLength(tensors));
  writeTensors(tensors, bytes, 0);
  return bytes;
}

Deno.test("BatchExecutor.execute() refuses rows of different shapes, as many elements or not", () => {
  const executor = new BatchExecutor("m", model, { batched: true, results: undefined });
  assert.equal((executor.execute([request(1, 2, 8), request(3, 2, 8)]) as unknown[]).length, 2);
  for (const other of [request(1, 4, 4), request(1, 8, 2), request(1, 2, 7)]) {
    assert.throws(() => executor.execute([request(1, 2, 8), other]), {
      code: "internal",
      message: /Cannot batch input "x" of model "m": \[1,.*\] and \[1,2,8\]/,
    });
  }
});
