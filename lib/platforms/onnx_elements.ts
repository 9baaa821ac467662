import type { Datatype } from "../tensor/datatype.ts";

/** onnxruntime's names of the datatypes that its JavaScript has; BF16 is not one. */
export type OnnxElement =
  | "bool"
  | "uint8"
  | "uint16"
  | "uint32"
  | "uint64"
  | "int8"
  | "int16"
  | "int32"
  | "int64"
  | "float16"
  | "float32"
  | "float64"
  | "string";

const ELEMENTS: Readonly<Record<Exclude<Datatype, "BF16">, OnnxElement>> = {
  BOOL: "bool",
  UINT8: "uint8",
  UINT16: "uint16",
  UINT32: "uint32",
  UINT64: "uint64",
  INT8: "int8",
  INT16: "int16",
  INT32: "int32",
  INT64: "int64",
  FP16: "float16",
  FP32: "float32",
  FP64: "float64",
  BYTES: "string",
};

/** At each place the datatype of that number. Source: onnx.proto, TensorProto.DataType. */
const NUMBERED: readonly (Datatype | undefined)[] = [
  undefined,
  "FP32",
  "UINT8",
  "INT8",
  "UINT16",
  "INT16",
  "INT32",
  "INT64",
  "BYTES",
  "BOOL",
  "FP16",
  "FP64",
  "UINT32",
  "UINT64",
];

/** The datatype that ONNX's number or onnxruntime's name stands for; undefined for one that we cannot serve. */
export function datatypeOf(element: number | string): Datatype | undefined {
  if (typeof element === "number") return NUMBERED[element];
  const entry = Object.entries(ELEMENTS).find(([, name]) => name === element);
  return entry?.[0] as Datatype | undefined;
}

/**
 * What onnxruntime calls a datatype.
 *
 * @throws {RangeError} for BF16, which no session has since none such can be opened
 */
export function elementOf(datatype: Datatype): OnnxElement {
  if (datatype !== "BF16") return ELEMENTS[datatype];
  throw new RangeError("Cannot name BF16: onnxruntime's JavaScript does not have it");
}
