import { OperationError } from "../errors.ts";
import { MODEL_NAME_CHARS_MAX, MODEL_VERSION_DIGITS_MAX } from "../limits.ts";

const NAME = new RegExp(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,${MODEL_NAME_CHARS_MAX - 1}}$`);
const VERSION = new RegExp(`^[1-9][0-9]{0,${MODEL_VERSION_DIGITS_MAX - 1}}$`);

/** What a model's name has to be. */
export const NAME_NEEDED = `1 to ${MODEL_NAME_CHARS_MAX} letters, digits, "_", "." and "-", ` +
  `no "." first`;

/** What a version has to be. */
export const VERSION_NEEDED = `a positive integer in quotation marks, of at most ` +
  `${MODEL_VERSION_DIGITS_MAX} digits`;

/** Characters of a wrong name that an error message repeats. */
const FOUND_CHARS_MAX = 40;

/** Whether a model may be called so; then no path that ends in it leaves its folder. */
export function isModelName(name: string): boolean {
  return NAME.test(name);
}

/** Whether a folder of this name is a version. */
export function isVersion(version: string): boolean {
  return VERSION.test(version);
}

/**
 * Checks a model's name that came over the network, before it becomes a part of a path.
 *
 * @param action for the error message: "load"
 * @throws {OperationError} `invalid-argument` when no model can be called so
 */
export function checkModelName(name: string, action: string): void {
  if (isModelName(name)) return;
  throw new OperationError(
    "invalid-argument",
    `Cannot ${action} a model named ${shown(name)}: a name needs ${NAME_NEEDED}`,
  );
}

/** A name of the world outside, as an error message repeats it. */
export function shown(name: string): string {
  return name.length <= FOUND_CHARS_MAX
    ? JSON.stringify(name)
    : `${JSON.stringify(name.slice(0, FOUND_CHARS_MAX))}…`;
}

/** Orders versions, ascending. */
export function compareVersions(a: string, b: string): number {
  return Number(a) - Number(b);
}
