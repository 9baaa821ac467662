import type { NetworkTensor } from "./network_file.ts";

/** What the network of these tensors answers for two numbers: loops in float32, as the definition reads. */
export function naivePredict(
  tensors: Readonly<Record<string, NetworkTensor>>,
  x: readonly number[],
): number {
  const dense = (layer: string, inputs: readonly number[]) => {
    const { shape: [outputs], values } = tensors[`${layer}.weight`];
    const bias = tensors[`${layer}.bias`].values;
    return Array.from({ length: outputs }, (_, output) => {
      let sum = 0;
      inputs.forEach((input, i) => {
        sum = Math.fround(sum + values[output * inputs.length + i] * input);
      });
      return Math.fround(sum + bias[output]);
    });
  };
  const relu = (values: readonly number[]) => values.map((value) => value < 0 ? 0 : value);
  const first = relu(dense("fc1", x.map(Math.fround)));
  const [y] = dense("output_layer", relu(dense("fc2", first)));
  return y;
}
