import { type BuiltTensor, stateDictPickle } from "../weights/pickle_builder.ts";
import { writeStoredZip } from "../weights/stored_zip_writer.ts";

/** A tensor of a network's file: shape, and values in row-major order. */
export interface NetworkTensor {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** The shapes of the network's tensors, in a state_dict's order. */
export const NETWORK_SHAPES: Readonly<Record<string, readonly number[]>> = {
  "fc1.weight": [20, 2],
  "fc1.bias": [20],
  "fc2.weight": [20, 20],
  "fc2.bias": [20],
  "output_layer.weight": [1, 20],
  "output_layer.bias": [1],
};

/** The tensors of a network whose values are what `next` gives. */
export function networkTensors(next: () => number): Record<string, NetworkTensor> {
  return Object.fromEntries(
    Object.entries(NETWORK_SHAPES).map(([name, shape]) => {
      const length = shape.reduce((product, n) => product * n, 1);
      return [name, { shape, values: Array.from({ length }, () => Math.fround(next())) }];
    }),
  );
}

/**
 * The pickle of a network's file: every tensor has a storage of its own.
 *
 * @param storageClass of the last tensor's
 */
export function networkPickle(
  tensors: Readonly<Record<string, NetworkTensor>>,
  storageClass = "FloatStorage",
): Uint8Array<ArrayBuffer> {
  const built = Object.entries(tensors).map(([name, { shape, values }], key) => {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    return [name, { key: `${key}`, elements: values.length, shape, strides }] as const;
  });
  const [last, tensor] = built[built.length - 1] ?? [];
  const odd = last === undefined || tensor === undefined ? {} : {
    [last]: { ...tensor, storageClass },
  };
  return stateDictPickle({ ...Object.fromEntries<BuiltTensor>(built), ...odd });
}

/** What stands in a network's file beside its pickle. */
export function networkStorages(tensors: Readonly<Record<string, NetworkTensor>>) {
  return Object.values(tensors).map(({ values }, key) => ({
    name: `archive/data/${key}`,
    data: new Uint8Array(Float32Array.from(values).buffer),
  }));
}

/** A file as `torch.save` writes it. */
export function networkFile(
  tensors: Readonly<Record<string, NetworkTensor>>,
  pickle = networkPickle(tensors),
): Uint8Array<ArrayBuffer> {
  return writeStoredZip([
    { name: "archive/data.pkl", data: pickle },
    ...networkStorages(tensors),
    { name: "archive/version", data: new TextEncoder().encode("3\n") },
  ]);
}

/** A network that gives `value`, whatever its input. */
export function constantNetwork(value: number): Uint8Array<ArrayBuffer> {
  const tensors = networkTensors(() => 0);
  tensors["output_layer.bias"] = { shape: [1], values: [value] };
  return networkFile(tensors);
}
