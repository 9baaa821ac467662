import {
  configureSync,
  getLogger,
  logfmtFormatter,
  type Logger,
  type LogRecord,
  resetSync,
  type Sink,
} from "@logtape/logtape";
import { LogFile, type LogFileOptions, reasonOf } from "./log_file.ts";

export type { Logger };

/** How log lines look: `text` is logfmt, for people and grep; `json` one object per line. */
export type LogFormat = "text" | "json";

/** What a log line is written to, such as `Deno.stderr`. */
export interface LogStream {
  /** Writes some of the bytes at once and returns how many. */
  writeSync(bytes: Uint8Array): number;
}

/** Options of `openLogging`. */
export interface LoggingOptions {
  readonly format: LogFormat;
  /** Gets every line, beside the stream that does. */
  readonly file?: LogFileOptions | undefined;
  /** Gets the `serving` line only. */
  readonly stdout?: LogStream;
  /** Gets every other line. */
  readonly stderr?: LogStream;
}

/** The part of every record's category that says whose it is. */
const CATEGORY = "modelserver";

/** The category of the one record that goes to stdout. */
const SERVING = "serving";

/** The category of what is said of the log file, which does not go there. */
const FILE_TROUBLE = "log";

const encoder = new TextEncoder();

/**
 * Makes this thread's loggers write lines, until the result is disposed.
 *
 * Every record is one line, written at once and whole before the logging call returns, so that
 * nothing is lost at an exit and the lines of several threads do not mix (a pipe takes up to 4 KiB
 * in one piece). Everything goes to stderr but the line of `logServing`, which goes to stdout, so
 * that whoever started the server can wait for it, and all of it to the file, if there is one. A stream that
 * cannot be written to loses its lines and harms nobody; so does the file, of which stderr then says once
 * that it has failed, and later how many lines it lacks. What is below level `info` is dropped.
 *
 * As text: `time=… level=info logger=modelserver.grpc msg="…" port=5440`. As JSON: an object of
 * `time` (ISO 8601, UTC), `level`, `logger` and `message`, then the record's properties; one of
 * these four names as a property is left out.
 *
 * Loggers belong to a thread: each worker calls this itself. No permission is needed but that for the file's
 * folder.
 *
 * @throws {OperationError} `invalid-argument` when the file cannot be written
 * @throws logtape's ConfigError if logging is open in this thread already
 *
 * @example
 * ```ts
 * import { moduleLogger, openLogging } from "./logging.ts";
 * using _ = openLogging({ format: "json" });
 * moduleLogger("grpc").info("connection closed", { connection: 7 });
 * ```
 */
export function openLogging(
  { format, file: fileOptions, stdout = Deno.stdout, stderr = Deno.stderr }: LoggingOptions,
): Disposable {
  const formatLine = format === "json" ? formatJsonLine : logfmtFormatter;
  const file = fileOptions && new LogFile(fileOptions);
  // The file is first: whoever has read a line from a stream finds it there.
  configureSync({
    sinks: {
      stdout: newSink(stdout, formatLine),
      stderr: newSink(stderr, formatLine),
      file: file === undefined ? () => {} : newFileSink(file, formatLine),
    },
    loggers: [
      { category: [CATEGORY], lowestLevel: "info", sinks: ["file", "stderr"] },
      { category: [CATEGORY, SERVING], sinks: ["file", "stdout"], parentSinks: "override" },
      { category: [CATEGORY, FILE_TROUBLE], sinks: ["stderr"], parentSinks: "override" },
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["stderr"] },
    ],
  });
  return {
    [Symbol.dispose]() {
      resetSync();
      file?.[Symbol.dispose]();
    },
  };
}

/** The logger of a part of the program, such as `grpc`; its records say so. */
export function moduleLogger(name: string): Logger {
  return getLogger([CATEGORY, name]);
}

/** Says on stdout that the server takes calls, and where. */
export function logServing(
  { host, port, httpPort, threads, serving }: {
    host: string;
    port: number;
    /** Where REST is; undefined for nowhere. */
    httpPort?: number | undefined;
    threads: number;
    /** How many of the threads serve from the start. */
    serving: number;
  },
): void {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  getLogger([CATEGORY, SERVING]).info("serving on {address}", {
    address,
    host,
    port,
    ...(httpPort === undefined ? {} : { httpPort }),
    threads,
    serving,
  });
}

function newSink(stream: LogStream, formatLine: (record: LogRecord) => string): Sink {
  return (record) => {
    let rest: Uint8Array = encoder.encode(formatLine(record));
    try {
      while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
    } catch {
      // A full disk or a reader that is gone costs log lines, not the server.
    }
  };
}

/** Says once that the file fails, not once a line. */
function newFileSink(file: LogFile, formatLine: (record: LogRecord) => string): Sink {
  const log = moduleLogger(FILE_TROUBLE);
  const { path } = file;
  let lost = 0;
  return (record) => {
    try {
      file.write(encoder.encode(formatLine(record)));
    } catch (error) {
      const isFirst = lost++ === 0;
      if (isFirst) log.error("the log file misses lines", { path, reason: reasonOf(error) });
      return;
    }
    if (lost > 0) log.warn("the log file gets lines again", { path, lost });
    lost = 0;
  };
}

function formatJsonLine({ timestamp, level, category, message, properties }: LogRecord): string {
  const head = {
    time: new Date(timestamp).toISOString(),
    level,
    logger: category.join("."),
    message: message.map((part) => typeof part === "string" ? part : formatPart(part)).join(""),
  };
  // Once before, for the order of the keys, and once after, so that no property replaces one.
  return `${stringify({ ...head, ...properties, ...head }, head)}\n`;
}

function formatPart(part: unknown): string {
  return typeof part === "object" ? stringify(part, {}) : String(part);
}

/** `value` as JSON, or `rest` with the reason if it has a cycle: no log line may fail for that. */
function stringify(value: unknown, rest: object): string {
  try {
    return JSON.stringify(value, replaceUnprintable);
  } catch (error) {
    return JSON.stringify({ ...rest, unprintable: String(error) });
  }
}

/** What JSON has no form for. The own properties of an error leave out all that is of interest. */
function replaceUnprintable(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { ...value, name, message, stack, ...(cause === undefined ? {} : { cause }) };
}
