import { uniformFloat32 } from "pure-rand/distribution/uniformFloat32";
import type { RandomGenerator } from "pure-rand/types/RandomGenerator";

/**
 * A layer y = W·x + b.
 *
 * Shapes: weight (outputs, inputs) row-major, bias (outputs,); float32.
 */
export interface Layer {
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly weight: Float32Array<ArrayBuffer>;
  readonly bias: Float32Array<ArrayBuffer>;
}

/** Names, inputs and outputs of the layers; relu stands between them. Source: spec pipeline. */
const LAYERS = [["fc1", 2, 20], ["fc2", 20, 20], ["output_layer", 20, 1]] as const;

/** Layers that know nothing yet: uniform in ±1/√inputs, as PyTorch's Linear begins. */
export function newLayers(random: RandomGenerator): readonly Layer[] {
  return LAYERS.map(([name, inputs, outputs]) => {
    const bound = 1 / Math.sqrt(inputs);
    const draw = () => (2 * uniformFloat32(random) - 1) * bound;
    const weight = Float32Array.from({ length: outputs * inputs }, draw);
    const bias = Float32Array.from({ length: outputs }, draw);
    return { name, inputs, outputs, weight, bias };
  });
}

/** What goes into each layer, and what comes out of the last. */
export type Activations = readonly Float32Array<ArrayBuffer>[];

/** Room for the values of one sample. */
export function newActivations(layers: readonly Layer[]): Activations {
  return [layers[0].inputs, ...layers.map(({ outputs }) => outputs)]
    .map((width) => new Float32Array(width));
}

/** Computes what comes out of `values[0]`, into the others. */
export function runForward(layers: readonly Layer[], values: Activations): void {
  layers.forEach(({ inputs, outputs, weight, bias }, index) => {
    const [from, into] = [values[index], values[index + 1]];
    const isLast = index === layers.length - 1;
    for (let row = 0; row < outputs; row++) {
      let sum = bias[row];
      for (let i = 0; i < inputs; i++) sum += weight[row * inputs + i] * from[i];
      into[row] = isLast ? sum : Math.max(0, sum);
    }
  });
}

/**
 * Adds one sample's part to the gradients: how the squared error grows with each weight and bias.
 *
 * @param values of the sample; overwritten from behind by how the error grows with them
 * @param error what came out, less what was wanted
 * @param gradients of the layers' shapes
 */
export function runBackward(
  layers: readonly Layer[],
  values: Activations,
  error: number,
  gradients: readonly Layer[],
): void {
  values[layers.length][0] = error;
  for (let index = layers.length - 1; index >= 0; index--) {
    const { inputs, outputs, weight } = layers[index];
    const gradient = gradients[index];
    const [from, slopes] = [values[index], values[index + 1]];
    for (let i = 0; i < inputs; i++) {
      let slope = 0;
      for (let row = 0; row < outputs; row++) {
        slope += weight[row * inputs + i] * slopes[row];
        gradient.weight[row * inputs + i] += slopes[row] * from[i];
      }
      // Where relu has cut it off, nothing that stands before matters.
      from[i] = from[i] > 0 ? slope : 0;
    }
    for (let row = 0; row < outputs; row++) gradient.bias[row] += slopes[row];
  }
}
