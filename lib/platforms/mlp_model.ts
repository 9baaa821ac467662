import { OperationError } from "../errors.ts";
import type { Model, ModelMetadata } from "../inference/model.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { applyDense, type Rows } from "./dense.ts";
import type { MlpDefinition } from "./mlp_definition.ts";

/** Rows that go through all layers together: their weights are read once, and their values stay in the cache. */
const ROWS_TOGETHER = 32;

/**
 * A network of dense layers, on one thread; others make their own of the same definition.
 *
 * Shapes: x (rows, inputs) float32 → y (rows, outputs) float32.
 *
 * @example
 * ```ts
 * import { MlpModel } from "./mlp_model.ts";
 * const model = new MlpModel({
 *   input: { name: "x", datatype: "FP32", shape: [-1, 2] },
 *   output: { name: "y", datatype: "FP32", shape: [-1, 1] },
 *   layers: [{
 *     name: "sum",
 *     inputs: 2,
 *     outputs: 1,
 *     weight: Float32Array.of(1, 1),
 *     bias: Float32Array.of(0.5),
 *     activation: "none",
 *   }],
 * });
 * const data = Float32Array.of(1, 2, 3, 4);
 * const [y] = model.predict([{ name: "x", datatype: "FP32", shape: [2, 2], data }]);
 * if (y.data[0] !== 3.5 || y.data[1] !== 7.5) throw new Error("Wrong");
 * ```
 */
export class MlpModel implements Model {
  readonly metadata: ModelMetadata;
  /** What other threads make the same model of. */
  readonly definition: MlpDefinition;
  /** What goes from a layer to the next: one holds what a layer reads, the other what it gives. */
  readonly #scratch: readonly [Rows, Rows];

  constructor(definition: MlpDefinition) {
    const { input, output, layers } = definition;
    this.definition = definition;
    this.metadata = { inputs: [input], outputs: [output] };
    const widest = Math.max(0, ...layers.slice(0, -1).map(({ outputs }) => outputs));
    const scratch = () => ({ data: new Float32Array(ROWS_TOGETHER * widest), offset: 0 });
    this.#scratch = [scratch(), scratch()];
  }

  /**
   * The network's outputs; the array is the caller's.
   *
   * @throws {OperationError} `invalid-argument` naming both shapes when the rows are not as long as the
   *   first layer takes them
   */
  predict([{ shape, data }]: readonly Tensor[]): readonly [Tensor] {
    const { output, layers } = this.definition;
    const [rows, width] = shape;
    const first = layers[0];
    if (shape.length !== 2 || width !== first.inputs) {
      const shapes = `${shape.join("x")} and ${first.inputs}x${first.outputs}`;
      throw new OperationError(
        "invalid-argument",
        `Cannot predict: layer ${first.name} cannot multiply ${shapes}`,
      );
    }
    const outputs = layers[layers.length - 1].outputs;
    const result = new Float32Array(rows * outputs);
    for (let row = 0; row < rows; row += ROWS_TOGETHER) {
      const count = Math.min(ROWS_TOGETHER, rows - row);
      const from = { data: data as Float32Array, offset: row * width };
      this.#compute(count, from, { data: result, offset: row * outputs });
    }
    return [{ name: output.name, datatype: "FP32", shape: [rows, outputs], data: result }];
  }

  unload(): void {}

  #compute(rows: number, from: Rows, into: Rows): void {
    const { layers } = this.definition;
    const last = layers.length - 1;
    for (let index = 0; index <= last; index++) {
      const to = index === last ? into : this.#scratch[index % 2];
      applyDense(layers[index], rows, from, to);
      from = to;
    }
  }
}
