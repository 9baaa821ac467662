import { OperationError } from "../errors.ts";

/**
 * An environment variable's value, `undefined` when it is not set.
 *
 * @throws {OperationError} `invalid-argument` when it is not UTF-8.
 */
export function readVariable(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch (cause) {
    if (!(cause instanceof Deno.errors.InvalidData)) throw cause;
    throw new OperationError("invalid-argument", `${name} is not UTF-8`, { cause });
  }
}
