import { textBytes, writeText } from "../../protobuf/text.ts";
import {
  int64Bytes,
  uint53Bytes,
  varintBytes,
  WireType,
  writeInt64,
  writeUint53,
  writeVarint,
} from "../../protobuf/wire.ts";
import type { FixedArray } from "../../tensor/datatype.ts";
import { rawByteLength, writeRaw } from "../../tensor/raw_bytes.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { CONTENT_WIRE_TYPES, contentField } from "./content_field.ts";

const NAME_TAG = (1 << 3) | WireType.LENGTH;
const DATATYPE_TAG = (2 << 3) | WireType.LENGTH;
const SHAPE_TAG = (3 << 3) | WireType.LENGTH;
const CONTENTS_TAG = (5 << 3) | WireType.LENGTH;

/** Negative int32 are sign-extended to 64 bits. */
const NEGATIVE_BYTES = 10;

/**
 * Whether tensors' data go raw: when that is asked for, and when there is FP16 or BF16 among them, which have
 * no typed contents.
 */
export function goesRaw(tensors: readonly Tensor[], asked: boolean): boolean {
  if (asked) return true;
  return tensors.some(({ datatype }) => contentField(datatype) === undefined);
}

/** The bytes of tensors as fields whose tags are one byte, with their raw data where they go so. */
export function tensorFieldsBytes(tensors: readonly Tensor[], raw: boolean): number {
  let bytes = 0;
  for (let i = 0; i < tensors.length; i++) {
    const length = tensorBytes(tensors[i], raw);
    bytes += 1 + varintBytes(length) + length;
    if (raw) bytes += rawFieldBytes(tensors[i]);
  }
  return bytes;
}

/** Writes tensors without their raw data as fields of the tag; returns the end offset. */
export function writeTensorFields(
  tag: number,
  tensors: readonly Tensor[],
  raw: boolean,
  bytes: Uint8Array,
  offset: number,
): number {
  let at = offset;
  for (let i = 0; i < tensors.length; i++) {
    bytes[at++] = tag;
    at = writeVarint(tensorBytes(tensors[i], raw), bytes, at);
    at = writeTensor(tensors[i], raw, bytes, at);
  }
  return at;
}

/** Writes tensors' raw data as fields of the tag; returns the end offset. */
export function writeRawFields(
  tag: number,
  tensors: readonly Tensor[],
  bytes: Uint8Array,
  offset: number,
): number {
  let at = offset;
  for (let i = 0; i < tensors.length; i++) {
    bytes[at++] = tag;
    at = writeVarint(rawByteLength(tensors[i]), bytes, at);
    at = writeRaw(tensors[i], bytes, at);
  }
  return at;
}

/** The bytes of an InferInputTensor or InferOutputTensor. */
function tensorBytes(tensor: Tensor, raw: boolean): number {
  const { name, datatype, shape } = tensor;
  const shapeLength = shapeBytes(shape);
  let bytes = 1 + textBytes(name) + 2 + datatype.length;
  if (shapeLength > 0) bytes += 1 + varintBytes(shapeLength) + shapeLength;
  if (raw) return bytes;
  const contents = contentsBytes(tensor);
  return bytes + 1 + varintBytes(contents) + contents;
}

function writeTensor(tensor: Tensor, raw: boolean, bytes: Uint8Array, offset: number): number {
  const { name, datatype, shape } = tensor;
  let at = offset;
  bytes[at++] = NAME_TAG;
  at = writeText(name, bytes, at);
  bytes[at++] = DATATYPE_TAG;
  at = writeText(datatype, bytes, at);
  const shapeLength = shapeBytes(shape);
  if (shapeLength > 0) {
    bytes[at++] = SHAPE_TAG;
    at = writeVarint(shapeLength, bytes, at);
    for (let axis = 0; axis < shape.length; axis++) at = writeUint53(shape[axis], bytes, at);
  }
  if (raw) return at;
  bytes[at++] = CONTENTS_TAG;
  at = writeVarint(contentsBytes(tensor), bytes, at);
  return writeContents(tensor, bytes, at);
}

function rawFieldBytes(tensor: Tensor): number {
  const length = rawByteLength(tensor);
  return 1 + varintBytes(length) + length;
}

function shapeBytes(shape: readonly number[]): number {
  let bytes = 0;
  for (let axis = 0; axis < shape.length; axis++) bytes += uint53Bytes(shape[axis]);
  return bytes;
}

/** The bytes of an InferTensorContents, which is empty for a tensor without elements. */
function contentsBytes(tensor: Tensor): number {
  if (tensor.data.length === 0) return 0;
  if (tensor.datatype === "BYTES") {
    let bytes = 0;
    for (const { length } of tensor.data) bytes += 1 + varintBytes(length) + length;
    return bytes;
  }
  const packed = packedBytes(tensor.data, contentField(tensor.datatype));
  return 1 + varintBytes(packed) + packed;
}

function writeContents(tensor: Tensor, bytes: Uint8Array, offset: number): number {
  const { datatype, data } = tensor;
  const field = contentField(datatype);
  if (field === undefined) throw new TypeError(`Cannot write typed contents of ${datatype}`);
  if (data.length === 0) return offset;
  const tag = (field << 3) | WireType.LENGTH;
  let at = offset;
  if (datatype === "BYTES") {
    for (const element of data as readonly Uint8Array[]) {
      bytes[at++] = tag;
      at = writeVarint(element.length, bytes, at);
      bytes.set(element, at);
      at += element.length;
    }
    return at;
  }
  const elements = data as FixedArray;
  bytes[at++] = tag;
  at = writeVarint(packedBytes(elements, field), bytes, at);
  return isFixed(field) ? writeRaw(tensor, bytes, at) : writeVarints(elements, bytes, at);
}

/** Whether elements stand in the field as they are held. */
function isFixed(field: number | undefined): boolean {
  return field !== undefined && CONTENT_WIRE_TYPES[field] !== WireType.VARINT;
}

function packedBytes(elements: FixedArray, field: number | undefined): number {
  if (isFixed(field)) return elements.byteLength;
  let bytes = 0;
  for (const element of elements) {
    if (typeof element === "bigint") bytes += int64Bytes(element);
    else bytes += element < 0 ? NEGATIVE_BYTES : varintBytes(element);
  }
  return bytes;
}

function writeVarints(elements: FixedArray, bytes: Uint8Array, offset: number): number {
  let at = offset;
  for (const element of elements) {
    if (typeof element === "number" && element >= 0) at = writeVarint(element, bytes, at);
    else at = writeInt64(BigInt(element), bytes, at);
  }
  return at;
}
