import { OperationError } from "../errors.ts";
import { THREADS_MAX } from "../limits.ts";
import { SEED_MAX } from "../workload/random_stream.ts";
import { parseCommandLine, type Program } from "./command_line.ts";
import { type Flag, flagValue, type GivenArguments } from "./flag.ts";
import { integerFrom, orWord } from "./flag_kind.ts";
import type { ParseOutcome } from "./parse_outcome.ts";
import { parseTarget, type Target } from "./target.ts";

/** The most requests of a thread: their latencies take 8 MB, and a run of them minutes. */
const REQUESTS_MAX = 1_000_000;

/** The word for a seed that differs from run to run. */
const RANDOM = "random";

/** What `client` runs: the random workload, or the requests of a file in order. */
export type ClientFlags =
  | {
    readonly workload: "random";
    readonly target: Target;
    readonly threads: number;
    /** Per thread. */
    readonly requests: number;
    /** An unsigned 32-bit integer, drawn if none was given. */
    readonly seed: number;
  }
  | { readonly workload: "file"; readonly target: Target; readonly file: string };

const threads: Flag<number> = {
  name: "--threads",
  placeholder: "count",
  summary: "threads of the random workload",
  kind: integerFrom(1, THREADS_MAX),
  fallback: "8",
};
const requests: Flag<number> = {
  name: "--requests",
  placeholder: "count",
  summary: "requests per thread",
  kind: integerFrom(1, REQUESTS_MAX),
  fallback: "1000",
};
const seed: Flag<number | typeof RANDOM> = {
  name: "--seed",
  placeholder: "number",
  summary: "same seed, same requests",
  kind: orWord(integerFrom(0, SEED_MAX), RANDOM),
  fallback: RANDOM,
};

const CLIENT: Program = {
  name: "client",
  summary: "Calls a model server: runs the random workload and prints its statistics, " +
    "or makes the calls of a file and prints the responses. For a load generator: client bench --help.",
  positionals: [
    { name: "<TARGET>", summary: "the server: PORT (on this machine), HOST:PORT or [IPV6]:PORT" },
    { name: "[WORKLOAD]", summary: "a JSON file of requests; without it, the random workload" },
  ],
  flags: [threads, requests, seed],
};

/**
 * The client's flags, from its arguments; no environment variable is read.
 *
 * Nothing is written: the composition root acts on the outcome. See `parseCommandLine`.
 *
 * @param args without the program's name
 *
 * @example
 * ```ts
 * import { parseClientFlags } from "./client_flags.ts";
 * const outcome = parseClientFlags(["5440", "workload.json"]);
 * if (outcome.kind !== "run" || outcome.flags.workload !== "file") throw new Error("Wrong outcome");
 * ```
 */
export function parseClientFlags(args: readonly string[]): ParseOutcome<ClientFlags> {
  return parseCommandLine(CLIENT, args, () => undefined, buildFlags);
}

function buildFlags(given: GivenArguments): ClientFlags {
  const [targetText, file] = given.positionals;
  const target = parseTarget(targetText);
  if (file !== undefined) {
    rejectRandomFlags(given);
    return { workload: "file", target, file };
  }
  const seedGiven = flagValue(seed, given);
  return {
    workload: "random",
    target,
    threads: flagValue(threads, given),
    requests: flagValue(requests, given),
    seed: seedGiven === RANDOM ? crypto.getRandomValues(new Uint32Array(1))[0] : seedGiven,
  };
}

function rejectRandomFlags({ texts }: GivenArguments): void {
  const [name] = texts.keys();
  if (name === undefined) return;
  throw new OperationError(
    "invalid-argument",
    `${name} is for the random workload, and cannot be used with a WORKLOAD file`,
  );
}
