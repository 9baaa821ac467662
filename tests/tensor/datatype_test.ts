import assert from "node:assert/strict";
import {
  allocateElements,
  DATATYPES,
  elementBytes,
  type FixedDatatype,
  holdsElements,
  isDatatype,
  viewElements,
} from "../../lib/tensor/datatype.ts";

/** As the protocol's table has them. */
const SIZES: Readonly<Record<FixedDatatype, number>> = {
  BOOL: 1,
  UINT8: 1,
  UINT16: 2,
  UINT32: 4,
  UINT64: 8,
  INT8: 1,
  INT16: 2,
  INT32: 4,
  INT64: 8,
  FP16: 2,
  BF16: 2,
  FP32: 4,
  FP64: 8,
};

const FIXED = Object.keys(SIZES) as FixedDatatype[];

Deno.test("DATATYPES names those of the protocol", () => {
  assert.deepEqual(DATATYPES, [...FIXED, "BYTES"]);
});

Deno.test("isDatatype() knows the names, and none that objects have", () => {
  for (const name of DATATYPES) assert.ok(isDatatype(name));
  for (const name of ["", "fp32", "FP8", "toString", "__proto__", "constructor"]) {
    assert.ok(!isDatatype(name), name);
  }
});

Deno.test("elements have the protocol's size, in arrays that hold them", () => {
  for (const datatype of FIXED) {
    assert.equal(elementBytes(datatype), SIZES[datatype]);
    const elements = allocateElements(datatype, 3);
    assert.equal(elements.length, 3);
    assert.equal(elements.byteLength, 3 * SIZES[datatype]);
    assert.ok(holdsElements(datatype, elements));
    assert.ok(!holdsElements(datatype, [1, 2, 3]));
    assert.ok(!holdsElements(datatype, new DataView(elements.buffer)));
  }
  assert.ok(!holdsElements("INT32", new Uint32Array(1)));
});

Deno.test("viewElements() copies nothing", () => {
  for (const buffer of [new ArrayBuffer(64), new SharedArrayBuffer(64)]) {
    for (const datatype of FIXED) {
      const elements = viewElements(datatype, buffer, 8, 2);
      assert.equal(elements.buffer, buffer);
      assert.equal(elements.byteOffset, 8);
      assert.equal(elements.length, 2);
      assert.ok(holdsElements(datatype, elements));
    }
  }
});

Deno.test("viewElements() refuses what is not aligned, or past the end", () => {
  assert.throws(() => viewElements("FP32", new ArrayBuffer(64), 2, 1), RangeError);
  assert.throws(() => viewElements("FP64", new ArrayBuffer(64), 60, 1), RangeError);
  assert.throws(() => viewElements("INT16", new ArrayBuffer(64), 0, 33), RangeError);
});
