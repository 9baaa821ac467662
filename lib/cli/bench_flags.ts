import { ARRIVALS, type ArrivalsName, type LoadLength, type LoadLoop } from "../bench/load_plan.ts";
import { type OutputName, OUTPUTS } from "../bench/outputs.ts";
import { AUTO_THREADS } from "../bench/plan_draft.ts";
import { RATE_MAX, RATE_START } from "../bench/slo_search.ts";
import { type Slo, SLO_FIGURES } from "../bench/slo.ts";
import { LOADS_MAX } from "../bench/sweep.ts";
import { OperationError } from "../errors.ts";
import {
  BENCH_CALLS_MAX,
  BENCH_CONNECTIONS_MAX,
  BENCH_DURATION_MS_MAX,
  CONCURRENT_STREAMS_MAX,
  THREADS_MAX,
} from "../limits.ts";
import { SEED_MAX } from "../workload/random_stream.ts";
import {
  type BenchWorkloadFlags,
  method,
  readWorkload,
  workload,
  WORKLOAD_FLAGS,
} from "./bench_workload_flags.ts";
import { parseCommandLine, type Program } from "./command_line.ts";
import { type Flag, flagValue, type GivenArguments } from "./flag.ts";
import { durationFrom, integerFrom, numberFrom, oneOf, orWord } from "./flag_kind.ts";
import { ascendingIntegers, objectiveFor } from "./measure_kind.ts";
import type { ParseOutcome } from "./parse_outcome.ts";
import { type ClientSecurityFlags, readSecurityFlags, SECURITY_FLAGS } from "./security_flags.ts";
import { parseTarget, type Target } from "./target.ts";

const MS_PER_SECOND = 1_000;

/** The word for a seed that differs from run to run. */
const RANDOM = "random";

/** The longest deadline: a call that takes as long is lost. */
const DEADLINE_MS_MAX = 600_000;

/** What `client bench` does; see `PlanDraft`. */
export interface BenchFlags extends ClientSecurityFlags {
  readonly target: Target;
  /** The target as it was given, for the report. */
  readonly targetText: string;
  readonly workload: BenchWorkloadFlags;
  readonly loop: LoadLoop;
  readonly length: LoadLength;
  readonly connections: number;
  readonly threads: number | typeof AUTO_THREADS;
  readonly warmupMs: number;
  readonly deadlineMs: number;
  readonly seed: number;
  readonly output: OutputName;
  readonly search: BenchSearch;
}

/** How many runs are made: one, one for each load, or as many as it takes to find the highest rate. */
export type BenchSearch =
  | { readonly kind: "once" }
  /** Loads are connections of a closed loop, or calls per second of an open one. */
  | { readonly kind: "sweep"; readonly loads: readonly number[] }
  | { readonly kind: "slo"; readonly slo: Slo };

