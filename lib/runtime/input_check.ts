import { OperationError, quoted } from "../errors.ts";
import type { ModelMetadata } from "../inference/model.ts";
import { MODEL_BATCH_ROWS_MAX } from "../limits.ts";
import { elementCount, type Tensor, type TensorSpec } from "../tensor/tensor.ts";
import { DIMENSION_MAX } from "./tensor_list.ts";

/** Inputs that a model can be given. */
export interface CheckedInputs {
  /** In the order of the model's metadata. */
  readonly inputs: readonly Tensor[];
  /** Their first dimension where that is the batch dimension, else 1. */
  readonly rows: number;
}

/** Whether requests to the model can be put together: the first dimension of all its tensors is -1. */
export function hasBatchDimension({ inputs, outputs }: ModelMetadata): boolean {
  return inputs.length > 0 &&
    [...inputs, ...outputs].every(({ shape }) => shape.length > 0 && shape[0] === -1);
}

/**
 * Checks a request's inputs against what a model takes.
 *
 * @throws {OperationError} `invalid-argument` naming the model, the input, what was found and what is needed
 */
export function checkInputs(
  model: string,
  { inputs: specs }: ModelMetadata,
  given: readonly Tensor[],
  batched: boolean,
): CheckedInputs {
  const inputs = inMetadataOrder(model, specs, given);
  for (let index = 0; index < specs.length; index++) checkInput(model, specs[index], inputs[index]);
  return { inputs, rows: batched ? commonRows(model, inputs) : 1 };
}

/** Most requests bring their inputs in the metadata's order. */
function inMetadataOrder(
  model: string,
  specs: readonly TensorSpec[],
  given: readonly Tensor[],
): readonly Tensor[] {
  let same = given.length === specs.length;
  for (let i = 0; same && i < specs.length; i++) same = specs[i].name === given[i].name;
  if (same) return given;
  for (const { name } of given) {
    if (specs.some((spec) => spec.name === name)) continue;
    const names = specs.map((spec) => `"${spec.name}"`).join(", ");
    throw refusal(model, `there is no input ${quoted(name)}, it takes ${names}`);
  }
  return specs.map(({ name }) => {
    const found = given.filter((tensor) => tensor.name === name);
    if (found.length === 1) return found[0];
    throw refusal(model, `input "${name}" is given ${found.length} times, need it once`);
  });
}

function checkInput(model: string, spec: TensorSpec, { name, datatype, shape }: Tensor): void {
  if (datatype !== spec.datatype) {
    throw refusal(model, `input "${name}" is ${datatype}, need ${spec.datatype}`);
  }
  let fits = shape.length === spec.shape.length;
  for (let axis = 0; fits && axis < shape.length; axis++) {
    fits = spec.shape[axis] === -1 || spec.shape[axis] === shape[axis];
  }
  if (!fits) {
    throw refusal(model, `input "${name}" has shape [${shape}], need [${spec.shape}]`);
  }
  // A tensor without elements costs nothing to send, whatever its rows: they are bounded by themselves.
  const dimensionMax = elementCount(shape) === 0 ? MODEL_BATCH_ROWS_MAX : DIMENSION_MAX;
  for (const dimension of shape) {
    if (dimension <= dimensionMax) continue;
    const bound = `need dimensions of at most ${dimensionMax}`;
    throw refusal(model, `input "${name}" has shape [${shape}], ${bound}`);
  }
}

function commonRows(model: string, inputs: readonly Tensor[]): number {
  const rows = inputs[0].shape[0];
  for (const { name, shape } of inputs) {
    if (shape[0] === rows) continue;
    const first = `input "${inputs[0].name}" has ${rows}`;
    throw refusal(model, `input "${name}" has a batch of ${shape[0]}, ${first}`);
  }
  if (rows === 0) throw refusal(model, "the batch is empty, need at least one row");
  return rows;
}

function refusal(model: string, problem: string): OperationError {
  return new OperationError("invalid-argument", `Cannot infer with model "${model}": ${problem}`);
}
