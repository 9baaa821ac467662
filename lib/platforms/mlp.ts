import type { ModelSource, Platform } from "../inference/model.ts";
import { buildMlp } from "./mlp_layers.ts";
import { MlpModel } from "./mlp_model.ts";
import { mlpLayerOptions } from "./mlp_options.ts";
import { checkSpec, nameOf } from "./tensor_specs.ts";
import { readWeightsFile } from "./weights_file.ts";

/**
 * Networks of dense layers from `model.safetensors`, `model.pt`, `model.pth` or a `*.b64` of one.
 *
 * Options: `layers`, each with the names of its `weight` and its `bias` (which may be left out) and its
 * `activation`; without them the state_dict's `NAME.weight` and `NAME.bias` in its order, relu between them
 * and none at the end. A safetensors file does not keep an order, so that it needs them from two layers on.
 *
 * Shapes: x (rows, inputs) FP32 → y (rows, outputs) FP32, under the configuration's names if it has some.
 */
export const mlp = {
  async load(source: ModelSource, signal: AbortSignal): Promise<MlpModel> {
    const { name, folder } = source;
    const layers = mlpLayerOptions(source);
    const names = {
      input: nameOf(name, "inputs", source.inputs) ?? "x",
      output: nameOf(name, "outputs", source.outputs) ?? "y",
    };
    const weights = await readWeightsFile(name, folder, signal);
    const definition = buildMlp(name, weights, layers, names);
    checkSpec(name, "inputs", source.inputs, definition.input);
    checkSpec(name, "outputs", source.outputs, definition.output);
    return new MlpModel(definition);
  },
} satisfies Platform;
