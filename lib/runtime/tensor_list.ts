import { DATATYPES } from "../tensor/datatype.ts";
import { rawByteLength, readRaw, writeRaw } from "../tensor/raw_bytes.ts";
import type { Tensor } from "../tensor/tensor.ts";

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
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  view.setUint32(offset, tensors.length, true);
  view.setUint32(offset + 4, 0, true);
  offset += LIST_HEAD_BYTES;
  for (const tensor of tensors) offset = writeHead(tensor, view, offset);
  for (const tensor of tensors) {
    const end = writeRaw(tensor, into, offset);
    offset = padded(end);
    into.fill(0, end, offset);
  }
  return offset;
}

function writeHead(tensor: Tensor, view: DataView, offset: number): number {
  const { datatype, shape } = tensor;
  view.setUint32(offset, DATATYPES.indexOf(datatype), true);
  view.setUint32(offset + 4, shape.length, true);
  view.setUint32(offset + 8, rawByteLength(tensor), true);
  view.setUint32(offset + 12, 0, true);
  offset += TENSOR_HEAD_BYTES;
  for (const dimension of shape) {
    view.setUint32(offset, dimension, true);
    offset += DIMENSION_BYTES;
  }
  if (offset % ALIGNMENT === 0) return offset;
  view.setUint32(offset, 0, true);
  return offset + DIMENSION_BYTES;
}

/**
 * The tensors that were written at the start of `bytes`: views of it.
 *
 * @param names of the tensors, in their order
 */
export function readTensors(bytes: Uint8Array, names: readonly string[]): Tensor[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true);
  let offset = LIST_HEAD_BYTES;
  const heads: { readonly head: Parameters<typeof readRaw>[0]; readonly rawBytes: number }[] = [];
  for (let index = 0; index < count; index++) {
    const datatype = DATATYPES[view.getUint32(offset, true)];
    const rank = view.getUint32(offset + 4, true);
    const rawBytes = view.getUint32(offset + 8, true);
    offset += TENSOR_HEAD_BYTES;
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++) {
      shape.push(view.getUint32(offset + axis * DIMENSION_BYTES, true));
    }
    offset += padded(rank * DIMENSION_BYTES);
    heads.push({ head: { name: names[index], datatype, shape }, rawBytes });
  }
  return heads.map(({ head, rawBytes }) => {
    const tensor = readRaw(head, bytes.subarray(offset, offset + rawBytes));
    offset += padded(rawBytes);
    return tensor;
  });
}

function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
