import type { z } from "zod";
import { OperationError } from "../errors.ts";
import { workloadFileSchema, workloadRequestSchema } from "./file_schema.ts";
import type { WorkloadRequest } from "./request.ts";

/**
 * The most bytes of a workload file. A float takes up to 25 bytes of JSON, so this holds half a
 * million requests of ten, or two of the longest; all of it is in memory at once.
 */
export const WORKLOAD_FILE_BYTES_MAX = 67_108_864;

/**
 * The requests of a workload file, in order.
 *
 * Nothing beside the known fields is accepted: a misspelt field would silently do nothing.
 *
 * Source: spec modelserver, "Client".
 *
 * @param text the file's content
 * @param file its name, for error messages only
 * @returns the requests; empty for `{"requests": []}`
 * @throws {OperationError} invalid-argument, if it is no workload; the message names the file, the
 *   first wrong element, what was found there and what is expected
 *
 * @example
 * ```ts
 * import { parseWorkloadFile } from "./file.ts";
 * const text = `{"requests": [{"type": "Predict", "value": {"inputs": [1, 2]}}]}`;
 * const [request] = parseWorkloadFile(text, "workload.json");
 * if (request.type !== "Predict") throw new Error("Wrong type");
 * ```
 */
export function parseWorkloadFile(text: string, file: string): WorkloadRequest[] {
  const content = workloadFileSchema.safeParse(parseJson(text, file));
  if (!content.success) throw wrongContent(file, content.error, []);
  return content.data.requests.map((element, index) => {
    const request = workloadRequestSchema.safeParse(element);
    if (!request.success) throw wrongContent(file, request.error, ["requests", index]);
    return request.data;
  });
}

/**
 * The requests of the workload file at `path`, as `parseWorkloadFile` reads them.
 *
 * Needs permission to read that path. A pipe will do: no more than 64 MiB are read of anything.
 *
 * @throws {OperationError} failed-precondition, if the file is missing, a folder or not readable;
 *   invalid-argument, if it is too large, not UTF-8 or no workload; the message names the path
 */
export async function readWorkloadFile(path: string): Promise<WorkloadRequest[]> {
  return parseWorkloadFile(await readText(path), path);
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // V8 quotes the text around the error, line breaks included.
    const reason = (error as SyntaxError).message.replaceAll(/\s+/g, " ");
    throw unreadable("invalid-argument", file, `expected JSON: ${reason}`, error);
  }
}

async function readText(path: string): Promise<string> {
  try {
    using file = await Deno.open(path);
    return await decodeUpTo(file.readable, path);
  } catch (error) {
    if (error instanceof OperationError) throw error;
    throw unreadable("failed-precondition", path, readFailure(error as Error), error);
  }
}

async function decodeUpTo(stream: ReadableStream<Uint8Array>, path: string): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > WORKLOAD_FILE_BYTES_MAX) {
      const limit = `expected at most ${WORKLOAD_FILE_BYTES_MAX} bytes, found more`;
      throw unreadable("invalid-argument", path, limit);
    }
    chunks.push(chunk);
  }
  return decode(chunks, path);
}

function decode(chunks: readonly Uint8Array[], path: string): string {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    const texts = chunks.map((chunk) => decoder.decode(chunk, { stream: true }));
    return texts.join("") + decoder.decode();
  } catch (error) {
    throw unreadable("invalid-argument", path, "expected UTF-8, found other bytes", error);
  }
}

function readFailure(error: Error): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  if (error instanceof Deno.errors.PermissionDenied) return "no permission to read it";
  if (error instanceof Deno.errors.NotCapable) return "no permission to read it (--allow-read)";
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder, needs a file";
  return error.message;
}

function wrongContent(
  file: string,
  { issues: [issue] }: z.ZodError,
  path: readonly PropertyKey[],
): OperationError {
  const place = formatPath([...path, ...issue.path]);
  const reason = place === "" ? issue.message : `${place}: ${issue.message}`;
  return unreadable("invalid-argument", file, reason);
}

/** `["requests", 3, "value"]` as `requests[3].value`. */
function formatPath(path: readonly PropertyKey[]): string {
  return path.map((step) => typeof step === "number" ? `[${step}]` : `.${String(step)}`).join("")
    .replace(/^\./, "");
}

function unreadable(
  code: "invalid-argument" | "failed-precondition",
  file: string,
  reason: string,
  cause?: unknown,
): OperationError {
  return new OperationError(code, `Cannot read workload ${file}: ${reason}`, { cause });
}
