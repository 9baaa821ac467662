import { OperationError, quoted } from "../../errors.ts";

/** That a tensor cannot be read, and what is wrong with it. */
export function tensorError(name: string, what: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read tensor ${quoted(name)}: ${what}`);
}
