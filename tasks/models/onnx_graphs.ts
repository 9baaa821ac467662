import type { Datatype } from "../../lib/tensor/datatype.ts";
import type { OnnxGraph } from "./onnx_writer.ts";

/** y = x. Shapes: x, y (n, 2), n any. */
export function identityGraph(datatype: Datatype): OnnxGraph {
  const shape = ["n", 2];
  return {
    inputs: [{ name: "x", datatype, shape }],
    outputs: [{ name: "y", datatype, shape }],
    nodes: [{ operator: "Identity", inputs: ["x"], outputs: ["y"] }],
  };
}

/**
 * y = relu(x · weights + bias): one layer. Shapes: x (n, rows), y (n, columns), n any; float32.
 *
 * @param weights (rows, columns), row-major
 * @param bias (columns,)
 */
export function layerGraph(weights: Float32Array, bias: Float32Array): OnnxGraph {
  const columns = bias.length;
  const rows = weights.length / columns;
  return {
    inputs: [{ name: "x", datatype: "FP32", shape: ["n", rows] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["n", columns] }],
    constants: [
      { name: "weights", datatype: "FP32", shape: [rows, columns], data: weights },
      { name: "bias", datatype: "FP32", shape: [columns], data: bias },
    ],
    nodes: [
      { operator: "MatMul", inputs: ["x", "weights"], outputs: ["product"] },
      { operator: "Add", inputs: ["product", "bias"], outputs: ["sum"] },
      { operator: "Relu", inputs: ["sum"], outputs: ["y"] },
    ],
  };
}

/** y = x · weights. Shapes: x, y (n, size), n any; weights (size, size) float32: 40 MB for 3162. */
export function matrixGraph(size: number): OnnxGraph {
  const data = new Float32Array(size * size).map((_, index) => (index % 7 - 3) / size);
  return {
    inputs: [{ name: "x", datatype: "FP32", shape: ["n", size] }],
    outputs: [{ name: "y", datatype: "FP32", shape: ["n", size] }],
    constants: [{ name: "weights", datatype: "FP32", shape: [size, size], data }],
    nodes: [{ operator: "MatMul", inputs: ["x", "weights"], outputs: ["y"] }],
  };
}

/** y = a + b, which fails at run time unless the second dimensions agree. Shapes: (n, k), (n, l), any. */
export function addGraph(): OnnxGraph {
  return {
    inputs: [
      { name: "a", datatype: "FP32", shape: ["n", "k"] },
      { name: "b", datatype: "FP32", shape: ["n", "l"] },
    ],
    outputs: [{ name: "y", datatype: "FP32", shape: ["n", "k"] }],
    nodes: [{ operator: "Add", inputs: ["a", "b"], outputs: ["y"] }],
  };
}

/** y = the sequence of x alone, which no tensor protocol can say. Shapes: x (n, 2), n any. */
export function sequenceGraph(): OnnxGraph {
  return {
    inputs: [{ name: "x", datatype: "FP32", shape: ["n", 2] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [], sequence: true }],
    nodes: [{ operator: "SequenceConstruct", inputs: ["x"], outputs: ["y"] }],
  };
}
