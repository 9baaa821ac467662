/** The closed list of ways in which an operation of this project can fail. */
export type ErrorCode =
  | "invalid-argument"
  | "not-found"
  | "failed-precondition"
  | "out-of-range"
  | "resource-exhausted"
  | "deadline-exceeded"
  | "unavailable"
  | "internal";

/**
 * An operational error: the caller's input or the world was wrong, not the program.
 *
 * The message says what could not be done, to what, what was found and what is needed; it is meant
 * for the caller. What only an operator should see goes into `cause`, which is logged and never sent.
 * A programmer's error is a `TypeError` or `RangeError` instead.
 *
 * @example
 * ```ts
 * import { OperationError } from "./errors.ts";
 * const error = new OperationError("invalid-argument", "Cannot predict: 3 inputs, 10 coefficients");
 * if (error.code !== "invalid-argument") throw error;
 * ```
 */
export class OperationError extends Error {
  override readonly name = "OperationError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Characters of a caller's text that an error message repeats: as many as the longest name of a tensor that
 * is served may have. What a caller sends may be as long as a message, and comes back in every header.
 */
const QUOTED_CHARS_MAX = 256;

/** A text of the world outside, as an error message repeats it: in quotes, escaped, and cut when it is long. */
export function quoted(text: string): string {
  return JSON.stringify(shortened(text));
}

/** The text, cut when it is long. */
export function shortened(text: string): string {
  return text.length <= QUOTED_CHARS_MAX ? text : `${text.slice(0, QUOTED_CHARS_MAX)}…`;
}

/** What something that was thrown says of itself, an Error or not. Never throws, whatever was thrown. */
export function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return "something that has no text";
  }
}
