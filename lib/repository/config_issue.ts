import type { z } from "zod";

/** Keys of a configuration that are right one by one and do not fit one another. */
export interface Mismatch {
  readonly path: readonly (string | number)[];
  /** What would be right there. */
  readonly needed: string;
}

type Issue = z.core.$ZodIssue;

/** Characters of a wrong value that an error message repeats. */
const FOUND_CHARS_MAX = 40;

/**
 * The first thing that is wrong in a document: `queue.size is 0, needs an integer from 1 to 65536`.
 *
 * @param error whose messages each say what is needed
 * @param document what was checked, in which is looked up what was found
 */
export function configIssue({ issues: [first] }: z.ZodError, document: unknown): string {
  const issue = meant(first);
  if (issue.code === "unrecognized_keys") return unknownKey(issue);
  const found = issue.path.reduce<unknown>(
    (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
    document,
  );
  const place = issue.path.length === 0 ? "the whole" : formatPath(issue.path);
  return `${place} is ${describe(found)}, needs ${issue.message}`;
}

/** `["inputs", 0, "shape"]` as `inputs[0].shape`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.map((step) => typeof step === "number" ? `[${step}]` : `.${String(step)}`).join("")
    .replace(/^\./, "");
}

/** Of the alternatives that a value fits none of, the one that it nearly fits: with one issue, inside it. */
function meant(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const near = issue.errors.find((issues) => issues.length === 1 && issues[0].path.length > 0);
  return near === undefined ? issue : { ...near[0], path: [...issue.path, ...near[0].path] };
}

function unknownKey({ path, keys: [key], message }: Issue & { code: "unrecognized_keys" }): string {
  const owner = path.length === 0 ? "a model.json" : formatPath(path);
  return `${formatPath([...path, key])} is not a key of ${owner}, needs ${message}`;
}

function describe(value: unknown): string {
  if (value === undefined) return "missing";
  if (Array.isArray(value)) return value.length === 0 ? "empty" : "an array";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value === "number") return String(value);
  const text = JSON.stringify(value);
  return text.length <= FOUND_CHARS_MAX ? text : `${text.slice(0, FOUND_CHARS_MAX)}…`;
}
