import { OperationError } from "../errors.ts";
import { THREADS_MAX } from "../limits.ts";
import { SEED_MAX } from "../workload/random.ts";
import { parseCommandLine, type Program } from "./command_line.ts";
import { type Flag, flagValue, type GivenArguments, optionalFlagValue } from "./flag.ts";
import { FILE, integerFrom, orWord, SWITCH } from "./flag_kind.ts";
import type { ParseOutcome } from "./parse_outcome.ts";
import { parseTarget, type Target } from "./target.ts";

/** The most requests of a thread: their latencies take 8 MB, and a run of them minutes. */
const REQUESTS_MAX = 1_000_000;

/** The word for a seed that differs from run to run. */
const RANDOM = "random";

/** How `client` calls; what is not given is not there. */
export interface ClientSecurityFlags {
  /** To connect over TLS; `caFile` is a PEM file of authorities to trust. */
  readonly tls?: { readonly caFile?: string };
  /** A file of which the first token is sent with every call. */
  readonly tokenFile?: string;
}

/** What `client` runs: the random workload, or the requests of a file in order. */
export type ClientFlags =
  & ClientSecurityFlags
  & (
    | {
      readonly workload: "random";
      readonly target: Target;
      readonly threads: number;
      /** Per thread. */
      readonly requests: number;
      /** An unsigned 32-bit integer, drawn if none was given. */
      readonly seed: number;
    }
    | { readonly workload: "file"; readonly target: Target; readonly file: string }
  );

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
const tls: Flag<boolean> = {
  name: "--tls",
  summary: "connect over TLS and check the server's certificate and name",
  kind: SWITCH,
  fallback: "false",
};
const ca: Flag<string> = {
  name: "--ca",
  placeholder: "file",
  summary: "trust these authorities too, certificates in PEM; needs --tls",
  kind: FILE,
};
const tokenFile: Flag<string> = {
  name: "--token-file",
  placeholder: "file",
  summary: "show the first token in it with every call",
  kind: FILE,
};

/** Flags that a WORKLOAD file leaves nothing to say for. */
const RANDOM_FLAGS: readonly Flag<unknown>[] = [threads, requests, seed];

const CLIENT: Program = {
  name: "client",
  summary: "Calls a model server: runs the random workload and prints its statistics, " +
    "or makes the calls of a file and prints the responses.",
  positionals: [
    { name: "<TARGET>", summary: "the server: PORT (on this machine), HOST:PORT or [IPV6]:PORT" },
    { name: "[WORKLOAD]", summary: "a JSON file of requests; without it, the random workload" },
  ],
  flags: [...RANDOM_FLAGS, tls, ca, tokenFile],
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
  const security = securityFlags(given);
  if (file !== undefined) {
    rejectRandomFlags(given);
    return { workload: "file", target, file, ...security };
  }
  const seedGiven = flagValue(seed, given);
  return {
    workload: "random",
    target,
    threads: flagValue(threads, given),
    requests: flagValue(requests, given),
    seed: seedGiven === RANDOM ? crypto.getRandomValues(new Uint32Array(1))[0] : seedGiven,
    ...security,
  };
}

function securityFlags(given: GivenArguments): ClientSecurityFlags {
  const caFile = optionalFlagValue(ca, given);
  const token = optionalFlagValue(tokenFile, given);
  const overTls = flagValue(tls, given);
  if (caFile !== undefined && !overTls) {
    throw new OperationError("invalid-argument", `${ca.name} is given, and ${tls.name} is not`);
  }
  return {
    ...(overTls ? { tls: caFile === undefined ? {} : { caFile } } : {}),
    ...(token === undefined ? {} : { tokenFile: token }),
  };
}

function rejectRandomFlags({ texts }: GivenArguments): void {
  const name = RANDOM_FLAGS.find((flag) => texts.has(flag.name))?.name;
  if (name === undefined) return;
  throw new OperationError(
    "invalid-argument",
    `${name} is for the random workload, and cannot be used with a WORKLOAD file`,
  );
}
