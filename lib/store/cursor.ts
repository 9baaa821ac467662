import { OperationError } from "../errors.ts";

/**
 * The number in a cursor, undefined for none.
 *
 * @throws {OperationError} `invalid-argument` when it is none that a store has told
 */
export function parseCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const sequence = /^[0-9]{1,16}$/.test(cursor) ? Number(cursor) : NaN;
  if (Number.isSafeInteger(sequence)) return sequence;
  throw wrongCursor(cursor);
}

/** @returns the error of a cursor that no store has told */
export function wrongCursor(cursor: string): OperationError {
  const shown = JSON.stringify(cursor.slice(0, 40));
  return new OperationError(
    "invalid-argument",
    `Cannot list runs after ${shown}: it is no cursor, needs one of a run that was listed`,
  );
}
