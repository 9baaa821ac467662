import { z } from "zod";
import { cannotLoad } from "./load_error.ts";

/** An object of options that has no others, and says so by name. */
export function strictOptions<Shape extends z.ZodRawShape>(shape: Shape, what: string) {
  const known = Object.keys(shape).join(", ");
  return z.strictObject(shape, {
    error: ({ code, keys }) => {
      if (code !== "unrecognized_keys") return `expected an object for ${what}`;
      const found = (keys as readonly string[]).map((key) => JSON.stringify(key)).join(", ");
      return `unknown key ${found}; ${what} may have ${known === "" ? "none" : known}`;
    },
  });
}

/**
 * A platform's options, checked.
 *
 * @throws {OperationError} `invalid-argument` naming the model, the first wrong option and what is wrong
 */
export function optionsOf<Schema extends z.ZodType>(
  model: string,
  schema: Schema,
  given: Readonly<Record<string, unknown>>,
): z.infer<Schema> {
  const outcome = schema.safeParse(given);
  if (outcome.success) return outcome.data;
  const [{ path, message }] = outcome.error.issues;
  throw cannotLoad(model, `${["options", ...path].join(".")}: ${message}`);
}
