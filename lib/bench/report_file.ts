import {
  type FileKind,
  firstIssue,
  parseJsonFile,
  readTextFile,
  wrongContent,
} from "../workload/input_file.ts";
import { type BenchReport, REPORT_SCHEMA } from "./report.ts";
import { benchReportSchema } from "./report_schema.ts";

/** A report of a day takes 90 bytes a second and 20 kB of curves: 8 MB. Indented, it is twice as long. */
export const REPORT_FILE_BYTES_MAX = 33_554_432;

const REPORT: FileKind = { name: "report", bytesMax: REPORT_FILE_BYTES_MAX };

/**
 * The report that a file holds. Nothing beside the known fields is accepted.
 *
 * @param json the file's content
 * @param file its name, for error messages only
 * @throws {OperationError} invalid-argument, if it is none of this version; the message names the file,
 *   the first wrong field, what was found there and what is expected
 */
export function parseReport(json: string, file: string): BenchReport {
  const content = parseJsonFile(json, file, REPORT);
  const version = versionOf(content);
  if (version !== REPORT_SCHEMA) {
    const found = version === undefined ? "no schema" : `schema ${JSON.stringify(version)}`;
    throw wrongContent(file, REPORT, `found ${found}, need ${JSON.stringify(REPORT_SCHEMA)}`);
  }
  const report = benchReportSchema.safeParse(content);
  if (report.success) return report.data;
  throw wrongContent(file, REPORT, firstIssue(report.error));
}

/**
 * The report in the file at `path`, as `parseReport` reads it. Needs permission to read that path.
 *
 * @throws {OperationError} failed-precondition, if the file is missing, a folder or not readable;
 *   invalid-argument, if it is too large, not UTF-8 or no report; the message names the path
 */
export async function readReportFile(path: string): Promise<BenchReport> {
  return parseReport(await readTextFile(path, REPORT), path);
}

function versionOf(content: unknown): unknown {
  if (typeof content !== "object" || content === null || !("schema" in content)) return undefined;
  return content.schema;
}
