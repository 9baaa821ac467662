import type { Activation, MlpDefinition, MlpLayer } from "../../lib/platforms/mlp_definition.ts";

/** A network with layers of these widths in shared memory, its weights and then biases in turn. */
export function network(
  widths: readonly number[],
  weight: (index: number) => number,
  activation: (layer: number) => Activation,
): MlpDefinition {
  let index = 0;
  const shared = (length: number) => {
    const memory = new Float32Array(new SharedArrayBuffer(4 * length));
    for (let i = 0; i < length; i++) memory[i] = weight(index++);
    return memory;
  };
  const layers = widths.slice(1).map((outputs, layer): MlpLayer => ({
    name: `fc${layer + 1}`,
    inputs: widths[layer],
    outputs,
    weight: shared(widths[layer] * outputs),
    bias: shared(outputs),
    activation: activation(layer),
  }));
  return {
    input: { name: "x", datatype: "FP32", shape: [-1, widths[0]] },
    output: { name: "y", datatype: "FP32", shape: [-1, widths[widths.length - 1]] },
    layers,
  };
}
