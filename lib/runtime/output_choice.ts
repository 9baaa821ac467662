import { OperationError, quoted } from "../errors.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * The outputs that a request asks for, in its order.
 *
 * @param wanted undefined for all
 * @throws {OperationError} `invalid-argument` naming an output that the model does not have
 */
export function chooseOutputs(
  model: string,
  outputs: readonly Tensor[],
  wanted: readonly string[] | undefined,
): readonly Tensor[] {
  if (wanted === undefined || wanted.length === 0) return outputs;
  return wanted.map((name) => {
    const found = outputs.find((output) => output.name === name);
    if (found !== undefined) return found;
    throw noSuchOutput(model, outputs, name);
  });
}

/** Checks the names before anything is computed. @throws as `chooseOutputs` */
export function checkOutputNames(
  model: string,
  outputs: readonly { readonly name: string }[],
  wanted: readonly string[] | undefined,
): void {
  for (const name of wanted ?? []) {
    if (!outputs.some((output) => output.name === name)) throw noSuchOutput(model, outputs, name);
  }
}

function noSuchOutput(
  model: string,
  outputs: readonly { readonly name: string }[],
  name: string,
): OperationError {
  const names = outputs.map((output) => `"${output.name}"`).join(", ");
  return new OperationError(
    "invalid-argument",
    `Cannot infer with model "${model}": there is no output ${quoted(name)}, it gives ${names}`,
  );
}
