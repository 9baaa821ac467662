import { OperationError } from "../errors.ts";
import { CREDENTIAL_FILE_BYTES_MAX } from "../limits.ts";

/**
 * The text of a file of certificates, keys or tokens. A pipe will do.
 *
 * Needs permission to read that path. No message holds any of the text.
 *
 * @param source the flag that named the file, for error messages
 * @throws {OperationError} `invalid-argument` when it cannot be read, is empty or is larger than
 * CREDENTIAL_FILE_BYTES_MAX; the message names flag and file.
 */
export async function readCredentialFile(source: string, path: string): Promise<string> {
  const bytes = await readUpTo(source, path, CREDENTIAL_FILE_BYTES_MAX + 1);
  if (bytes.length > CREDENTIAL_FILE_BYTES_MAX) {
    throw unusable(source, path, `it is larger than ${CREDENTIAL_FILE_BYTES_MAX} bytes`);
  }
  const text = new TextDecoder().decode(bytes);
  if (text.trim() === "") throw unusable(source, path, "it is empty");
  return text;
}

/** The error for a file with which nothing can be done. */
export function unusable(
  source: string,
  path: string,
  reason: string,
  cause?: unknown,
): OperationError {
  return new OperationError(
    "invalid-argument",
    `Cannot use ${source} ${path}: ${reason}`,
    cause === undefined ? {} : { cause },
  );
}

async function readUpTo(source: string, path: string, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    using file = await Deno.open(path);
    while (bytes < bytesMax) {
      const part = new Uint8Array(Math.min(READ_BYTES, bytesMax - bytes));
      const count = await file.read(part);
      if (count === null) break;
      parts.push(part.subarray(0, count));
      bytes += count;
    }
  } catch (error) {
    throw unusable(source, path, readFailure(error), error);
  }
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const READ_BYTES = 16_384;

function readFailure(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable) {
    return "permission denied";
  }
  if (error instanceof Deno.errors.IsADirectory || /directory/.test(String(error))) {
    return "it is a folder";
  }
  return error instanceof Error ? error.message : String(error);
}
