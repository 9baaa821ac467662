import { DATATYPES, elementBytes, viewElements } from "../tensor/datatype.ts";
import { rawByteLength, readRaw, writeRaw } from "../tensor/raw_bytes.ts";
import type { Tensor, TensorSpec } from "../tensor/tensor.ts";

/**
 * Tensors as bytes, for memory that threads share and for the keys of caches.
 *
 * ```text
 *  uint32, little-endian      for each tensor                                  for each tensor
 *  ┌─────────┬─────────┬────┬──────────┬──────┬───────────┬───┬──────────────┬─────────────────────┬──
 *  │ tensors │ 0       │    │ datatype │ rank │ raw bytes │ 0 │ dims … pad 8 │ raw data … pad 8    │ …
 *  └─────────┴─────────┴────┴──────────┴──────┴───────────┴───┴──────────────┴─────────────────────┴──
 * ```
 *
 * Names are not in it: tensors stand in the order of a model's metadata. Whatever two lists differ in,
 * datatype, shape or data, their bytes differ too; padding is zero. Data start at multiples of 8.
 */
const LIST_HEAD_BYTES = 8;
const TENSOR_HEAD_BYTES = 16;
const DIMENSION_BYTES = 4;
const ALIGNMENT = 8;

/** The largest dimension: shapes are held as uint32. */
export const DIMENSION_MAX = 2 ** 32 - 1;

/** Bytes that `writeTensors` writes: a multiple of 8. */
export function tensorsByteLength(tensors: readonly Tensor[]): number {
  let bytes = LIST_HEAD_BYTES;
  for (const tensor of tensors) {
    bytes += TENSOR_HEAD_BYTES + padded(tensor.shape.length * DIMENSION_BYTES) +
      padded(rawByteLength(tensor));
  }
  return bytes;
}

/**
 * Writes tensors.
 *
 * @param into has `tensorsByteLength` bytes from `offset` on, which is a multiple of 8
 * @returns the offset behind them
 */
export function writeTensors(tensors: readonly Tensor[], into: Uint8Array, offset: number): number {
  writeUint32(into, offset, tensors.length);
  writeUint32(into, offset + 4, 0);
  offset += LIST_HEAD_BYTES;
  for (const tensor of tensors) offset = writeHead(tensor, into, offset);
  for (const tensor of tensors) {
    const end = writeRaw(tensor, into, offset);
    offset = padded(end);
    for (let at = end; at < offset; at++) into[at] = 0;
  }
  return offset;
}

function writeHead(tensor: Tensor, into: Uint8Array, offset: number): number {
  const { datatype, shape } = tensor;
  writeUint32(into, offset, DATATYPES.indexOf(datatype));
  writeUint32(into, offset + 4, shape.length);
  writeUint32(into, offset + 8, rawByteLength(tensor));
  writeUint32(into, offset + 12, 0);
  offset += TENSOR_HEAD_BYTES;
  for (const dimension of shape) {
    writeUint32(into, offset, dimension);
    offset += DIMENSION_BYTES;
  }
  if (offset % ALIGNMENT === 0) return offset;
  writeUint32(into, offset, 0);
  return offset + DIMENSION_BYTES;
}

/** Byte by byte: a view of its own costs more than a head has numbers. */
function writeUint32(into: Uint8Array, offset: number, value: number): void {
  into[offset] = value;
  into[offset + 1] = value >>> 8;
  into[offset + 2] = value >>> 16;
  into[offset + 3] = value >>> 24;
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] | bytes[offset + 1] << 8 | bytes[offset + 2] << 16 |
    bytes[offset + 3] << 24) >>> 0;
}

/**
 * The tensors that were written at the start of `bytes`: views of it.
 *
 * @param names of the tensors, in their order
 */
export function readTensors(bytes: Uint8Array, names: readonly string[]): Tensor[] {
  const count = readUint32(bytes, 0);
  const tensors: Tensor[] = [];
  let head = LIST_HEAD_BYTES;
  let offset = head;
  for (let index = 0; index < count; index++) offset += headBytes(readUint32(bytes, offset + 4));
  for (let index = 0; index < count; index++) {
    const datatype = DATATYPES[readUint32(bytes, head)];
    const rank = readUint32(bytes, head + 4);
    const rawBytes = readUint32(bytes, head + 8);
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++) {
      shape.push(readUint32(bytes, head + TENSOR_HEAD_BYTES + axis * DIMENSION_BYTES));
    }
    head += headBytes(rank);
    const spec = { name: names[index], datatype, shape };
    tensors.push(readData(spec, bytes, offset, rawBytes));
    offset += padded(rawBytes);
  }
  return tensors;
}

function headBytes(rank: number): number {
  return TENSOR_HEAD_BYTES + padded(rank * DIMENSION_BYTES);
}

/** Most are views that need no other view of their bytes first. */
function readData(spec: TensorSpec, bytes: Uint8Array, offset: number, rawBytes: number): Tensor {
  const { name, datatype, shape } = spec;
  const at = bytes.byteOffset + offset;
  if (datatype === "BYTES" || datatype === "BOOL" || at % ALIGNMENT !== 0) {
    return readRaw(spec, bytes.subarray(offset, offset + rawBytes));
  }
  const data = viewElements(datatype, bytes.buffer, at, rawBytes / elementBytes(datatype));
  return { name, datatype, shape, data };
}

function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
