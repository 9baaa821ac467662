import { allocateElements, type FixedArray } from "../tensor/datatype.ts";
import { elementCount, type FixedTensor, type Tensor } from "../tensor/tensor.ts";

/**
 * One tensor of many that differ in their first dimension alone, one behind the other.
 *
 * Shapes: parts (rowsᵢ, …) → (Σ rowsᵢ, …).
 *
 * @param parts not empty, of one datatype
 */
export function concatenate(parts: readonly Tensor[]): Tensor {
  const [first] = parts;
  const shape = [parts.reduce((rows, part) => rows + part.shape[0], 0), ...first.shape.slice(1)];
  if (first.datatype === "BYTES") {
    const data = parts.flatMap((part) => part.data as readonly Uint8Array[]);
    return { name: first.name, datatype: "BYTES", shape, data };
  }
  const { name, datatype } = first;
  const data = allocateElements(datatype, elementCount(shape));
  let offset = 0;
  for (const part of parts as readonly FixedTensor[]) {
    setElements(data, part.data, offset);
    offset += part.data.length;
  }
  return { name, datatype, shape, data };
}

/** Both are of one datatype, which TypeScript cannot see. */
function setElements(into: FixedArray, from: FixedArray, offset: number): void {
  (into as Float64Array).set(from as Float64Array, offset);
}

/** Rows `start` to before `end` of a tensor: a view of its data. */
export function sliceRows(tensor: Tensor, start: number, end: number): Tensor {
  const { name, shape } = tensor;
  const rowElements = elementCount(shape.slice(1));
  const sliced = [end - start, ...shape.slice(1)];
  if (tensor.datatype === "BYTES") {
    const data = tensor.data.slice(start * rowElements, end * rowElements);
    return { name, datatype: "BYTES", shape: sliced, data };
  }
  const data = tensor.data.subarray(start * rowElements, end * rowElements);
  return { name, datatype: tensor.datatype, shape: sliced, data };
}
