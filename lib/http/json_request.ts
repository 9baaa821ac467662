import type { z } from "zod";
import { shortened } from "../errors.ts";
import { HttpError } from "./http_error.ts";
import { JsonDocument } from "./json_document.ts";

/**
 * The body of a request as its schema has it; an empty one is an empty object.
 *
 * @throws {HttpError} 400 naming the place and what is wrong
 */
export function readJson<Schema extends z.ZodType>(
  schema: Schema,
  body: Uint8Array,
): z.output<Schema> {
  return checkJson(schema, body.length === 0 ? {} : JsonDocument.parse(body).value);
}

/** @throws {HttpError} 400 naming the place and what is wrong */
export function checkJson<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const [{ path, message }] = error.issues;
  const place = formatPath(path);
  throw new HttpError(
    400,
    `Cannot read request: ${place}${message.replace("Invalid input: ", "")}`,
  );
}

function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return "";
  const steps = path.map((step) =>
    typeof step === "number" ? `[${step}]` : `.${shortened(String(step))}`
  );
  return `${steps.join("").replace(/^\./, "")}: `;
}
