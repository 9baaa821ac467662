import type { Caller } from "../bench/caller.ts";
import type { ModelChoice, RequestChoice, SingleWorkload } from "../bench/load_plan.ts";
import { keyRequests, makeVectors, type ThreadSeed } from "../bench/requests.ts";
import { OperationError } from "../errors.ts";
import type { Channel } from "../grpc/channel.ts";
import type { CallOptions } from "../grpc/client_call.ts";
import { BENCH_FLOATS_MAX } from "../limits.ts";
import type { FixedArray } from "../tensor/datatype.ts";
import { encodeBf16, encodeFp16 } from "../tensor/half.ts";
import { elementCount, type Tensor, type TensorSpec } from "../tensor/tensor.ts";
import { InferenceClient } from "./inference_client.ts";
import type { ModelInferRequest } from "./inference_codec/infer_request.ts";
import type { ModelInferResponse } from "./inference_codec/response_codec.ts";
import { inferenceMethods } from "./inference_contract.ts";
import { ModelServerClient } from "./modelserver_client.ts";

/** A load of ModelInfer. */
export type InferWorkload = Extract<SingleWorkload, { kind: "infer" }>;

/** What ModelServer's model is called under V2, and its platform: without coefficients it answers nothing. */
const LINEAR = "linear";

/** The size of a dimension that may be any, unless it is said. */
const FREE_DIMENSION = 10;

/** A datatype that vectors of float32 can be told in. */
interface Floats {
  /** How many whole numbers from 0 on it holds, and so how many vectors stay different. */
  readonly distinctMax: number;
  of(values: Float32Array): FixedArray;
}

const FLOATS: Readonly<Record<string, Floats>> = {
  FP32: { distinctMax: 2 ** 24, of: (values) => values },
  FP64: { distinctMax: 2 ** 24, of: (values) => Float64Array.from(values) },
  FP16: { distinctMax: 2 ** 11, of: (values) => Uint16Array.from(values, encodeFp16) },
  BF16: { distinctMax: 2 ** 8, of: (values) => Uint16Array.from(values, encodeBf16) },
};

/**
 * Asks the server what the model takes, and settles what its requests hold. ModelServer's own linear model
 * gets coefficients, all 1.
 *
 * @returns the workload with the tensors of a request, and the sum of their elements for `inputs`
 * @throws {GrpcError} when the server does not answer, or has no such model
 * @throws {OperationError} `invalid-argument` when the model takes anything but floats, or no such requests
 */
export async function resolveInference(
  channel: Channel,
  { model, choice }: InferWorkload,
  options: CallOptions,
): Promise<InferWorkload> {
  const { name, version } = model;
  const client = new InferenceClient(channel);
  const { inputs, platform } = await client.modelMetadata(name, version, options);
  const { distinct } = choice;
  assertTakes(model, choice, inputs);
  const free = choice.inputs ?? FREE_DIMENSION;
  const tensors = inputs.map(({ name, datatype, shape }) => ({
    name,
    datatype,
    shape: shape.map((size, axis) => size >= 0 ? size : axis === 0 ? model.rows ?? 1 : free),
  }));
  const floats = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  if (floats === 0) throw cannot(model, "its inputs have no elements");
  if (floats * distinct > BENCH_FLOATS_MAX) {
    const found = `${distinct} requests of ${floats} elements are ${floats * distinct}`;
    throw cannot(model, `${found}, at most ${BENCH_FLOATS_MAX}`);
  }
  if (name === LINEAR && platform === LINEAR) {
    const [, columns] = tensors[0].shape;
    await new ModelServerClient(channel).setCoefs(new Float32Array(columns).fill(1), options);
  }
  return { kind: "infer", model: { ...model, tensors }, choice: { ...choice, inputs: floats } };
}

function assertTakes(
  model: ModelChoice,
  { inputs: free, distinct }: RequestChoice,
  specs: readonly TensorSpec[],
): void {
  for (const { name, datatype } of specs) {
    if (Object.hasOwn(FLOATS, datatype)) continue;
    const able = Object.keys(FLOATS).join(", ");
    throw cannot(model, `its input "${name}" is ${datatype}, this client makes ${able}`);
  }
  const most = specs.length === 0 ? Infinity : FLOATS[specs[0].datatype].distinctMax;
  if (distinct > most) {
    const { name, datatype } = specs[0];
    throw cannot(
      model,
      `input "${name}" of ${datatype} has ${most} distinct values, not ${distinct}`,
    );
  }
  if (model.rows !== undefined && !specs.some(({ shape }) => shape[0] === -1)) {
    throw cannot(model, `it takes no batches, so none of ${model.rows} rows`);
  }
  const isFree = specs.some(({ shape }) => shape.some((size, axis) => axis > 0 && size === -1));
  if (free !== undefined && !isFree) {
    const shapes = specs.map(({ shape }) => `[${shape}]`).join(" and ");
    throw cannot(model, `no dimension of ${shapes} beside the batch can be ${free}`);
  }
}

function cannot({ name }: ModelChoice, why: string): OperationError {
  return new OperationError("invalid-argument", `Cannot call model "${name}": ${why}`);
}

/** Calls ModelInfer with raw tensors, which are made before the first call, as the requests around them are. */
export function inferenceCaller(
  channels: readonly Channel[],
  { model, choice }: InferWorkload,
  seed: ThreadSeed,
): Omit<Caller<ModelInferResponse>, "codeOf"> {
  const method = inferenceMethods().modelInfer;
  const requests = makeVectors(choice, seed.seed).map((values) => requestOf(model, values));
  const numbers = keyRequests(choice, seed);
  return {
    call: (connection, options) =>
      channels[connection].unary(method, requests[numbers.next()], options),
    // Whether it is a hit stands in the trailers.
    outcomeOf: () => "ok",
  };
}

/** Shapes: values (elements of all tensors,), one tensor's behind the other's. */
function requestOf(
  { name, version, tensors }: ModelChoice,
  values: Float32Array,
): ModelInferRequest {
  let start = 0;
  const inputs = tensors.map(({ name, datatype, shape }): Tensor => {
    const end = start + elementCount(shape);
    const data = FLOATS[datatype].of(values.subarray(start, end));
    start = end;
    return { name, datatype, shape, data } as Tensor;
  });
  const asked = { outputs: undefined, priority: undefined, parameters: undefined };
  const infer = { model: name, version, inputs, ...asked };
  return { id: "", raw: true, timeoutMs: undefined, infer, refused: undefined };
}
