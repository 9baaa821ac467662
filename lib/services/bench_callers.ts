import type { BenchCallOptions, Caller, Outcome } from "../bench/caller.ts";
import {
  FACTORIALS,
  type LoadPlan,
  type LoadWorkload,
  type OwnMethod,
  partsOf,
  type RequestChoice,
  type SingleWorkload,
} from "../bench/load_plan.ts";
import {
  keyRequests,
  makeVectors,
  type ThreadSeed,
  vectorRequests,
  workloadRequests,
} from "../bench/requests.ts";
import { OperationError } from "../errors.ts";
import type { Channel } from "../grpc/channel.ts";
import type { CallOptions } from "../grpc/client_call.ts";
import { Code, codeName, GrpcError } from "../grpc/status.ts";
import { MATRIX_COLUMNS } from "../workload/random.ts";
import { inferenceCaller, resolveInference } from "./bench_inference.ts";
import { InvocationClient } from "./invocation_client.ts";
import type { InvocationResponse } from "./invocation_contract.ts";
import { ModelServerClient } from "./modelserver_client.ts";
import type { PredictResponse, SetCoefsResponse } from "./modelserver_contract.ts";
import { NumStoreClient } from "./numstore_client.ts";
import type { FactResponse, SetNumResponse } from "./numstore_contract.ts";

/** What a thread makes the calls of a load with. */
export interface BenchCallerOptions {
  readonly plan: LoadPlan;
  /** This thread's number, from 0. */
  readonly thread: number;
  /** This thread's connections; a call's is one of them. */
  readonly channels: readonly Channel[];
}

/** One method that a load can be made of. */
interface Method {
  /** Makes calls of one request each. */
  open(channels: readonly Channel[], requests: Requests): Caller<unknown>;
  /** Brings the server into the state that the calls need. */
  prepare?(channel: Channel, choice: RequestChoice, options: CallOptions): Promise<void>;
}

/** Which requests a thread's calls have. */
interface Requests {
  readonly choice: RequestChoice;
  readonly seed: ThreadSeed;
}

/** Numbers that are set: factorials are cached by number, so `fact` has one for each of its keys. */
const VALUES = Array.from({ length: FACTORIALS }, (_, i) => BigInt(i));

/** How many keys are set at once before a run. */
const KEYS_AT_ONCE = 100;

/** One entry for each name of `--method` but `infer`. */
const METHODS: Readonly<Record<OwnMethod, Method>> = {
  predict: {
    open: (channels, { choice, seed }) => {
      const clients = channels.map((channel) => new ModelServerClient(channel));
      const requests = vectorRequests(choice, seed);
      return caller(
        (connection, options) => clients[connection].predict(requests.next(), options),
        outcomeOfPredict,
      );
    },
    prepare: (channel, { inputs = 1 }, options) => setCoefs(channel, inputs, options),
  },
  "set-coefs": {
    open: (channels, { choice, seed }) => {
      const clients = channels.map((channel) => new ModelServerClient(channel));
      const requests = vectorRequests(choice, seed);
      return caller(
        (connection, options) => clients[connection].setCoefs(requests.next(), options),
        outcomeOfSetCoefs,
      );
    },
  },
  "set-num": {
    open: (channels, { choice, seed }) => {
      const clients = channels.map((channel) => new NumStoreClient(channel));
      const requests = keyRequests(choice, seed);
      return caller(
        (connection, options) => setNum(clients[connection], requests.next(), options),
        ok,
      );
    },
  },
  fact: {
    open: (channels, { choice, seed }) => {
      const clients = channels.map((channel) => new NumStoreClient(channel));
      const requests = keyRequests(choice, seed);
      return caller(
        (connection, options) => clients[connection].fact(keyOf(requests.next()), options),
        outcomeOfFact,
      );
    },
    prepare: setKeys,
  },
  invoke: {
    open: (channels, { choice, seed }) => {
      const clients = channels.map((channel) => new InvocationClient(channel));
      // Each vector is the content of an id of its own.
      const inputs = makeVectors(choice, seed.seed).map((vector, id) => (
        { id, content: vector.join(","), metadata: [] }
      ));
      const numbers = keyRequests(choice, seed);
      return caller(
        (connection, options) => clients[connection].invoke(inputs[numbers.next()], options),
        outcomeOfInvoke,
      );
    },
  },
};

/** The callers of one thread of a load, one for each of its workloads. */
export function benchCallers({ plan, thread, channels }: BenchCallerOptions): Caller<unknown>[] {
  const { seed } = plan;
  return partsOf(plan.workload).map(({ workload }) => {
    if (workload.kind === "method") {
      const requests = { choice: workload.choice, seed: { seed, thread } };
      return METHODS[workload.method].open(channels, requests);
    }
    if (workload.kind === "infer") {
      const { call, outcomeOf } = inferenceCaller(channels, workload, { seed, thread });
      return caller(call, outcomeOf);
    }
    return workloadCaller(channels, workloadRequests(workload, { seed, thread }));
  });
}

