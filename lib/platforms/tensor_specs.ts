import type { TensorSpec } from "../tensor/tensor.ts";
import { cannotLoad } from "./load_error.ts";

/** Where the configuration names tensors. */
type Side = "inputs" | "outputs";

/**
 * The name of the one tensor that the configuration names for a side.
 *
 * @returns undefined when it leaves that to the platform
 * @throws {OperationError} `invalid-argument` when it does not name one
 */
export function nameOf(
  model: string,
  side: Side,
  specs: readonly TensorSpec[] | undefined,
): string | undefined {
  if (specs === undefined) return undefined;
  if (specs.length === 1) return specs[0].name;
  throw cannotLoad(model, `its configuration has ${specs.length} ${side}, the model has one`);
}

/**
 * Checks that what the configuration says of a model's one tensor is what the model has.
 *
 * @throws {OperationError} `invalid-argument` naming both
 */
export function checkSpec(
  model: string,
  side: Side,
  specs: readonly TensorSpec[] | undefined,
  own: TensorSpec,
): void {
  const named = specs?.[0];
  if (named === undefined || show(named) === show(own)) return;
  throw cannotLoad(
    model,
    `its configuration has ${side} "${named.name}" of ${show(named)}, the model has ${show(own)}`,
  );
}

function show({ datatype, shape }: TensorSpec): string {
  return `${datatype} [${shape.join(", ")}]`;
}
