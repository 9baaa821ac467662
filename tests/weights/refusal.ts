import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";

/** Where property tests of this folder start from; a failure prints it, and the path to the example. */
export const SEED = 20_260_103;

/** Checks that an action refuses what it was given, in words that match. */
export function assertRefused(action: () => unknown, message: RegExp): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof OperationError, String(error));
    assert.equal(error.code, "invalid-argument");
    assert.match(error.message, message);
    return true;
  });
}

/** What an action gives; undefined when it refused, and any other error is passed on. */
export function valueUnlessRefused<Value>(action: () => Value): Value | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof OperationError && error.code === "invalid-argument") return undefined;
    throw error;
  }
}
