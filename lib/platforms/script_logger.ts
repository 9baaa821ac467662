import { SCRIPT_LOG_CHARS_MAX, SCRIPT_LOGS_PER_SECOND } from "../limits.ts";
import type { LogLevel, PlatformLog, PlatformLogEntry } from "./platform_log.ts";
import type { Logger } from "./script_api.ts";

const SECOND_MS = 1_000;

/**
 * A script's logger.
 *
 * Messages and fields of more than SCRIPT_LOG_CHARS_MAX are cut. Of what is over SCRIPT_LOGS_PER_SECOND nothing
 * is kept but how much there was, which the next entry that is let through comes with.
 *
 * @param now milliseconds on a clock that never goes back
 */
export function scriptLogger(
  { name: model, version }: { readonly name: string; readonly version: string },
  log: PlatformLog,
  now: () => number = () => performance.now(),
): Logger {
  let secondMs = -Infinity;
  let logged = 0;
  let dropped = 0;
  const write = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => {
    const nowMs = now();
    if (nowMs >= secondMs + SECOND_MS) {
      secondMs = nowMs;
      logged = 0;
    }
    if (++logged > SCRIPT_LOGS_PER_SECOND) {
      dropped++;
      return;
    }
    const head: PlatformLogEntry = { level, model, version, message: cut(String(message)) };
    const told = dropped === 0 ? fields : { ...fields, droppedEntries: dropped };
    dropped = 0;
    log(told === undefined ? head : { ...head, fields: plain(told) });
  };
  return {
    debug: (message, fields) => write("debug", message, fields),
    info: (message, fields) => write("info", message, fields),
    warn: (message, fields) => write("warn", message, fields),
    error: (message, fields) => write("error", message, fields),
  };
}

/** As JSON has them, so that they can go to another thread whatever a script put there. */
function plain(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  try {
    const text = JSON.stringify(
      fields,
      (_key, value) => typeof value === "bigint" ? String(value) : value,
    );
    return text.length <= SCRIPT_LOG_CHARS_MAX ? JSON.parse(text) : { cut: cut(text) };
  } catch (error) {
    return { cut: `fields that are not JSON: ${error instanceof Error ? error.message : error}` };
  }
}

function cut(text: string): string {
  return text.length <= SCRIPT_LOG_CHARS_MAX ? text : `${text.slice(0, SCRIPT_LOG_CHARS_MAX)}…`;
}
