import assert from "node:assert/strict";
import fc from "fast-check";
import { roundTo4 } from "../../lib/model/rounding.ts";
import { roundInputs } from "../../lib/runtime/input_rounding.ts";
import { encodeBf16, encodeFp16 } from "../../lib/tensor/half.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

function fp64(...data: number[]): Tensor {
  return { name: "x", datatype: "FP64", shape: [data.length], data: Float64Array.from(data) };
}

Deno.test("roundInputs() rounds half to even, makes no negative zero, and leaves what is not finite", () => {
  const cases: readonly (readonly [value: number, decimals: number, rounded: number])[] = [
    [0.5, 0, 0],
    [1.5, 0, 2],
    [-0.4, 0, 0],
    [2.675, 2, 2.68],
    [1.00004, 4, 1],
    [1e300, 4, 1e300],
    [NaN, 4, NaN],
    [-Infinity, 4, -Infinity],
  ];
  for (const [value, decimals, rounded] of cases) {
    const [{ data }] = roundInputs([fp64(value)], decimals);
    assert.ok(Object.is((data as Float64Array)[0], rounded), `${value} to ${decimals}: ${data}`);
  }
});

Deno.test("roundInputs() to 4 decimals agrees with ModelServer's rounding on float32", () => {
  fc.assert(fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
    const inputs = Float32Array.of(value);
    const expected = new Float64Array(1);
    roundTo4(inputs, 1, expected);
    const [{ data }] = roundInputs(
      [{ name: "x", datatype: "FP32", shape: [1], data: inputs }],
      4,
    );
    assert.ok(Object.is((data as Float32Array)[0], Math.fround(expected[0])), `${value}`);
  }));
});

Deno.test("roundInputs() leaves the request's own data and tensors of other datatypes as they are", () => {
  const floats = fp64(0.123456);
  const integers: Tensor = { name: "i", datatype: "INT32", shape: [1], data: Int32Array.of(7) };
  const [rounded, same] = roundInputs([floats, integers], 2);
  assert.deepEqual([...floats.data as Float64Array], [0.123456]);
  assert.deepEqual([...rounded.data as Float64Array], [0.12]);
  assert.equal(same, integers);
});

Deno.test("roundInputs() rounds FP16 and BF16 as their values, not as their bits", () => {
  for (const [datatype, encode] of [["FP16", encodeFp16], ["BF16", encodeBf16]] as const) {
    const data = Uint16Array.of(encode(1.26), encode(-0.01), encode(NaN));
    const [rounded] = roundInputs([{ name: "x", datatype, shape: [3], data }], 1);
    const [value, zero, nan] = rounded.data as Uint16Array;
    assert.deepEqual([value, zero, nan], [encode(1.3), 0, encode(NaN)], datatype);
  }
});
