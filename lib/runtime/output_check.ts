import { OperationError } from "../errors.ts";
import type { ModelMetadata } from "../inference/model.ts";
import { elementCount, type Tensor } from "../tensor/tensor.ts";

/**
 * Checks what a model gave: its own code may be wrong, and a wrong shape would give callers each other's rows.
 *
 * @param rows of the batch; undefined for a model without a batch dimension
 * @throws {OperationError} `internal` naming the model, the output, what was found and what is needed
 */
export function checkOutputs(
  model: string,
  { outputs: specs }: ModelMetadata,
  outputs: readonly Tensor[],
  rows: number | undefined,
): void {
  if (outputs.length !== specs.length) {
    throw fault(model, `it gave ${outputs.length} outputs, need ${specs.length}`);
  }
  for (let index = 0; index < specs.length; index++) {
    const { name, datatype, shape, data } = outputs[index];
    const spec = specs[index];
    if (name !== spec.name || datatype !== spec.datatype) {
      const found = `"${name}" of ${datatype}`;
      throw fault(model, `output ${index} is ${found}, need "${spec.name}" of ${spec.datatype}`);
    }
    const needed = rows === undefined ? spec.shape : [rows, ...spec.shape.slice(1)];
    const fits = shape.length === needed.length &&
      needed.every((dimension, axis) => dimension === -1 || dimension === shape[axis]);
    if (!fits) {
      throw fault(model, `output "${name}" has shape [${shape}], need [${needed}]`);
    }
    if (data.length !== elementCount(shape)) {
      throw fault(model, `output "${name}" has ${data.length} elements, shape [${shape}]`);
    }
  }
}

function fault(model: string, problem: string): OperationError {
  return new OperationError("internal", `Model "${model}" failed: ${problem}`);
}
