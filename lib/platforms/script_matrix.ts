import { holdsElements } from "../tensor/datatype.ts";
import { encodeBf16, encodeFp16, widenBf16, widenFp16 } from "../tensor/half.ts";
import { elementCount, type Tensor, type TensorSpec } from "../tensor/tensor.ts";
import type { Elements, MatrixValue } from "./script_api.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * What a script hands to an ONNX file as a tensor, which shares its memory unless it is FP16 or BYTES.
 *
 * @param file for the message
 * @throws {TypeError} naming the input, what was found and what is needed
 */
export function tensorOf(file: string, spec: TensorSpec, value: MatrixValue | undefined): Tensor {
  const { name, datatype } = spec;
  if (!Array.isArray(value?.shape) || value.data === undefined) {
    throw wrong(file, spec, value === undefined ? "is not there" : "has no shape and data");
  }
  const { shape, data } = value;
  const fits = (spec.shape.length === 0 || shape.length === spec.shape.length) &&
    shape.every((size, axis) =>
      Number.isInteger(size) && size >= 0 && [-1, undefined, size].includes(spec.shape[axis])
    );
  if (!fits || elementCount(shape) !== data.length) {
    throw wrong(file, spec, `has ${data.length} elements in shape [${shape}]`);
  }
  if (datatype === "BYTES") return { name, datatype, shape, data: bytesOf(file, spec, data) };
  if (datatype === "FP16" || datatype === "BF16") {
    if (!(data instanceof Float32Array)) throw wrong(file, spec, `is ${describe(data)}`);
    const encode = datatype === "FP16" ? encodeFp16 : encodeBf16;
    return { name, datatype, shape, data: Uint16Array.from(data, encode) };
  }
  if (holdsElements(datatype, data)) return { name, datatype, shape, data };
  throw wrong(file, spec, `is ${describe(data)}`);
}

/** A tensor as scripts have values of several dimensions, in memory of their own. */
export function matrixOf({ datatype, shape, data }: Tensor): MatrixValue {
  if (datatype === "BYTES") return { shape, data: data.map((bytes) => decoder.decode(bytes)) };
  if (datatype !== "FP16" && datatype !== "BF16") return { shape, data: data.slice() };
  const widened = new Float32Array(data.length);
  (datatype === "FP16" ? widenFp16 : widenBf16)(data as Uint16Array, widened);
  return { shape, data: widened };
}

function bytesOf(file: string, spec: TensorSpec, data: Elements): Uint8Array[] {
  return Array.from(data as ArrayLike<unknown>, (element) => {
    if (typeof element === "string") return encoder.encode(element);
    if (element instanceof Uint8Array) return element;
    throw wrong(file, spec, `has ${typeof element}`);
  });
}

function wrong(file: string, { name, datatype, shape }: TensorSpec, found: string): TypeError {
  const holder = datatype === "FP16" || datatype === "BF16" ? `${datatype} as float32` : datatype;
  return new TypeError(
    `Cannot run ${file}: input "${name}" ${found}, needs { shape, data } of ${holder} and [${shape}]`,
  );
}

function describe(data: Elements): string {
  return `of class ${data.constructor?.name}`;
}
