import { WireType } from "../../protobuf/wire.ts";
import type { Datatype } from "../../tensor/datatype.ts";

/** The fields of InferTensorContents, by number. */
export const CONTENT_FIELDS = [
  "",
  "bool_contents",
  "int_contents",
  "int64_contents",
  "uint_contents",
  "uint64_contents",
  "fp32_contents",
  "fp64_contents",
  "bytes_contents",
] as const;

/** How an element stands in the field of that number when it is not packed with others. */
export const CONTENT_WIRE_TYPES: readonly number[] = [
  -1,
  WireType.VARINT,
  WireType.VARINT,
  WireType.VARINT,
  WireType.VARINT,
  WireType.VARINT,
  WireType.FIXED32,
  WireType.FIXED64,
  WireType.LENGTH,
];

const FIELD_OF: Readonly<Record<Datatype, number | undefined>> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP32: 6,
  FP64: 7,
  BYTES: 8,
  FP16: undefined,
  BF16: undefined,
};

/** The number of the field that holds elements of the datatype; `undefined` for those that travel raw. */
export function contentField(datatype: Datatype): number | undefined {
  return FIELD_OF[datatype];
}
