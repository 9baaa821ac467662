import { type ErrorCode, messageOf, OperationError } from "../errors.ts";

/** The numbers of the codes in shared memory: their places here. */
const CODES: readonly ErrorCode[] = [
  "invalid-argument",
  "not-found",
  "failed-precondition",
  "out-of-range",
  "resource-exhausted",
  "deadline-exceeded",
  "unavailable",
  "internal",
];

/** How a job failed. */
export interface JobFailure {
  readonly code: ErrorCode;
  readonly message: string;
}

export function encodeCode(code: ErrorCode): number {
  return CODES.indexOf(code);
}

/** @throws {RangeError} if no code has this number */
export function decodeCode(number: number): ErrorCode {
  const code = CODES[number];
  if (code === undefined) throw new RangeError(`Cannot read a failure: no code ${number}`);
  return code;
}

/** What to tell of something that was thrown: `internal` and its message if it is not ours. */
export function failureOf(thrown: unknown): JobFailure {
  if (thrown instanceof OperationError) return { code: thrown.code, message: thrown.message };
  return { code: "internal", message: messageOf(thrown) };
}