/**
 * Makes the server ready for a load, so that no call fails for want of coefficients or numbers: sets
 * coefficients, all 1, of the length that it needs, and all keys whose factorials it asks for. A file and
 * the NumStore workload bring their own. Those of several workloads are of the same length.
 *
 * @returns the workload that is to be called: what models take has been asked for
 * @throws {GrpcError} when the server does not answer; OperationError when it refuses, or a model takes no
 *   such requests.
 */
export async function prepareBench(
  channel: Channel,
  { workload, deadlineMs }: Pick<LoadPlan, "workload" | "deadlineMs">,
): Promise<LoadWorkload> {
  const options = { timeoutMs: deadlineMs };
  if (workload.kind !== "mix") return await prepareSingle(channel, workload, options);
  const parts = [];
  for (const part of workload.parts) {
    parts.push({ ...part, workload: await prepareSingle(channel, part.workload, options) });
  }
  return { kind: "mix", parts };
}

async function prepareSingle(
  channel: Channel,
  workload: SingleWorkload,
  options: CallOptions,
): Promise<SingleWorkload> {
  if (workload.kind === "random") await setCoefs(channel, MATRIX_COLUMNS, options);
  if (workload.kind === "method") {
    await METHODS[workload.method].prepare?.(channel, workload.choice, options);
  }
  if (workload.kind === "infer") return await resolveInference(channel, workload, options);
  return workload;
}

async function setCoefs(channel: Channel, inputs: number, options: CallOptions): Promise<void> {
  const coefs = new Float32Array(inputs).fill(1);
  const { error } = await new ModelServerClient(channel).setCoefs(coefs, options);
  if (error !== "") throw new OperationError("failed-precondition", error);
}

async function setKeys(
  channel: Channel,
  { distinct }: RequestChoice,
  options: CallOptions,
): Promise<void> {
  const client = new NumStoreClient(channel);
  for (let first = 0; first < distinct; first += KEYS_AT_ONCE) {
    const count = Math.min(KEYS_AT_ONCE, distinct - first);
    const keys = Array.from({ length: count }, (_, i) => first + i);
    await Promise.all(keys.map((key) => setNum(client, key, options)));
  }
}

function setNum(
  client: NumStoreClient,
  key: number,
  options: CallOptions,
): Promise<SetNumResponse> {
  return client.setNum(keyOf(key), VALUES[key % VALUES.length], options);
}

function keyOf(key: number): string {
  return `key${key}`;
}

function workloadCaller(
  channels: readonly Channel[],
  requests: ReturnType<typeof workloadRequests>,
): Caller<unknown> {
  const modelServers = channels.map((channel) => new ModelServerClient(channel));
  const numStores = channels.map((channel) => new NumStoreClient(channel));
  return caller<PredictResponse | SetCoefsResponse | SetNumResponse | FactResponse>(
    (connection, options) => {
      const request = requests.next();
      switch (request.type) {
        case "Predict":
          return modelServers[connection].predict(request.value.inputs, options);
        case "SetCoefs":
          return modelServers[connection].setCoefs(request.value.coefs, options);
        case "SetNum":
          return numStores[connection].setNum(request.value.key, request.value.value, options);
        case "Fact":
          return numStores[connection].fact(request.value.key, options);
      }
    },
    (response) => {
      if ("output" in response) return outcomeOfPredict(response);
      if ("success" in response) return outcomeOfSetCoefs(response);
      return "hit" in response ? outcomeOfFact(response) : ok();
    },
  );
}

/** A load does not look at what its responses hold, so it need not know their type. */
function caller<Response>(
  call: (connection: number, options: BenchCallOptions) => Promise<Response>,
  outcomeOf: (response: Response) => Outcome,
): Caller<unknown> {
  const typed: Caller<Response> = { call, outcomeOf, codeOf };
  return typed as Caller<unknown>;
}

function outcomeOfPredict({ cache_hit, error }: PredictResponse): Outcome {
  if (error !== "") return "error";
  return cache_hit ? "hit" : "miss";
}

function outcomeOfSetCoefs({ error }: SetCoefsResponse): Outcome {
  return error === "" ? "ok" : "error";
}

function outcomeOfInvoke({ status }: InvocationResponse): Outcome {
  return status === "OK" ? "ok" : "error";
}

function outcomeOfFact({ hit, error }: FactResponse): Outcome {
  if (error !== "") return "error";
  return hit ? "hit" : "miss";
}

function ok(): Outcome {
  return "ok";
}

function codeOf(error: unknown): string {
  return codeName(error instanceof GrpcError ? error.code : Code.UNKNOWN);
}
