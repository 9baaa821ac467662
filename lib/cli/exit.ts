import { OperationError } from "../errors.ts";
import type { ParseOutcome } from "./parse_outcome.ts";

/** What text is written to, such as `Deno.stdout`. */
export interface TextStream {
  /** Writes some of the bytes at once and returns how many. */
  writeSync(bytes: Uint8Array): number;
}

/** Writes what a command line's outcome says, as far as it can, and exits with its code. */
export function exitWith(outcome: Extract<ParseOutcome<unknown>, { kind: "exit" }>): never {
  tryWrite(Deno.stdout, outcome.stdout);
  tryWrite(Deno.stderr, outcome.stderr);
  Deno.exit(outcome.code);
}

/** The exit code of a program whose reader has gone. Source: Bash, 128 + SIGPIPE. */
const EXIT_PIPE = 141;

/**
 * Writes all of `text` to standard output; exits when nobody reads it any more.
 *
 * @throws {OperationError} `unavailable` when it cannot be written, as on a full disk.
 */
export function writeOutput(text: string): void {
  try {
    writeAll(Deno.stdout, text);
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) Deno.exit(EXIT_PIPE);
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `Cannot write to standard output: ${reason}`;
    throw new OperationError("unavailable", message, { cause });
  }
}

/** Writes one line that tells of a problem, if anybody hears it. */
export function writeProblem(program: string, message: string): void {
  tryWrite(Deno.stderr, `${program}: ${oneLine(message)}\n`);
}

/** Writes one line that tells how far a long task has got, if anybody hears it. */
export function writeStep(text: string): void {
  tryWrite(Deno.stderr, `${oneLine(text)}\n`);
}

/** The longest problem that is told in full. */
const PROBLEM_CHARS_MAX = 1_000;

/** What a terminal would act on, or takes for the end of a line. */
// deno-lint-ignore no-control-regex
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u2028\u2029]/g;

/** A message may hold anything that a peer has sent. */
function oneLine(message: string): string {
  return message.slice(0, PROBLEM_CHARS_MAX).replace(
    UNPRINTABLE,
    (char) => char === "\n" ? "\\n" : `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function tryWrite(stream: TextStream, text: string): void {
  try {
    writeAll(stream, text);
  } catch {
    // There is nobody to tell.
  }
}

/** A stream may take its text in parts. */
function writeAll(stream: TextStream, text: string): void {
  let rest: Uint8Array = new TextEncoder().encode(text);
  while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
}
