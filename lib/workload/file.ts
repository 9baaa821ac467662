import { workloadFileSchema, workloadRequestSchema } from "./file_schema.ts";
import {
  type FileKind,
  firstIssue,
  parseJsonFile,
  readTextFile,
  wrongContent,
} from "./input_file.ts";
import type { WorkloadRequest } from "./request.ts";

/**
 * The most bytes of a workload file. A float takes up to 25 bytes of JSON, so this holds half a
 * million requests of ten, or two of the longest; all of it is in memory at once.
 */
export const WORKLOAD_FILE_BYTES_MAX = 67_108_864;

const WORKLOAD: FileKind = { name: "workload", bytesMax: WORKLOAD_FILE_BYTES_MAX };

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
  const content = workloadFileSchema.safeParse(parseJsonFile(text, file, WORKLOAD));
  if (!content.success) throw wrongContent(file, WORKLOAD, firstIssue(content.error));
  return content.data.requests.map((element, index) => {
    const request = workloadRequestSchema.safeParse(element);
    if (!request.success) {
      throw wrongContent(file, WORKLOAD, firstIssue(request.error, ["requests", index]));
    }
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
  return parseWorkloadFile(await readTextFile(path, WORKLOAD), path);
}
