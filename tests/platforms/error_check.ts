import assert from "node:assert/strict";
import { type ErrorCode, OperationError } from "../../lib/errors.ts";

/** What `assert.rejects` and `assert.throws` take for an error of a code, in words that match. */
export function operationError(code: ErrorCode, message: RegExp): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof OperationError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}
