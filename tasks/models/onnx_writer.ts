import protobuf from "protobufjs";
import type { Datatype, FixedArray, FixedDatatype } from "../../lib/tensor/datatype.ts";
import protoText from "./onnx.proto" with { type: "text" };

/** ONNX's numbers of our datatypes. Source: onnx.proto, TensorProto.DataType. */
const ELEMENT_TYPES: Readonly<Record<Datatype, number>> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
};

/** The format and the operators of 2021: every onnxruntime since 1.10 reads them. */
const IR_VERSION = 8;
const OPSET_VERSION = 15;

/** AttributeProto.AttributeType */
const INT = 2;
const INTS = 7;

const EXTERNAL = 1;

/** An input or output of a graph: a dimension that has a name may be any. */
export interface OnnxValue {
  readonly name: string;
  readonly datatype: Datatype;
  readonly shape: readonly (number | string)[];
  /** A sequence of such tensors rather than one. */
  readonly sequence?: boolean;
}

/** One operation. */
export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number | readonly number[]>>;
}

/** A constant of the graph. Shapes: data (product of shape,), row-major. */
export interface OnnxConstant {
  readonly name: string;
  readonly datatype: FixedDatatype;
  readonly shape: readonly number[];
  /** Or the name of a file beside the model's that holds nothing else. */
  readonly data: FixedArray | { readonly file: string };
}

/** What a model computes. Nodes stand in an order in which each finds its inputs. */
export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly nodes: readonly OnnxNode[];
  readonly constants?: readonly OnnxConstant[];
}

const modelProto = protobuf.parse(protoText, { keepCase: true }).root.lookupType("onnx.ModelProto");

/**
 * The bytes of an ONNX file: for tests and examples, whose models nobody has to download.
 *
 * Source: github.com/onnx/onnx, docs/IR.md and onnx.proto.
 *
 * @throws {Error} when the graph cannot be said in what onnx.proto here has
 */
export function encodeOnnx(graph: OnnxGraph): Uint8Array<ArrayBuffer> {
  const message = {
    ir_version: IR_VERSION,
    producer_name: "modelserver",
    opset_import: [{ domain: "", version: OPSET_VERSION }],
    graph: {
      name: "graph",
      node: graph.nodes.map(encodeNode),
      initializer: (graph.constants ?? []).map(encodeConstant),
      input: graph.inputs.map(encodeValue),
      output: graph.outputs.map(encodeValue),
    },
  };
  const problem = modelProto.verify(message);
  if (problem !== null) throw new Error(`Cannot write an ONNX file: ${problem}`);
  return modelProto.encode(message).finish().slice();
}

function encodeNode(node: OnnxNode, index: number) {
  return {
    name: `${node.operator}_${index}`,
    op_type: node.operator,
    input: node.inputs,
    output: node.outputs,
    attribute: Object.entries(node.attributes ?? {}).map(([name, value]) =>
      typeof value === "number" ? { name, type: INT, i: value } : { name, type: INTS, ints: value }
    ),
  };
}

function encodeConstant({ name, datatype, shape, data }: OnnxConstant) {
  const head = { name, dims: shape, data_type: ELEMENT_TYPES[datatype] };
  if ("file" in data) {
    const external_data = [{ key: "location", value: data.file }];
    return { ...head, external_data, data_location: EXTERNAL };
  }
  return { ...head, raw_data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

function encodeValue({ name, datatype, shape, sequence = false }: OnnxValue) {
  const dim = shape.map((size) =>
    typeof size === "number" ? { dim_value: size } : { dim_param: size }
  );
  const tensor = { tensor_type: { elem_type: ELEMENT_TYPES[datatype], shape: { dim } } };
  return { name, type: sequence ? { sequence_type: { elem_type: tensor } } : tensor };
}
