import { OperationError } from "../errors.ts";
import type { FixedTensor } from "../tensor/tensor.ts";
import { quote } from "../weights/quote.ts";
import { readStateDict } from "../weights/state_dict.ts";
import type { MlpDefinition } from "./mlp_definition.ts";
import { buildMlp } from "./mlp_layers.ts";
import { NETWORK_LAYERS, PIPELINE_METADATA, PIPELINE_MODEL } from "./pipeline_network.ts";

const OPTIONS = NETWORK_LAYERS.map(({ name, activation }) => ({
  weight: `${name}.weight`,
  bias: `${name}.bias`,
  activation,
}));

/** The tensors of its state_dict, and their shapes. */
const SHAPES: ReadonlyMap<string, readonly number[]> = new Map(
  NETWORK_LAYERS.flatMap(({ name, inputs, outputs }): [string, number[]][] => [
    [`${name}.weight`, [outputs, inputs]],
    [`${name}.bias`, [outputs]],
  ]),
);

const NAMES = {
  input: PIPELINE_METADATA.inputs[0].name,
  output: PIPELINE_METADATA.outputs[0].name,
};

/**
 * The Pipeline's network, of what `torch.save(state_dict)` has written: Linear(2, 20), relu, Linear(20, 20),
 * relu, Linear(20, 1), in float32. Nothing else is taken: its tensors are these six, each of this shape.
 *
 * @param nnId for error messages
 * @param weights the ZIP file; not copied, and not needed afterwards
 * @throws {OperationError} `invalid-argument` naming the network, the tensor, what was found and what is needed
 */
export function readNetwork(nnId: string, weights: Uint8Array): MlpDefinition {
  const tensors = readTensors(nnId, weights);
  for (const name of tensors.keys()) {
    if (SHAPES.has(name)) continue;
    throw refusal(nnId, `tensor ${quote(name)} is none of ${[...SHAPES.keys()].join(", ")}`);
  }
  for (const [name, shape] of SHAPES) checkTensor(nnId, name, shape, tensors.get(name));
  return buildMlp(PIPELINE_MODEL, { tensors, isOrdered: true }, OPTIONS, NAMES);
}

function readTensors(nnId: string, weights: Uint8Array): ReadonlyMap<string, FixedTensor> {
  try {
    return readStateDict(weights);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    throw refusal(nnId, error.message, { cause: error });
  }
}

function checkTensor(
  nnId: string,
  name: string,
  needed: readonly number[],
  found: FixedTensor | undefined,
): void {
  const needs = `needs FP32 [${needed.join(", ")}]`;
  if (found === undefined) throw refusal(nnId, `the file has no tensor ${quote(name)}, ${needs}`);
  const { datatype, shape } = found;
  const isSame = shape.length === needed.length && shape.every((n, axis) => n === needed[axis]);
  if (datatype === "FP32" && isSame) return;
  throw refusal(nnId, `${quote(name)} is ${datatype} [${shape.join(", ")}], ${needs}`);
}

function refusal(nnId: string, why: string, options?: ErrorOptions): OperationError {
  return new OperationError("invalid-argument", `Cannot load network ${nnId}: ${why}`, options);
}
