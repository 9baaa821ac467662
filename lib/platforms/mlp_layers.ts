import { MLP_LAYERS_MAX } from "../limits.ts";
import { widenBf16, widenFp16 } from "../tensor/half.ts";
import type { FixedTensor, TensorSpec } from "../tensor/tensor.ts";
import { quote, shorten } from "../weights/quote.ts";
import { cannotLoad } from "./load_error.ts";
import type { MlpDefinition, MlpLayer } from "./mlp_definition.ts";
import type { LayerOption } from "./mlp_options.ts";
import type { Weights } from "./weights_file.ts";

/** A layer's tensors, checked for their shapes. */
interface LayerTensors {
  readonly name: string;
  readonly weight: FixedTensor;
  readonly bias: FixedTensor | undefined;
  readonly activation: MlpLayer["activation"];
}

const WEIGHT = ".weight";
const BIAS = ".bias";

/**
 * The network that a file's tensors make up. All weights are copied, as float32, into one shared memory, so
 * that the file's bytes are free to go and other threads take the network without a copy.
 *
 * @param model for error messages
 * @param options undefined for layers `NAME.weight`, `NAME.bias` in the file's order, with relu between and
 *   none at the end
 * @param names of the input and the output
 * @throws {OperationError} `invalid-argument` naming the model and the layer or tensor that is wrong
 */
export function buildMlp(
  model: string,
  weights: Weights,
  options: readonly LayerOption[] | undefined,
  names: { readonly input: string; readonly output: string },
): MlpDefinition {
  const named = options ?? inferLayers(model, weights);
  if (named.length > MLP_LAYERS_MAX) {
    throw cannotLoad(model, `${named.length} layers, at most ${MLP_LAYERS_MAX} are computed`);
  }
  const found = named.map((option) => layerTensors(model, option, weights.tensors));
  checkChain(model, found);
  const floats = found.reduce(
    (sum, { weight }) => sum + weight.data.length + weight.shape[0],
    0,
  );
  const memory = new Float32Array(new SharedArrayBuffer(4 * floats));
  let at = 0;
  const layers = found.map((stored): MlpLayer => {
    const layer = copyLayer(stored, memory, at);
    at += layer.weight.length + layer.bias.length;
    return layer;
  });
  return {
    input: spec(names.input, layers[0].inputs),
    output: spec(names.output, layers[layers.length - 1].outputs),
    layers,
  };
}

function spec(name: string, width: number): TensorSpec {
  return { name, datatype: "FP32", shape: [-1, width] };
}

function inferLayers(model: string, { tensors, isOrdered }: Weights): LayerOption[] {
  const names = [...tensors.keys()];
  const weights = names.filter((name) => name.endsWith(WEIGHT));
  const known = new Set(weights.flatMap((name) => [name, biasOf(name)]));
  const stray = names.find((name) => !known.has(name));
  if (stray !== undefined || weights.length === 0) {
    const wrong = stray === undefined ? "no tensor NAME.weight" : `tensor ${quote(stray)}`;
    throw cannotLoad(model, `${wrong} in the file, whose layers need options.layers to name them`);
  }
  if (weights.length > 1 && !isOrdered) {
    const wrong = `${weights.length} layers in a file that does not keep their order`;
    throw cannotLoad(model, `${wrong} need options.layers to name them`);
  }
  return weights.map((weight, index) => {
    const bias = biasOf(weight);
    const activation = index === weights.length - 1 ? "none" : "relu";
    return { weight, activation, bias: tensors.has(bias) ? bias : undefined };
  });
}

function biasOf(weight: string): string {
  return weight.slice(0, -WEIGHT.length) + BIAS;
}

function layerTensors(
  model: string,
  { weight: weightName, bias: biasName, activation }: LayerOption,
  tensors: ReadonlyMap<string, FixedTensor>,
): LayerTensors {
  const name = shorten(
    weightName.endsWith(WEIGHT) ? weightName.slice(0, -WEIGHT.length) : weightName,
  );
  const tensor = (key: string) => {
    const found = tensors.get(key);
    if (found === undefined) throw cannotLoad(model, `the file has no tensor ${quote(key)}`);
    if (found.datatype === "FP32" || found.datatype === "FP16" || found.datatype === "BF16") {
      return found;
    }
    throw cannotLoad(model, `${quote(key)} is ${found.datatype}, needs to be FP32, FP16 or BF16`);
  };
  const weight = tensor(weightName);
  const bias = biasName === undefined ? undefined : tensor(biasName);
  if (weight.shape.length !== 2 || weight.data.length === 0) {
    const found = `${quote(weight.name)} has shape [${weight.shape}]`;
    throw cannotLoad(model, `${found}, needs [outputs, inputs]`);
  }
  if (bias !== undefined && (bias.shape.length !== 1 || bias.shape[0] !== weight.shape[0])) {
    const found = `${quote(bias.name)} has shape [${bias.shape}]`;
    throw cannotLoad(model, `${found}, layer ${name} needs [${weight.shape[0]}]`);
  }
  return { name, weight, bias, activation };
}

function checkChain(model: string, layers: readonly LayerTensors[]): void {
  for (let index = 1; index < layers.length; index++) {
    const [before, layer] = [layers[index - 1], layers[index]];
    const takes = layer.weight.shape[1];
    const gives = before.weight.shape[0];
    if (takes === gives) continue;
    throw cannotLoad(
      model,
      `layer ${layer.name} takes ${takes} inputs, ${before.name} gives ${gives}`,
    );
  }
}

function copyLayer(tensors: LayerTensors, memory: Float32Array, at: number): MlpLayer {
  const { name, weight: stored, bias: storedBias, activation } = tensors;
  const [outputs, inputs] = stored.shape;
  const weight = memory.subarray(at, at + stored.data.length);
  const bias = memory.subarray(at + weight.length, at + weight.length + outputs);
  copyFloats(stored, weight);
  if (storedBias !== undefined) copyFloats(storedBias, bias);
  return { name, inputs, outputs, weight, bias, activation };
}

function copyFloats({ datatype, data }: FixedTensor, into: Float32Array): void {
  if (datatype === "FP16") widenFp16(data as Uint16Array, into);
  else if (datatype === "BF16") widenBf16(data as Uint16Array, into);
  else into.set(data as Float32Array);
}
