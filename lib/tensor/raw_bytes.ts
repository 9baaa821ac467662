import { OperationError, quoted } from "../errors.ts";
import { elementBytes, type FixedArray, type FixedDatatype, viewElements } from "./datatype.ts";
import { elementCount, type Tensor, type TensorSpec } from "./tensor.ts";

/** Each element of a BYTES tensor stands behind its length, a little-endian uint32. */
const LENGTH_BYTES = 4;

/**
 * Bytes of a tensor's data as the protocols' raw and binary forms have it: the elements, little-endian and
 * without padding; those of BYTES each behind its length.
 *
 * Source: Open Inference Protocol v2, "Tensor Data" and `raw_input_contents`; binary tensor data extension.
 */
export function rawByteLength({ datatype, data }: Tensor): number {
  if (datatype !== "BYTES") return (data as FixedArray).byteLength;
  return (data as readonly Uint8Array[]).reduce(
    (sum, element) => sum + LENGTH_BYTES + element.length,
    0,
  );
}

/**
 * Writes a tensor's data in raw form.
 *
 * @param into has `rawByteLength` bytes from `offset` on
 * @returns the offset behind it
 */
export function writeRaw({ datatype, data }: Tensor, into: Uint8Array, offset: number): number {
  if (datatype !== "BYTES") {
    if ((data as FixedArray).byteLength <= SMALL_BYTES_MAX) {
      return writeSmall(datatype, data as FixedArray, into, offset);
    }
    const { buffer, byteOffset, byteLength } = data as FixedArray;
    into.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
    return offset + byteLength;
  }
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  for (const element of data as readonly Uint8Array[]) {
    view.setUint32(offset, element.length, true);
    into.set(element, offset + LENGTH_BYTES);
    offset += LENGTH_BYTES + element.length;
  }
  return offset;
}

/** Up to so many bytes V8 holds elements in its own heap, and makes a buffer of them when it is asked for. */
const SMALL_BYTES_MAX = 64;

const small = new ArrayBuffer(SMALL_BYTES_MAX);
const smallBytes = new Uint8Array(small);
const smallElements = new Map<FixedDatatype, FixedArray>();

/** Without asking for the elements' buffer, which takes ten times as long as copying them. */
function writeSmall(
  datatype: FixedDatatype,
  data: FixedArray,
  into: Uint8Array,
  offset: number,
): number {
  let elements = smallElements.get(datatype);
  if (elements === undefined) {
    elements = viewElements(datatype, small, 0, SMALL_BYTES_MAX / elementBytes(datatype));
    smallElements.set(datatype, elements);
  }
  // Both are of one kind, which TypeScript cannot see.
  (elements as Float64Array).set(data as Float64Array);
  const length = data.byteLength;
  for (let i = 0; i < length; i++) into[offset + i] = smallBytes[i];
  return offset + length;
}

/**
 * The tensor whose data stand in `bytes` in raw form: views of `bytes` where their address is a multiple of
 * the element's size, copies where it is not.
 *
 * @throws {OperationError} `invalid-argument` naming the tensor when the bytes are not as its shape and
 *   datatype say
 */
export function readRaw(spec: TensorSpec, bytes: Uint8Array): Tensor {
  const { name, datatype, shape } = spec;
  const count = elementCount(shape);
  if (datatype === "BYTES") return { name, datatype, shape, data: readBytes(spec, count, bytes) };
  const size = elementBytes(datatype);
  if (bytes.length !== count * size) {
    const needed = `${datatype} of shape [${shape}] needs ${count * size}`;
    throw new OperationError(
      "invalid-argument",
      `Cannot read tensor ${quoted(name)}: ${bytes.length} bytes of raw data, ${needed}`,
    );
  }
  if (datatype === "BOOL") assertBooleans(name, bytes);
  const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  return {
    name,
    datatype,
    shape,
    data: viewElements(datatype, aligned.buffer, aligned.byteOffset, count),
  };
}

/** One value has one form: keys of caches are made of bytes, and models may take 2 for anything. */
function assertBooleans(name: string, bytes: Uint8Array): void {
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] <= 1) continue;
    throw new OperationError(
      "invalid-argument",
      `Cannot read tensor ${quoted(name)}: element ${i} of BOOL is ${bytes[i]}, need 0 or 1`,
    );
  }
}

function readBytes({ name, shape }: TensorSpec, count: number, bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const elements: Uint8Array[] = [];
  let offset = 0;
  while (offset + LENGTH_BYTES <= bytes.length && elements.length <= count) {
    const end = offset + LENGTH_BYTES + view.getUint32(offset, true);
    if (end > bytes.length) break;
    elements.push(bytes.subarray(offset + LENGTH_BYTES, end));
    offset = end;
  }
  if (offset === bytes.length && elements.length === count) return elements;
  throw new OperationError(
    "invalid-argument",
    `Cannot read tensor ${
      quoted(name)
    }: its raw data are not the ${count} length-prefixed elements that ` +
      `BYTES of shape [${shape}] needs`,
  );
}
