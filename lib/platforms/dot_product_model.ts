import { OperationError } from "../errors.ts";
import type { Model, ModelMetadata } from "../inference/model.ts";
import type { Tensor, TensorSpec } from "../tensor/tensor.ts";

/**
 * A linear model, plain enough for `postMessage`: other threads make a model of it without reading a file.
 * Coefficients that lie in shared memory are not copied on the way; nobody writes them.
 */
export interface LinearDefinition {
  /** FP32 or FP64 of shape [-1, coefficients]. */
  readonly input: TensorSpec;
  /** FP64 of shape [-1]. */
  readonly output: TensorSpec;
  /** Shapes: (n,) float64. */
  readonly coefs: Float64Array;
}

/**
 * y = a·x for each row, with coefficients that stay as they are.
 *
 * Products are added in index order in float64, as those of the model that SetCoefs sets.
 *
 * Shapes: x (rows, n) float32 or float64 → y (rows,) float64.
 *
 * @example
 * ```ts
 * import { DotProductModel } from "./dot_product_model.ts";
 * const model = new DotProductModel({
 *   input: { name: "x", datatype: "FP64", shape: [-1, 2] },
 *   output: { name: "y", datatype: "FP64", shape: [-1] },
 *   coefs: Float64Array.of(1, 10),
 * });
 * const data = Float64Array.of(1, 2, 3, 4);
 * const [y] = model.predict([{ name: "x", datatype: "FP64", shape: [2, 2], data }]);
 * if (y.data[0] !== 21 || y.data[1] !== 43) throw new Error("Wrong");
 * ```
 */
export class DotProductModel implements Model {
  readonly metadata: ModelMetadata;
  /** What other threads make the same model of. */
  readonly definition: LinearDefinition;

  constructor(definition: LinearDefinition) {
    this.definition = definition;
    this.metadata = { inputs: [definition.input], outputs: [definition.output] };
  }

  /**
   * The products; the array is the caller's.
   *
   * @throws {OperationError} `invalid-argument` when a row has not as many inputs as there are coefficients
   */
  predict([{ shape, data }]: readonly Tensor[]): readonly [Tensor] {
    const { output, coefs } = this.definition;
    const [rows, width] = shape;
    if (shape.length !== 2 || width !== coefs.length) {
      throw new OperationError(
        "invalid-argument",
        `Cannot predict: inputs of shape [${shape}], ${coefs.length} coefficients`,
      );
    }
    const result = new Float64Array(rows);
    // Two loops over one kind of array each are compiled for it.
    if (data instanceof Float32Array) multiplyFloat32(coefs, data, result);
    else multiplyFloat64(coefs, data as Float64Array, result);
    return [{ name: output.name, datatype: "FP64", shape: [rows], data: result }];
  }

  unload(): void {}
}

function multiplyFloat32(coefs: Float64Array, x: Float32Array, y: Float64Array): void {
  const length = coefs.length;
  for (let row = 0; row < y.length; row++) {
    const at = row * length;
    let sum = 0;
    for (let index = 0; index < length; index++) sum += coefs[index] * x[at + index];
    y[row] = sum;
  }
}

function multiplyFloat64(coefs: Float64Array, x: Float64Array, y: Float64Array): void {
  const length = coefs.length;
  for (let row = 0; row < y.length; row++) {
    const at = row * length;
    let sum = 0;
    for (let index = 0; index < length; index++) sum += coefs[index] * x[at + index];
    y[row] = sum;
  }
}
