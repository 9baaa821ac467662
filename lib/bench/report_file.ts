import { OperationError } from "../errors.ts";
import { type BenchReport, REPORT_SCHEMA } from "./report.ts";
import { benchReportSchema } from "./report_schema.ts";

/**
 * The report that a file holds. Nothing beside the known fields is accepted.
 *
 * @param json the file's content
 * @param file its name, for error messages only
 * @throws {OperationError} invalid-argument, if it is none of this version; the message names the file,
 *   the first wrong field, what was found there and what is expected
 */
export function parseReport(json: string, file: string): BenchReport {
  const content = parseJson(json, file);
  const version = versionOf(content);
  if (version !== REPORT_SCHEMA) {
    const found = version === undefined ? "no schema" : `schema ${JSON.stringify(version)}`;
    throw unreadable(file, `found ${found}, need ${JSON.stringify(REPORT_SCHEMA)}`);
  }
  const report = benchReportSchema.safeParse(content);
  if (report.success) return report.data;
  const [{ path, message }] = report.error.issues;
  const place = formatPath(path);
  throw unreadable(file, place === "" ? message : `${place}: ${message}`);
}

function parseJson(json: string, file: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    // V8 quotes the text around the error, line breaks included.
    const reason = (error as SyntaxError).message.replaceAll(/\s+/g, " ");
    throw unreadable(file, `expected JSON: ${reason}`, error);
  }
}

function versionOf(content: unknown): unknown {
  if (typeof content !== "object" || content === null || !("schema" in content)) return undefined;
  return content.schema;
}

/** `["series", 3, "calls"]` as `series[3].calls`. */
function formatPath(path: readonly PropertyKey[]): string {
  return path.map((step) => typeof step === "number" ? `[${step}]` : `.${String(step)}`).join("")
    .replace(/^\./, "");
}

function unreadable(file: string, reason: string, cause?: unknown): OperationError {
  return new OperationError("invalid-argument", `Cannot read report ${file}: ${reason}`, { cause });
}
