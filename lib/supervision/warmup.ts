import type { WarmupSample as ConfiguredSample } from "../repository/model_config.ts";
import { allocateElements, type FixedArray, type FixedDatatype } from "../tensor/datatype.ts";
import { encodeBf16, encodeFp16 } from "../tensor/half.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { WarmupSample } from "./instance_protocol.ts";

/** The samples of a configuration, which has been checked, as tensors. */
export function warmupSamples(samples: readonly ConfiguredSample[]): WarmupSample[] {
  return samples.map(({ inputs, count }) => ({ inputs: inputs.map(tensorOf), count }));
}

function tensorOf({ name, datatype, shape, data }: ConfiguredSample["inputs"][number]): Tensor {
  if (datatype === "BYTES") {
    return { name, datatype, shape, data: data.map((text) => encoder.encode(String(text))) };
  }
  const elements = allocateElements(datatype, data.length);
  const convert = converterTo(datatype, elements);
  for (let index = 0; index < data.length; index++) elements[index] = convert(data[index]);
  return { name, datatype, shape, data: elements };
}

const encoder = new TextEncoder();

/** How a value of JSON becomes an element. */
function converterTo(
  datatype: FixedDatatype,
  elements: FixedArray,
): (value: number | boolean | string) => never {
  const convert = datatype === "FP16"
    ? (value: unknown) => encodeFp16(Number(value))
    : datatype === "BF16"
    ? (value: unknown) => encodeBf16(Number(value))
    : elements instanceof BigInt64Array || elements instanceof BigUint64Array
    ? (value: unknown) => BigInt(value as number | string)
    : Number;
  // Which of them fits which array is what has just been chosen.
  return convert as (value: unknown) => never;
}
