import {
  type FileKind,
  firstIssue,
  parseJsonFile,
  readTextFile,
  wrongContent,
} from "../workload/input_file.ts";
import { type BenchReport, REPORT_SCHEMA } from "./report.ts";
import { benchReport1Schema, benchReportSchema, REPORT_SCHEMA_1 } from "./report_schema.ts";

/** A report of a day takes 90 bytes a second and 20 kB of curves: 8 MB. Indented, it is twice as long. */
export const REPORT_FILE_BYTES_MAX = 33_554_432;

const REPORT: FileKind = { name: "report", bytesMax: REPORT_FILE_BYTES_MAX };

/** By the name of its shape, how a report is read. */
const SCHEMAS: ReadonlyMap<unknown, typeof benchReportSchema> = new Map([
  [REPORT_SCHEMA, benchReportSchema],
  [REPORT_SCHEMA_1, benchReport1Schema],
]);

/**
 * The report that a file holds, of this version or the one before. Nothing beside the known fields is accepted.
 *
 * @param json the file's content
 * @param file its name, for error messages only
 * @throws {OperationError} invalid-argument, if it is none of these versions; the message names the file,
 *   the first wrong field, what was found there and what is expected
 */
export function parseReport(json: string, file: string): BenchReport {
  const content = parseJsonFile(json, file, REPORT);
  const version = versionOf(content);
  const schema = SCHEMAS.get(version);
  if (schema === undefined) {
    const found = version === undefined ? "no schema" : `schema ${JSON.stringify(version)}`;
    const needed = [...SCHEMAS.keys()].map((name) => JSON.stringify(name)).join(" or ");
    throw wrongContent(file, REPORT, `found ${found}, need ${needed}`);
  }
  const report = schema.safeParse(content);
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
