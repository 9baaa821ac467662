import type { z } from "zod";
import { OperationError } from "../errors.ts";
import type { ModelSource } from "../inference/model.ts";

/** Characters of a wrong value that an error message repeats. */
const FOUND_CHARS_MAX = 40;

/**
 * A platform's own options, checked.
 *
 * @param schema each of whose messages says what is needed
 * @throws {OperationError} `invalid-argument` naming the model, the key, what was found and what is needed
 */
export function parseOptions<Options>(
  schema: z.ZodType<Options>,
  { name, options }: Pick<ModelSource, "name" | "options">,
): Options {
  const parsed = schema.safeParse(options);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = `Cannot load model "${name}": `;
  if (issue.code === "unrecognized_keys") {
    const key = ["options", ...issue.path, issue.keys[0]].join(".");
    throw new OperationError("invalid-argument", `${where}${key} is not an option of its platform`);
  }
  const found = issue.path.reduce<unknown>(
    (value, step) => (value as Record<PropertyKey, unknown> | undefined)?.[step],
    options,
  );
  const key = ["options", ...issue.path].join(".");
  throw new OperationError(
    "invalid-argument",
    `${where}${key} is ${describe(found)}, needs ${issue.message}`,
  );
}

function describe(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= FOUND_CHARS_MAX ? text : `${text.slice(0, FOUND_CHARS_MAX)}…`;
}