const connections: Flag<number> = {
  name: "--connections",
  placeholder: "count",
  summary: "connections of all threads together",
  kind: integerFrom(1, BENCH_CONNECTIONS_MAX),
  fallback: "8",
};
const inflight: Flag<number> = {
  name: "--inflight",
  placeholder: "count",
  summary: "closed loop: calls at once on each connection",
  kind: integerFrom(1, CONCURRENT_STREAMS_MAX),
  fallback: "1",
};
const rate: Flag<number> = {
  name: "--rate",
  placeholder: "number",
  summary: "open loop: calls a second that are due, of all threads together",
  kind: numberFrom(0.001, RATE_MAX),
  fallback: "none, a closed loop",
};
const arrivals: Flag<ArrivalsName> = {
  name: "--arrivals",
  placeholder: "name",
  summary: "open loop: evenly spaced, or as independent clients send",
  kind: oneOf(ARRIVALS),
  fallback: "constant",
};
const duration: Flag<number> = {
  name: "--duration",
  placeholder: "time",
  summary: "how long is measured",
  kind: durationFrom(1, BENCH_DURATION_MS_MAX),
  fallback: "10s",
};
const requests: Flag<number> = {
  name: "--requests",
  placeholder: "count",
  summary: "how many calls are measured, instead of a duration",
  kind: integerFrom(1, BENCH_CALLS_MAX),
  fallback: "none",
};
const warmup: Flag<number> = {
  name: "--warmup",
  placeholder: "time",
  summary: "how long calls are made before they are measured",
  kind: durationFrom(0, BENCH_DURATION_MS_MAX),
  fallback: "1s",
};
const threads: Flag<number | typeof AUTO_THREADS> = {
  name: "--threads",
  placeholder: "count",
  summary: "threads, at most one for each connection",
  kind: orWord(integerFrom(1, THREADS_MAX), AUTO_THREADS),
  fallback: AUTO_THREADS,
};
const seed: Flag<number | typeof RANDOM> = {
  name: "--seed",
  placeholder: "number",
  summary: "same seed and threads, same requests and arrivals",
  kind: orWord(integerFrom(0, SEED_MAX), RANDOM),
  fallback: RANDOM,
};
const deadline: Flag<number> = {
  name: "--deadline",
  placeholder: "time",
  summary: "how long a call may take",
  kind: durationFrom(1, DEADLINE_MS_MAX),
  fallback: "30s",
};
const sweep: Flag<readonly number[]> = {
  name: "--sweep",
  placeholder: "loads",
  summary: "a run for each number of connections, or with --rate for each rate",
  kind: ascendingIntegers(1, RATE_MAX, LOADS_MAX),
  fallback: "none",
};
const slo: Flag<Slo> = {
  name: "--slo",
  placeholder: "figure=time",
  summary: "look for the highest rate that keeps it, such as p99=2ms",
  kind: objectiveFor(SLO_FIGURES, durationFrom(0.01, DEADLINE_MS_MAX)),
  fallback: "none",
};
const output: Flag<OutputName> = {
  name: "--output",
  placeholder: "form",
  summary: "form of the report",
  kind: oneOf(Object.keys(OUTPUTS) as OutputName[]),
  fallback: "table",
};

const BENCH: Program = {
  name: "client bench",
  summary:
    "Puts a server under load and reports how long its calls take. Without --rate the next call follows " +
    "the last one's answer (closed loop); with it calls are due by the clock, and latency counts from " +
    "then (open loop).",
  positionals: [
    { name: "<TARGET>", summary: "the server: PORT (on this machine), HOST:PORT or [IPV6]:PORT" },
  ],
  flags: [
    ...WORKLOAD_FLAGS,
    connections,
    inflight,
    rate,
    arrivals,
    duration,
    requests,
    warmup,
    deadline,
    threads,
    seed,
    sweep,
    slo,
    output,
    ...SECURITY_FLAGS,
  ],
};

/** Which flags are of no use with another one, and what they are for. */
const CONFLICTS: readonly (readonly [flag: string, not: readonly Flag<unknown>[]])[] = [
  [workload.name, [method]],
  [rate.name, [inflight]],
  // The last of a number of calls is answered after the last is due: that is not falling behind.
  [slo.name, [inflight, sweep, output, requests]],
  [sweep.name, [output]],
  [requests.name, [duration]],
];

/**
 * The flags of `client bench`, from the arguments behind that word; no environment variable is read.
 *
 * Nothing is written, and no file is read: the composition root acts on the outcome. See `parseCommandLine`.
 */
export function parseBenchFlags(args: readonly string[]): ParseOutcome<BenchFlags> {
  return parseCommandLine(BENCH, args, () => undefined, buildFlags);
}

