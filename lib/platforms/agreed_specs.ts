import { OperationError } from "../errors.ts";
import type { TensorSpec } from "../tensor/tensor.ts";

/**
 * What a model takes or gives, where its file and its configuration both say so: in the file's order, and
 * with the configuration's dimensions where the file says that any will do.
 *
 * @param told by the file. No dimensions mean a scalar or that it does not know, so those of the
 *   configuration are taken
 * @param configured undefined when the configuration says nothing
 * @throws {OperationError} `invalid-argument` naming the model, the tensor and both that do not agree
 */
export function agreedSpecs(
  model: string,
  kind: "input" | "output",
  told: readonly TensorSpec[],
  configured: readonly TensorSpec[] | undefined,
): readonly TensorSpec[] {
  if (configured === undefined) return told;
  const stranger = configured.find(({ name }) => told.every((spec) => spec.name !== name));
  if (stranger !== undefined) {
    const names = told.map(({ name }) => `"${name}"`).join(", ");
    throw disagreement(model, kind, stranger.name, "stands in its configuration", `has ${names}`);
  }
  return told.map((spec) => {
    const other = configured.find(({ name }) => name === spec.name);
    if (other === undefined) {
      throw disagreement(model, kind, spec.name, "is not in its configuration", `has it`);
    }
    if (other.datatype === spec.datatype && fits(spec.shape, other.shape)) return other;
    throw disagreement(
      model,
      kind,
      spec.name,
      `is ${describe(other)} in its configuration`,
      `says ${describe(spec)}`,
    );
  });
}

/** Whether a configured shape says the same or more. */
function fits(told: readonly number[], configured: readonly number[]): boolean {
  if (told.length === 0) return true;
  return told.length === configured.length &&
    told.every((size, axis) => size === -1 || size === configured[axis]);
}

function describe({ datatype, shape }: TensorSpec): string {
  return `${datatype} of shape [${shape}]`;
}

function disagreement(
  model: string,
  kind: string,
  tensor: string,
  configured: string,
  told: string,
): OperationError {
  return new OperationError(
    "invalid-argument",
    `Cannot load model "${model}": ${kind} "${tensor}" ${configured}, its file ${told}`,
  );
}
