import { OperationError } from "../errors.ts";

/** Why a model could not be loaded, for whoever wrote its files or its configuration. */
export function cannotLoad(model: string, why: string, options?: ErrorOptions): OperationError {
  return new OperationError("invalid-argument", `Cannot load model "${model}": ${why}`, options);
}
