import assert from "node:assert/strict";
import { OperationError } from "../../../lib/errors.ts";
import { elementBytes } from "../../../lib/tensor/datatype.ts";
import { elementCount } from "../../../lib/tensor/tensor.ts";
import { readSafetensors } from "../../../lib/weights/safetensors.ts";
import { safetensorsFile } from "../../../tasks/models/safetensors_writer.ts";
import { mutant } from "../mutation.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

/** A safetensors file: tensors that fill what is behind its header, or an error that says why not. */
export const safetensors: FuzzTarget = {
  name: "safetensors",
  share: 4,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const outcome = valueOrError(() => readSafetensors(input), isRefusal);
    if ("error" in outcome) return;
    let bytes = 0;
    for (const [name, tensor] of outcome.value.tensors) {
      assert.equal(tensor.name, name);
      assert.equal(tensor.data.length, elementCount(tensor.shape));
      assert.equal(tensor.data.BYTES_PER_ELEMENT, elementBytes(tensor.datatype));
      bytes += tensor.data.byteLength;
    }
    const header = new DataView(input.buffer, input.byteOffset).getUint32(0, true);
    assert.equal(8 + header + bytes, input.length);
  },
};

function isRefusal(error: unknown): error is OperationError {
  return error instanceof OperationError && error.code === "invalid-argument";
}

const SEEDS = [
  safetensorsFile({
    __metadata__: { format: "pt" },
    "fc1.weight": { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
    "fc1.bias": { dtype: "F16", shape: [3], data_offsets: [24, 30] },
    mask: { dtype: "BOOL", shape: [2], data_offsets: [30, 32] },
  }, Uint8Array.from({ length: 32 }, (_, i) => i & 1)),
  safetensorsFile({
    a: { dtype: "I64", shape: [], data_offsets: [0, 8] },
    b: { dtype: "F32", shape: [0, 4], data_offsets: [8, 8] },
  }, new Uint8Array(8)),
  safetensorsFile(
    '{"a" : {"dtype":"U8","shape":[1],"data_offsets":[0,1]}, "\\u0061":{}}',
    new Uint8Array(1),
  ),
  safetensorsFile({}, new Uint8Array(0)),
];
