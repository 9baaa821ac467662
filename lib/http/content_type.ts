import { HttpError } from "./http_error.ts";

/**
 * Makes sure that a request's body is of a type that a route reads; without a type it is.
 *
 * @throws {HttpError} 415
 */
export function checkContentType({ headers }: Request, accepted: readonly string[]): void {
  const found = headers.get("content-type");
  if (found === null) return;
  const type = found.split(";", 1)[0].trim().toLowerCase();
  if (accepted.includes(type)) return;
  throw new HttpError(
    415,
    `Cannot read request body: content-type ${JSON.stringify(type.slice(0, 64))}, ` +
      `need ${accepted.join(" or ")}`,
    { accept: accepted.join(", ") },
  );
}

export const JSON_TYPE = "application/json";

/** JSON with binary data behind it; clients send it for JSON alone, too. */
export const BINARY_TYPE = "application/octet-stream";
