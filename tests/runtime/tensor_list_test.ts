import assert from "node:assert/strict";
import fc from "fast-check";
import { readTensors, tensorsByteLength, writeTensors } from "../../lib/runtime/tensor_list.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { anyTensor, bitsOf } from "./random_tensors.ts";

function bytesOf(tensors: readonly Tensor[], offset = 0): Uint8Array {
  const bytes = new Uint8Array(offset + tensorsByteLength(tensors)).fill(0xaa);
  assert.equal(writeTensors(tensors, bytes, offset), bytes.length);
  return bytes.subarray(offset);
}

const anyTensors = fc.array(anyTensor(), { maxLength: 4 });

Deno.test("readTensors() gives back what writeTensors() was given, bit by bit", () => {
  fc.assert(fc.property(anyTensors, fc.constantFrom(0, 8, 64), (tensors, offset) => {
    const names = tensors.map(({ name }) => name);
    const read = readTensors(bytesOf(tensors, offset), names);
    assert.deepEqual(read.map(bitsOf), tensors.map(bitsOf));
  }));
});

Deno.test("readTensors() copies no data of fixed size that starts at a multiple of 8", () => {
  const bytes = bytesOf([
    { name: "a", datatype: "UINT8", shape: [3], data: Uint8Array.of(1, 2, 3) },
    { name: "b", datatype: "FP64", shape: [1], data: Float64Array.of(4) },
  ]);
  for (const { data } of readTensors(bytes, ["a", "b"])) {
    assert.equal((data as Uint8Array).buffer, bytes.buffer);
  }
});

Deno.test("writeTensors() writes different bytes for lists that differ in anything but names", () => {
  const textOf = (tensors: readonly Tensor[]) =>
    JSON.stringify(tensors.map((tensor) => ({ ...bitsOf(tensor), name: "" })));
  fc.assert(fc.property(anyTensors, anyTensors, (left, right) => {
    const same = bytesOf(left).toString() === bytesOf(right).toString();
    assert.equal(same, textOf(left) === textOf(right));
  }));
  const shapes = [[2, 3], [3, 2], [6], [1, 6], [6, 1]];
  const keys = shapes.map((shape) =>
    bytesOf([{ name: "x", datatype: "UINT8", shape, data: new Uint8Array(6) }]).toString()
  );
  assert.equal(new Set(keys).size, shapes.length);
});
