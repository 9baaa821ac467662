import assert from "node:assert/strict";
import fc from "fast-check";
import { concatenate, sliceRows } from "../../lib/runtime/batch.ts";
import { anyTensor, bitsOf } from "./random_tensors.ts";

Deno.test("sliceRows() of what concatenate() has joined gives the parts back", () => {
  const anyParts = fc.tuple(
    anyTensor(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.nat({ max: 3 }))),
    fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 5 }),
  );
  fc.assert(fc.property(anyParts, ([tensor, cuts]) => {
    const rows = tensor.shape[0];
    const ends = [...new Set([...cuts.filter((cut) => cut < rows), rows])].sort((a, b) => a - b);
    const parts = ends.map((end, index) => sliceRows(tensor, ends[index - 1] ?? 0, end));
    assert.deepEqual(bitsOf(concatenate(parts)), bitsOf(tensor));
  }));
});

Deno.test("concatenate() joins rows in the order of the parts", () => {
  const part = (...values: number[]) => ({
    name: "x",
    datatype: "FP32",
    shape: [values.length / 2, 2],
    data: Float32Array.from(values),
  } as const);
  const joined = concatenate([part(1, 2), part(3, 4, 5, 6)]);
  assert.deepEqual(joined, {
    name: "x",
    datatype: "FP32",
    shape: [3, 2],
    data: Float32Array.of(1, 2, 3, 4, 5, 6),
  });
});

Deno.test("sliceRows() copies no data of fixed size", () => {
  const data = Int32Array.of(1, 2, 3, 4);
  const slice = sliceRows({ name: "x", datatype: "INT32", shape: [2, 2], data }, 1, 2);
  assert.deepEqual([slice.shape, [...slice.data as Int32Array]], [[1, 2], [3, 4]]);
  assert.equal((slice.data as Int32Array).buffer, data.buffer);
});
