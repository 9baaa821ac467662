import type { ParseOutcome } from "./parse_outcome.ts";

/** Writes what a command line's outcome says, and exits with its code. */
export function exitWith(outcome: Extract<ParseOutcome<unknown>, { kind: "exit" }>): never {
  writeAll(Deno.stdout, outcome.stdout);
  writeAll(Deno.stderr, outcome.stderr);
  Deno.exit(outcome.code);
}

/** The exit code of a program whose reader has gone. Source: Bash, 128 + SIGPIPE. */
const EXIT_PIPE = 141;

/** Writes all of `text` to a stream that may take it in parts; exits when nobody reads it any more. */
export function writeAll(stream: { writeSync(bytes: Uint8Array): number }, text: string): void {
  let rest: Uint8Array = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(stream.writeSync(rest));
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(EXIT_PIPE);
    throw error;
  }
}
