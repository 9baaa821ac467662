import { OperationError } from "../errors.ts";
import { widenBf16, widenFp16 } from "../tensor/half.ts";
import { elementCount, type Tensor } from "../tensor/tensor.ts";
import { decodeText } from "./decode_text.ts";
import type { Batch, Elements, InputValue } from "./script_api.ts";

/** How a script gets BYTES. */
export type BytesForm = "text" | "binary";

/**
 * Inputs as a script gets them: one item for each row.
 *
 * The items share copies of the inputs, one for each: a script that kept or changed the inputs' own memory
 * would change what other threads read there.
 *
 * @param rows undefined for a model without batch dimension, whose one item is all
 * @throws {OperationError} `invalid-argument` naming model, input and element that should be text and is not
 */
export function readRows(
  model: string,
  inputs: readonly Tensor[],
  rows: number | undefined,
  bytesForm: BytesForm,
): Batch {
  const items = Array.from({ length: rows ?? 1 }, (): Record<string, InputValue> => ({}));
  for (const input of inputs) {
    const shape = rows === undefined ? input.shape : input.shape.slice(1);
    const elements = ownElements(model, input, bytesForm);
    const { name } = input;
    if (shape.length === 0) {
      const isBool = input.datatype === "BOOL";
      for (let row = 0; row < items.length; row++) {
        items[row][name] = isBool ? elements[row] !== 0 : elements[row];
      }
      continue;
    }
    const size = elementCount(shape);
    for (let row = 0; row < items.length; row++) {
      const data = part(elements, row * size, (row + 1) * size);
      items[row][name] = shape.length === 1 ? data : { shape, data };
    }
  }
  return items;
}

function part(elements: Elements, start: number, end: number): Elements {
  if (Array.isArray(elements)) return elements.slice(start, end);
  return (elements as Float32Array).subarray(start, end);
}

function ownElements(model: string, input: Tensor, bytesForm: BytesForm): Elements {
  switch (input.datatype) {
    case "BYTES":
      if (bytesForm === "binary") return input.data.map((bytes) => bytes.slice());
      return input.data.map((bytes, index) => text(model, input.name, bytes, index));
    case "FP16":
    case "BF16":
      return widened(input.datatype, input.data as Uint16Array);
    default:
      return input.data.slice();
  }
}

function widened(datatype: "FP16" | "BF16", bits: Uint16Array): Float32Array<ArrayBuffer> {
  const floats = new Float32Array(bits.length);
  if (datatype === "FP16") widenFp16(bits, floats);
  else widenBf16(bits, floats);
  return floats;
}

function text(model: string, input: string, bytes: Uint8Array, index: number): string {
  const decoded = decodeText(bytes);
  if (decoded !== undefined) return decoded;
  throw new OperationError(
    "invalid-argument",
    `Cannot predict with model "${model}": element ${index} of input "${input}" is not UTF-8 text, which ` +
      'the model needs unless its option bytes is "binary"',
  );
}
