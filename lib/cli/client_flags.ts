import { OperationError } from "../errors.ts";
import { THREADS_MAX } from "../limits.ts";
import { WORKLOAD_KEYS_MAX } from "../workload/numstore.ts";
import { SEED_MAX } from "../workload/random_stream.ts";
import { parseCommandLine, type Program } from "./command_line.ts";
import { type Flag, flagValue, type GivenArguments } from "./flag.ts";
import { integerFrom, oneOf, orWord } from "./flag_kind.ts";
import type { ParseOutcome } from "./parse_outcome.ts";
import { type ClientSecurityFlags, readSecurityFlags, SECURITY_FLAGS } from "./security_flags.ts";
import { parseTarget, type Target } from "./target.ts";

/** The most requests of a thread: their latencies take 8 MB, and a run of them minutes. */
const REQUESTS_MAX = 1_000_000;

/** The word for a seed that differs from run to run. */
const RANDOM = "random";

/** What workloads that are made up have in common. */
interface MadeFlags {
  readonly target: Target;
  readonly threads: number;
  /** Per thread. */
  readonly requests: number;
  /** An unsigned 32-bit integer, drawn if none was given. */
  readonly seed: number;
}

/** What `client` runs: a workload that is made up, or the requests of a file in order. */
export type ClientFlags =
  & ClientSecurityFlags
  & (
    | MadeFlags & { readonly workload: "random" }
    /** `keys`: how many there are to choose from. */
    | MadeFlags & { readonly workload: "numstore"; readonly keys: number }
    | { readonly workload: "file"; readonly target: Target; readonly file: string }
  );

const workload: Flag<"random" | "numstore"> = {
  name: "--workload",
  placeholder: "name",
  summary: "what is run without a file: random calls ModelServer, numstore NumStore",
  kind: oneOf(["random", "numstore"]),
  fallback: "random",
};
const threads: Flag<number> = {
  name: "--threads",
  placeholder: "count",
  summary: "threads of the workload",
  kind: integerFrom(1, THREADS_MAX),
  fallback: "8",
};
const requests: Flag<number> = {
  name: "--requests",
  placeholder: "count",
  summary: "requests per thread, 100 unless given for numstore",
  kind: integerFrom(1, REQUESTS_MAX),
  fallback: "1000",
};
const numStoreRequests: Flag<number> = { ...requests, fallback: "100" };
const keys: Flag<number> = {
  name: "--keys",
  placeholder: "count",
  summary: "keys that numstore chooses from",
  kind: integerFrom(1, WORKLOAD_KEYS_MAX),
  fallback: "100",
};
const seed: Flag<number | typeof RANDOM> = {
  name: "--seed",
  placeholder: "number",
  summary: "same seed, same requests",
  kind: orWord(integerFrom(0, SEED_MAX), RANDOM),
  fallback: RANDOM,
};
/** Flags that a WORKLOAD file leaves nothing to say for. */
const MADE_FLAGS: readonly Flag<unknown>[] = [workload, threads, requests, keys, seed];

const CLIENT: Program = {
  name: "client",
  summary: "Calls a model server: runs a workload and prints its statistics, " +
    "or makes the calls of a file and prints the responses. For a load generator: client bench --help.",
  positionals: [
    { name: "<TARGET>", summary: "the server: PORT (on this machine), HOST:PORT or [IPV6]:PORT" },
    { name: "[WORKLOAD]", summary: "a JSON file of requests; without it, what --workload says" },
  ],
  flags: [...MADE_FLAGS, ...SECURITY_FLAGS],
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
  const security = readSecurityFlags(given);
  if (file !== undefined) {
    rejectMadeFlags(given);
    return { workload: "file", target, file, ...security };
  }
  const seedGiven = flagValue(seed, given);
  const made = {
    target,
    threads: flagValue(threads, given),
    seed: seedGiven === RANDOM ? crypto.getRandomValues(new Uint32Array(1))[0] : seedGiven,
    ...security,
  };
  if (flagValue(workload, given) === "random") {
    rejectKeys(given);
    return { workload: "random", ...made, requests: flagValue(requests, given) };
  }
  return {
    workload: "numstore",
    ...made,
    requests: flagValue(numStoreRequests, given),
    keys: flagValue(keys, given),
  };
}

function rejectMadeFlags({ texts }: GivenArguments): void {
  const name = MADE_FLAGS.find((flag) => texts.has(flag.name))?.name;
  if (name === undefined) return;
  const use = name === workload.name
    ? "chooses a workload"
    : `is for the ${name === keys.name ? "numstore" : "random"} workload`;
  throw new OperationError(
    "invalid-argument",
    `${name} ${use}, and cannot be used with a WORKLOAD file`,
  );
}

function rejectKeys({ texts }: GivenArguments): void {
  if (!texts.has(keys.name)) return;
  throw new OperationError(
    "invalid-argument",
    `${keys.name} is for the numstore workload, and needs ${workload.name} numstore`,
  );
}
