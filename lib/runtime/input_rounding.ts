import type { Datatype } from "../tensor/datatype.ts";
import { decodeBf16, decodeFp16, encodeBf16, encodeFp16 } from "../tensor/half.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Adding 1.5·2⁵² to a float64 below 2⁵¹ in size rounds it to an integer, ties to even. */
const ROUNDER = 1.5 * 2 ** 52;
const ROUNDER_LIMIT = 2 ** 51;

/** How the bits of datatypes that have no array of their own are read and written. */
const HALVES: Readonly<
  Partial<Record<Datatype, { decode(bits: number): number; encode(value: number): number }>>
> = {
  FP16: { decode: decodeFp16, encode: encodeFp16 },
  BF16: { decode: decodeBf16, encode: encodeBf16 },
};

/**
 * Inputs with their floats rounded to decimals, as `np.round` does on float64, so that what is
 * nearly equal is one key of the cache; what is computed from is rounded too. The others stay as they are.
 *
 * NaN and infinities stay; a zero is never negative. All are rounded in float64, and then to their datatype.
 */
export function roundInputs(inputs: readonly Tensor[], decimals: number): readonly Tensor[] {
  const scale = 10 ** decimals;
  return inputs.map((tensor) => {
    const half = HALVES[tensor.datatype];
    if (half === undefined && tensor.datatype !== "FP32" && tensor.datatype !== "FP64") {
      return tensor;
    }
    const data = tensor.data.slice() as Float32Array | Float64Array | Uint16Array;
    for (let index = 0; index < data.length; index++) {
      data[index] = half === undefined
        ? round(data[index], scale)
        : half.encode(round(half.decode(data[index]), scale));
    }
    return { ...tensor, data } as Tensor;
  });
}

function round(value: number, scale: number): number {
  const scaled = value * scale;
  // Beyond it, and for NaN, there is nothing behind the point any more.
  if (!(Math.abs(scaled) < ROUNDER_LIMIT)) return value;
  // Adding zero makes −0 a 0.
  return (scaled + ROUNDER - ROUNDER) / scale + 0;
}
