import type { Tensor } from "../../lib/tensor/tensor.ts";

const bytes = (...texts: string[]) => texts.map((text) => new TextEncoder().encode(text));

/** A tensor of each datatype, with its edges. */
export const TENSORS: readonly Tensor[] = [
  { name: "bool", datatype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) },
  { name: "u8", datatype: "UINT8", shape: [2, 2], data: Uint8Array.of(0, 1, 127, 255) },
  { name: "u16", datatype: "UINT16", shape: [2], data: Uint16Array.of(0, 65_535) },
  { name: "u32", datatype: "UINT32", shape: [2], data: Uint32Array.of(0, 0xffff_ffff) },
  {
    name: "u64",
    datatype: "UINT64",
    shape: [3],
    data: BigUint64Array.of(0n, 2n ** 53n + 1n, 2n ** 64n - 1n),
  },
  { name: "i8", datatype: "INT8", shape: [3], data: Int8Array.of(-128, 0, 127) },
  { name: "i16", datatype: "INT16", shape: [2], data: Int16Array.of(-32_768, 32_767) },
  { name: "i32", datatype: "INT32", shape: [2], data: Int32Array.of(-(2 ** 31), 2 ** 31 - 1) },
  {
    name: "i64",
    datatype: "INT64",
    shape: [2],
    data: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n),
  },
  { name: "f16", datatype: "FP16", shape: [2], data: Uint16Array.of(0x3c00, 0xfc00) },
  { name: "bf16", datatype: "BF16", shape: [1, 2], data: Uint16Array.of(0x3f80, 0x7fc0) },
  { name: "f32", datatype: "FP32", shape: [], data: Float32Array.of(-0) },
  { name: "f64", datatype: "FP64", shape: [3], data: Float64Array.of(Math.PI, -Infinity, NaN) },
  { name: "bytes", datatype: "BYTES", shape: [3], data: bytes("", "ä€𝄞", "x".repeat(300)) },
  { name: "none", datatype: "FP32", shape: [0, 4], data: new Float32Array(0) },
];
