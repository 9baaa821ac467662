import {
  BENCH_METHODS,
  type BenchMethod,
  FACTORIALS,
  type ModelChoice,
  type OwnMethod,
  type RequestChoice,
} from "../bench/load_plan.ts";
import { OperationError } from "../errors.ts";
import { BENCH_FLOATS_MAX } from "../limits.ts";
import { MATRIX_COLUMNS } from "../workload/random.ts";
import { type Flag, flagValue, type GivenArguments } from "./flag.ts";
import { type FlagKind, integerFrom, numberFrom, oneOf } from "./flag_kind.ts";
import { parseWorkloadList } from "./workload_list.ts";

/** The word for the random workload. */
const RANDOM = "random";

/** The word for NumStore's workload. */
const NUMSTORE = "numstore";

/** Methods whose requests are keys, and the most of those: what a server keeps by default, or caches. */
const KEYS_MAX: Readonly<Partial<Record<BenchMethod, number>>> = {
  "set-num": 65_536,
  fact: FACTORIALS,
};

/** The most popular of any number of things has all of the calls long before this. */
const ZIPF_MAX = 10;

/** What is called: one workload, or several with their weights. */
export type BenchWorkloadFlags =
  | SingleWorkloadFlags
  | {
    readonly kind: "mix";
    readonly parts: readonly {
      readonly workload: SingleWorkloadFlags;
      readonly weight: number;
    }[];
  };

/** A method with vectors or keys, or a workload, whose file the composition root reads. */
export type SingleWorkloadFlags =
  | {
    readonly kind: "method";
    readonly method: OwnMethod;
    readonly choice: RequestChoice;
  }
  | {
    readonly kind: "infer";
    readonly model: ModelChoice;
    readonly choice: RequestChoice;
  }
  | { readonly kind: "random" }
  | { readonly kind: "numstore" }
  | { readonly kind: "file"; readonly file: string };

/** Whether there is such a model, or version, is for the server to say. */
const MODEL_NAME: FlagKind<string> = {
  expected: "the name of a model",
  parse: (text) => text === "" ? undefined : text,
};
const MODEL_VERSION: FlagKind<string> = {
  expected: "a version of a model, such as 1",
  parse: (text) => text === "" ? undefined : text,
};
/** What is called, unless `workload` says. */
export const method: Flag<BenchMethod> = {
  name: "--method",
  placeholder: "name",
  summary: "what is called",
  kind: oneOf(BENCH_METHODS),
  fallback: "predict",
};
const WORKLOAD: FlagKind<string> = {
  expected: `${RANDOM}, ${NUMSTORE}, a method or the name of a JSON file of requests, which are ` +
    "repeated; or several with weights, such as random:3,numstore:1",
  parse: (text) => text === "" ? undefined : text,
};
const model: Flag<string> = {
  name: "--model",
  placeholder: "name",
  summary: "infer: the model that is called, with floats",
  kind: MODEL_NAME,
  fallback: "none",
};
const modelVersion: Flag<string> = {
  name: "--model-version",
  placeholder: "version",
  summary: "infer: its version",
  kind: MODEL_VERSION,
  fallback: "the model's own choice",
};
const rows: Flag<number> = {
  name: "--rows",
  placeholder: "count",
  summary: "infer: rows of the batch that a request brings",
  kind: integerFrom(1, BENCH_FLOATS_MAX),
  fallback: "1",
};
/** What is called instead. */
export const workload: Flag<string> = {
  name: "--workload",
  placeholder: "names",
  summary: "instead of a method",
  kind: WORKLOAD,
  fallback: "none",
};
const inputs: Flag<number> = {
  name: "--inputs",
  placeholder: "count",
  summary: "floats of a vector; infer: size of dimensions that may be any",
  kind: integerFrom(1, BENCH_FLOATS_MAX),
  fallback: "10",
};
const distinct: Flag<number> = {
  name: "--distinct",
  placeholder: "count",
  summary: "vectors, or keys, to draw from",
  kind: integerFrom(1, BENCH_FLOATS_MAX),
  fallback: "1",
};
const zipf: Flag<number> = {
  name: "--zipf",
  placeholder: "exponent",
  summary: "their popularity by Zipf's law, 0 for uniform",
  kind: numberFrom(0, ZIPF_MAX),
  fallback: "0",
};
/** All that say what is called, in the order of the help. */
export const WORKLOAD_FLAGS: readonly Flag<unknown>[] = [
  method,
  workload,
  model,
  modelVersion,
  rows,
  inputs,
  distinct,
  zipf,
];

/**
 * What is called, by a method or by workloads.
 *
 * @throws {OperationError} `invalid-argument` naming flags that contradict each other or are of no use
 */
