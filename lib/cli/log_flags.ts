import {
  type Flag,
  flagValue,
  type GivenArguments,
  optionalFlagValue,
  refuseWithout,
} from "./flag.ts";
import { bytesFrom, FILE, integerFrom, oneOf } from "./flag_kind.ts";
import type { LogFileOptions } from "./log_file.ts";
import type { LogFormat } from "./logging.ts";

/** The least bytes of a log file: some dozens of lines. */
const LOG_FILE_BYTES_MIN = 2 ** 12;

/** The most bytes of a log file: more is slow to search, and no editor opens it. */
const LOG_FILE_BYTES_MAX = 2 ** 30;

/** The most log files: each is renamed whenever one is full, while nothing else is done. */
const LOG_FILES_MAX = 100;

/** How `server` tells what it does. */
export interface LogFlags {
  readonly logFormat: LogFormat;
  /** Files that get all lines too; without it there are none. */
  readonly logFile?: LogFileOptions;
}

const logFormat: Flag<LogFormat> = {
  name: "--log-format",
  placeholder: "format",
  summary: "form of the log lines",
  kind: oneOf(["text", "json"]),
  fallback: "text",
  variable: "MODELSERVER_LOG_FORMAT",
};
const logDir: Flag<string> = {
  name: "--log-dir",
  placeholder: "folder",
  summary: "write log lines to server.log in it too",
  kind: FILE,
  variable: "MODELSERVER_LOG_DIR",
};
const logFileBytes: Flag<number> = {
  name: "--log-file-bytes",
  placeholder: "bytes",
  summary: "length at which server.log becomes server.log.1 and a new one begins",
  kind: bytesFrom(LOG_FILE_BYTES_MIN, LOG_FILE_BYTES_MAX),
  fallback: "10MiB",
  variable: "MODELSERVER_LOG_FILE_BYTES",
};
const logFiles: Flag<number> = {
  name: "--log-files",
  placeholder: "count",
  summary: "most log files that are kept",
  kind: integerFrom(1, LOG_FILES_MAX),
  fallback: "5",
  variable: "MODELSERVER_LOG_FILES",
};

/** The flags of logging. */
export const LOG_FLAGS: readonly Flag<unknown>[] = [logFormat, logDir, logFileBytes, logFiles];

/** @throws {OperationError} `invalid-argument` for flags of log files without a folder for them. */
export function readLogFlags(given: GivenArguments): LogFlags {
  const format = flagValue(logFormat, given);
  const folder = optionalFlagValue(logDir, given);
  const bytesMax = flagValue(logFileBytes, given);
  const filesMax = flagValue(logFiles, given);
  refuseWithout(logDir, [logFileBytes, logFiles], given);
  const logFile = folder === undefined ? {} : { logFile: { folder, bytesMax, filesMax } };
  return { logFormat: format, ...logFile };
}