function buildFlags(given: GivenArguments): BenchFlags {
  const [targetText] = given.positionals;
  const target = parseTarget(targetText);
  rejectConflicts(given);
  const loop = readLoop(given);
  const search = readSearch(given);
  const length = readLength(given, loop, search);
  const connectionCount = flagValue(connections, given);
  const seedGiven = flagValue(seed, given);
  return {
    target,
    targetText,
    workload: readWorkload(given),
    loop,
    length,
    connections: connectionCount,
    threads: readThreads(given, leastConnections(loop, search) ?? connectionCount),
    warmupMs: flagValue(warmup, given),
    deadlineMs: flagValue(deadline, given),
    seed: seedGiven === RANDOM ? crypto.getRandomValues(new Uint32Array(1))[0] : seedGiven,
    output: flagValue(output, given),
    search,
    ...readSecurityFlags(given),
  };
}

function rejectConflicts({ texts }: GivenArguments): void {
  for (const [name, others] of CONFLICTS) {
    const other = others.find((flag) => texts.has(flag.name));
    if (texts.has(name) && other !== undefined) {
      throw wrong(`${other.name} cannot be used with ${name}`);
    }
  }
  if (texts.has(arrivals.name) && !texts.has(rate.name) && !texts.has(slo.name)) {
    throw wrong(`${arrivals.name} is for an open loop, and needs ${rate.name}`);
  }
  if (!texts.has(sweep.name)) return;
  if (!texts.has(rate.name) && texts.has(connections.name)) {
    throw wrong(`${connections.name} cannot be used with ${sweep.name} without ${rate.name}`);
  }
  if (texts.has(rate.name) && texts.has(requests.name)) {
    throw wrong(`${requests.name} cannot be used with ${sweep.name} and ${rate.name}`);
  }
}

function readSearch(given: GivenArguments): BenchSearch {
  if (given.texts.has(slo.name)) return { kind: "slo", slo: flagValue(slo, given) };
  if (!given.texts.has(sweep.name)) return { kind: "once" };
  const loads = flagValue(sweep, given);
  const most = loads[loads.length - 1];
  if (!given.texts.has(rate.name) && most > BENCH_CONNECTIONS_MAX) {
    throw wrong(`${sweep.name} has ${most} connections, expected at most ${BENCH_CONNECTIONS_MAX}`);
  }
  return { kind: "sweep", loads };
}

function readLoop(given: GivenArguments): LoadLoop {
  const searches = given.texts.has(slo.name);
  if (!given.texts.has(rate.name) && !searches) {
    return { kind: "closed", inflight: flagValue(inflight, given) };
  }
  return {
    kind: "open",
    ratePerSecond: given.texts.has(rate.name) ? flagValue(rate, given) : RATE_START,
    arrivals: flagValue(arrivals, given),
  };
}

function readLength(given: GivenArguments, loop: LoadLoop, search: BenchSearch): LoadLength {
  if (given.texts.has(requests.name)) {
    return { kind: "requests", requests: flagValue(requests, given) };
  }
  const durationMs = flagValue(duration, given);
  const most = search.kind === "sweep" ? search.loads[search.loads.length - 1] : undefined;
  const calls = loop.kind === "open"
    ? (most ?? loop.ratePerSecond) * durationMs / MS_PER_SECOND
    : 0;
  if (calls > BENCH_CALLS_MAX) {
    const { name } = most === undefined ? rate : sweep;
    throw wrong(
      `${name} and ${duration.name} make ${calls} calls, expected at most ${BENCH_CALLS_MAX}`,
    );
  }
  return { kind: "duration", durationMs };
}

/** @returns `undefined` where each run has the same number of them */
function leastConnections(loop: LoadLoop, search: BenchSearch): number | undefined {
  return loop.kind === "closed" && search.kind === "sweep" ? search.loads[0] : undefined;
}

function readThreads(
  given: GivenArguments,
  connectionCount: number,
): number | typeof AUTO_THREADS {
  const count = flagValue(threads, given);
  if (count === AUTO_THREADS || count <= connectionCount) return count;
  throw wrong(
    `${threads.name} is ${count}, expected at most one for each of ${connectionCount} connections`,
  );
}

function wrong(message: string): OperationError {
  return new OperationError("invalid-argument", message);
}
