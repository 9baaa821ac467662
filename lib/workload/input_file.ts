import type { z } from "zod";
import { OperationError } from "../errors.ts";

/** What a file is read as. */
export interface FileKind {
  /** As error messages call it. */
  readonly name: string;
  /** The most bytes of such a file; all of it is in memory at once. */
  readonly bytesMax: number;
}

/**
 * The text of the file at `path`. Needs permission to read it. A pipe will do: no more is read than such a
 * file may have.
 *
 * @throws {OperationError} failed-precondition, if the file is missing, a folder or not readable;
 *   invalid-argument, if it is too large or not UTF-8; the message names the path
 */
export async function readTextFile(path: string, kind: FileKind): Promise<string> {
  try {
    using file = await Deno.open(path);
    return await decodeUpTo(file.readable, path, kind);
  } catch (error) {
    if (error instanceof OperationError) throw error;
    throw unreadable("failed-precondition", path, kind, readFailure(error as Error), error);
  }
}

/** @throws {OperationError} invalid-argument, if it is no JSON; the message names the file */
export function parseJsonFile(text: string, file: string, kind: FileKind): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8 quotes the text around the error, line breaks included.
    const reason = (error as SyntaxError).message.replaceAll(/\s+/g, " ");
    throw wrongContent(file, kind, `expected JSON: ${reason}`, error);
  }
}

/** The error for a file that does not hold what it should. */
export function wrongContent(
  file: string,
  kind: FileKind,
  reason: string,
  cause?: unknown,
): OperationError {
  return unreadable("invalid-argument", file, kind, reason, cause);
}

/**
 * The first thing that is wrong, and where: `requests[3].value: expected …`.
 *
 * @param path of what was parsed, if it is not the whole file
 */
export function firstIssue(
  { issues: [issue] }: z.ZodError,
  path: readonly PropertyKey[] = [],
): string {
  const place = formatPath([...path, ...issue.path]);
  return place === "" ? issue.message : `${place}: ${issue.message}`;
}

async function decodeUpTo(
  stream: ReadableStream<Uint8Array>,
  path: string,
  kind: FileKind,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > kind.bytesMax) {
      throw wrongContent(path, kind, `expected at most ${kind.bytesMax} bytes, found more`);
    }
    chunks.push(chunk);
  }
  return decode(chunks, path, kind);
}

function decode(chunks: readonly Uint8Array[], path: string, kind: FileKind): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    const texts = chunks.map((chunk) => decoder.decode(chunk, { stream: true }));
    return texts.join("") + decoder.decode();
  } catch (error) {
    throw wrongContent(path, kind, "expected UTF-8, found other bytes", error);
  }
}

function readFailure(error: Error): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "no permission to read it";
  if (error instanceof Deno.errors.NotCapable) return "no permission to read it (--allow-read)";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder, needs a file";
  return error.message;
}

/** `["requests", 3, "value"]` as `requests[3].value`. */
function formatPath(path: readonly PropertyKey[]): string {
  return path.map((step) => typeof step === "number" ? `[${step}]` : `.${String(step)}`).join("")
    .replace(/^\./, "");
}

function unreadable(
  code: "invalid-argument" | "failed-precondition",
  file: string,
  kind: FileKind,
  reason: string,
  cause?: unknown,
): OperationError {
  return new OperationError(code, `Cannot read ${kind.name} ${file}: ${reason}`, { cause });
}
