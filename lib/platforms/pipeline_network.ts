import { OperationError } from "../errors.ts";
import type { ModelMetadata } from "../inference/model.ts";
import type { Activation } from "./mlp_definition.ts";

/** The name under which the Pipeline's network is a model. */
export const PIPELINE_MODEL = "pipeline";

/** A dense layer of the network. */
export interface NetworkLayer {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly activation: Activation;
}

/** The network, first layer first; all weights are float32. Source: spec pipeline. */
export const NETWORK_LAYERS: readonly [NetworkLayer, ...NetworkLayer[]] = [
  { name: "fc1", inputs: 2, outputs: 20, activation: "relu" },
  { name: "fc2", inputs: 20, outputs: 20, activation: "relu" },
  { name: "output_layer", inputs: 20, outputs: 1, activation: "none" },
];

/** Shapes: x (rows, 2) float32 → y (rows, 1) float32. */
export const PIPELINE_METADATA = {
  inputs: [{ name: "x", datatype: "FP32", shape: [-1, NETWORK_LAYERS[0].inputs] }],
  outputs: [{ name: "y", datatype: "FP32", shape: [-1, 1] }],
} as const satisfies ModelMetadata;

/** @throws {OperationError} `invalid-argument` when a row of so many numbers is not what the network takes */
export function checkVector(length: number): void {
  const [{ name, inputs, outputs }] = NETWORK_LAYERS;
  if (length === inputs) return;
  throw new OperationError(
    "invalid-argument",
    `Cannot predict: layer ${name} cannot multiply 1x${length} and ${inputs}x${outputs}`,
  );
}
