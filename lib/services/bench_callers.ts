import type { Caller, Outcome } from "../bench/caller.ts";
import type { BenchMethod, LoadPlan } from "../bench/load_plan.ts";
import { type RequestSource, vectorRequests, workloadRequests } from "../bench/requests.ts";
import { OperationError } from "../errors.ts";
import type { Channel } from "../grpc/channel.ts";
import type { CallOptions } from "../grpc/client_call.ts";
import { Code, codeName, GrpcError } from "../grpc/status.ts";
import { MATRIX_COLUMNS } from "../workload/random.ts";
import { ModelServerClient } from "./modelserver_client.ts";
import type { PredictResponse, SetCoefsResponse, Vector } from "./modelserver_contract.ts";

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
  /** Makes calls of one vector each. */
  open(channels: readonly Channel[], requests: RequestSource<Vector>, options: CallOptions): Caller<
    unknown
  >;
  /** Brings the server into the state that the calls need. */
  prepare?(channel: Channel, inputs: number, options: CallOptions): Promise<void>;
}

/** One entry for each name of `--method`. */
const METHODS: Readonly<Record<BenchMethod, Method>> = {
  predict: {
    open: (channels, requests, options) => {
      const clients = channels.map((channel) => new ModelServerClient(channel));
      return caller(
        (connection) => clients[connection].predict(requests.next(), options),
        outcomeOfPredict,
      );
    },
    prepare: setCoefs,
  },
  "set-coefs": {
    open: (channels, requests, options) => {
      const clients = channels.map((channel) => new ModelServerClient(channel));
      return caller(
        (connection) => clients[connection].setCoefs(requests.next(), options),
        outcomeOfSetCoefs,
      );
    },
  },
};

/** The caller of one thread of a load. */
export function benchCaller({ plan, thread, channels }: BenchCallerOptions): Caller<unknown> {
  const { workload, deadlineMs, seed } = plan;
  const options = { timeoutMs: deadlineMs };
  if (workload.kind === "method") {
    const requests = vectorRequests(workload.vectors, { seed, thread });
    return METHODS[workload.method].open(channels, requests, options);
  }
  return workloadCaller(channels, workloadRequests(workload, { seed, thread }), options);
}

/**
 * Makes the server ready for a load, so that no call fails for want of coefficients: sets some, all 1, of
 * the length that it needs. A file brings its own.
 *
 * @throws {GrpcError} when the server does not answer; OperationError when it refuses.
 */
export async function prepareBench(channel: Channel, plan: LoadPlan): Promise<void> {
  const { workload, deadlineMs } = plan;
  const options = { timeoutMs: deadlineMs };
  if (workload.kind === "random") await setCoefs(channel, MATRIX_COLUMNS, options);
  if (workload.kind !== "method") return;
  await METHODS[workload.method].prepare?.(channel, workload.vectors.inputs, options);
}

async function setCoefs(channel: Channel, inputs: number, options: CallOptions): Promise<void> {
  const coefs = new Float32Array(inputs).fill(1);
  const { error } = await new ModelServerClient(channel).setCoefs(coefs, options);
  if (error !== "") throw new OperationError("failed-precondition", error);
}

function workloadCaller(
  channels: readonly Channel[],
  requests: ReturnType<typeof workloadRequests>,
  options: CallOptions,
): Caller<unknown> {
  const clients = channels.map((channel) => new ModelServerClient(channel));
  return caller<PredictResponse | SetCoefsResponse>(
    (connection) => {
      const { type, value } = requests.next();
      return type === "Predict"
        ? clients[connection].predict(value.inputs, options)
        : clients[connection].setCoefs(value.coefs, options);
    },
    (response) => "success" in response ? outcomeOfSetCoefs(response) : outcomeOfPredict(response),
  );
}

/** A load does not look at what its responses hold, so it need not know their type. */
function caller<Response>(
  call: (connection: number) => Promise<Response>,
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

function codeOf(error: unknown): string {
  return codeName(error instanceof GrpcError ? error.code : Code.UNKNOWN);
}