export function readWorkload(given: GivenArguments): BenchWorkloadFlags {
  if (!given.texts.has(workload.name)) {
    const single = readMethod(flagValue(method, given), given);
    rejectModelFlags([single], given);
    return single;
  }
  const { source = workload.name } = given.texts.get(workload.name) ?? {};
  const parts = parseWorkloadList(flagValue(workload, given), source)
    .map(({ name, weight, isFile }) => ({
      workload: isFile ? { kind: "file", file: name } as const : readNamed(name, given),
      weight,
    }));
  const workloads = parts.map(({ workload }) => workload);
  rejectUnused(workloads, given);
  rejectLengths(workloads);
  rejectModelFlags(workloads, given);
  return parts.length === 1 ? parts[0].workload : { kind: "mix", parts };
}

function readNamed(name: string, given: GivenArguments): SingleWorkloadFlags {
  if (name === RANDOM || name === NUMSTORE) return { kind: name };
  const called = BENCH_METHODS.find((method) => method === name);
  if (called !== undefined) return readMethod(called, given, { alone: false });
  return { kind: "file", file: name };
}

/** What says how methods are called is of no use without one. */
function rejectUnused(workloads: readonly SingleWorkloadFlags[], { texts }: GivenArguments): void {
  const choices = workloads.flatMap((of) => "choice" in of ? [of.choice] : []);
  const needs = [
    [inputs, choices.some(({ inputs }) => inputs !== undefined)],
    [distinct, choices.length > 0],
    [zipf, choices.length > 0],
  ] as const;
  for (const [flag, isUsed] of needs) {
    if (isUsed || !texts.has(flag.name)) continue;
    throw wrong(`${flag.name} cannot be used with ${workload.name} that has no method for it`);
  }
}

/** What says which model is called is of no use where none is. */
function rejectModelFlags(
  workloads: readonly SingleWorkloadFlags[],
  { texts }: GivenArguments,
): void {
  if (workloads.some(({ kind }) => kind === "infer")) return;
  for (const { name } of [model, modelVersion, rows]) {
    if (texts.has(name)) throw wrong(`${name} is for ${method.name} infer`);
  }
}

/** A server has coefficients of one length, so calls of another one would fail. */
function rejectLengths(workloads: readonly SingleWorkloadFlags[]): void {
  if (!workloads.some(({ kind }) => kind === RANDOM)) return;
  for (const { choice } of workloads.filter((of) => of.kind === "method")) {
    if (choice.inputs === undefined || choice.inputs === MATRIX_COLUMNS) continue;
    throw wrong(`${inputs.name} is ${choice.inputs}, expected ${MATRIX_COLUMNS} beside ${RANDOM}`);
  }
}

/** @param options.alone whether no other method may have a use for a flag that this one has not */
function readMethod(
  called: BenchMethod,
  given: GivenArguments,
  { alone }: { readonly alone: boolean } = { alone: true },
): SingleWorkloadFlags {
  const popularity = { distinct: flagValue(distinct, given), zipf: flagValue(zipf, given) };
  if (called === "infer") return readInfer(popularity, given);
  const keysMax = KEYS_MAX[called];
  if (keysMax !== undefined) {
    if (alone && given.texts.has(inputs.name)) {
      throw wrong(`${inputs.name} cannot be used with ${method.name} ${called}`);
    }
    if (popularity.distinct > keysMax) {
      throw wrong(
        `${distinct.name} is ${popularity.distinct}, expected at most ${keysMax} with ${called}`,
      );
    }
    return { kind: "method", method: called, choice: { inputs: undefined, ...popularity } };
  }
  const choice = { inputs: flagValue(inputs, given), ...popularity };
  const floats = choice.inputs * choice.distinct;
  if (floats > BENCH_FLOATS_MAX) {
    throw wrong(
      `${inputs.name} and ${distinct.name} make ${floats} floats, expected at most ${BENCH_FLOATS_MAX}`,
    );
  }
  return { kind: "method", method: called, choice };
}

/** How many floats its requests have, the server says. */
function readInfer(
  popularity: Pick<RequestChoice, "distinct" | "zipf">,
  given: GivenArguments,
): SingleWorkloadFlags {
  const { texts } = given;
  if (!texts.has(model.name)) throw wrong(`${method.name} infer needs ${model.name}`);
  return {
    kind: "infer",
    model: {
      name: flagValue(model, given),
      version: texts.has(modelVersion.name) ? flagValue(modelVersion, given) : undefined,
      rows: texts.has(rows.name) ? flagValue(rows, given) : undefined,
      tensors: [],
    },
    choice: {
      inputs: texts.has(inputs.name) ? flagValue(inputs, given) : undefined,
      ...popularity,
    },
  };
}

function wrong(message: string): OperationError {
  return new OperationError("invalid-argument", message);
}
