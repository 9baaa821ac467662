import { OperationError, quoted } from "../errors.ts";
import type { ServerCall, ServiceRegistry } from "../grpc/service.ts";
import type { InferenceBackend } from "../inference/backend.ts";
import type { InferResponse } from "../inference/infer.ts";
import { SERVER_ABOUT } from "../inference/server_about.ts";
import { inferCall } from "./inference_call.ts";
import type { ModelInferRequest } from "./inference_codec/infer_request.ts";
import type { ModelInferResponse } from "./inference_codec/response_codec.ts";
import { configMessage } from "./inference_config.ts";
import type {
  Empty,
  InferenceMethods,
  ModelRequest,
  RepositoryIndexRequest,
  RepositoryModelRequest,
} from "./inference_contract.ts";
import { statisticsMessage } from "./inference_statistics.ts";
import { answerStream } from "./inference_stream.ts";
import { addTrailers } from "./inference_trailers.ts";
import { statusOfError } from "./status_of_error.ts";

/**
 * Adds `service inference.GRPCInferenceService` to a registry: the Open Inference Protocol v2 with Triton's
 * extensions for the repository, configuration, statistics and streams.
 *
 * A ModelInfer whose answer is there at once is answered in the same turn. Its trailing metadata say
 * `cache` (`hit`, `miss` or `coalesced`) of a model that has one, and `server-timing`. What is wrong with
 * a call is its status; with a request of a stream, its answer's `error_message`.
 */
export function addInference(
  registry: ServiceRegistry,
  methods: InferenceMethods,
  backend: InferenceBackend,
): void {
  registry.add(methods.serverLive, () => ({ live: true }));
  registry.add(methods.serverReady, () => ({ ready: backend.isReady() }));
  registry.add(methods.modelReady, ({ name, version }) => ({
    ready: backend.isModelReady(name, versionOf(version)),
  }));
  registry.add(methods.serverMetadata, () => SERVER_ABOUT);
  registry.add(methods.modelInfer, (request, call) => infer(backend, request, call));
  registry.add(
    methods.modelStreamInfer,
    (requests, call) => answerStream(backend, requests, call),
  );
  registry.add(methods.modelMetadata, (request) => translated(() => metadata(backend, request)));
  registry.add(methods.modelConfig, (request) => translated(() => config(backend, request)));
  registry.add(
    methods.modelStatistics,
    (request) => translated(() => statistics(backend, request)),
  );
  registry.add(
    methods.repositoryIndex,
    (request, call) => rejecting(index(backend, request, call)),
  );
  registry.add(
    methods.repositoryModelLoad,
    (request, call) => rejecting(load(backend, request, call)),
  );
  registry.add(
    methods.repositoryModelUnload,
    (request, call) => rejecting(unload(backend, request, call)),
  );
}

function infer(
  backend: InferenceBackend,
  request: ModelInferRequest,
  call: ServerCall,
): ModelInferResponse | Promise<ModelInferResponse> {
  const { id, raw, infer, timeoutMs, refused } = request;
  try {
    if (refused !== undefined) throw refused;
    const answer = backend.infer(infer, inferCall(call, timeoutMs));
    return answer instanceof Promise
      ? answerLater(answer, id, raw, call)
      : answerNow(answer, id, raw, call);
  } catch (error) {
    throw statusOfError(error);
  }
}

function answerNow(
  answer: InferResponse,
  id: string,
  raw: boolean,
  call: ServerCall,
): ModelInferResponse {
  addTrailers(call, answer);
  return { id, raw, answer };
}

/** Without the request: its tensors are not valid any more. */
async function answerLater(
  answer: Promise<InferResponse>,
  id: string,
  raw: boolean,
  call: ServerCall,
): Promise<ModelInferResponse> {
  return answerNow(await rejecting(answer), id, raw, call);
}

function metadata(backend: InferenceBackend, { name, version }: ModelRequest) {
  const { versions, platform, inputs, outputs } = backend.metadata(name, versionOf(version));
  return { name, versions, platform, inputs, outputs };
}

function config(backend: InferenceBackend, { name, version: text }: ModelRequest) {
  const version = versionOf(text);
  return {
    config: configMessage(backend.metadata(name, version), backend.config(name, version)),
  };
}

function statistics(backend: InferenceBackend, { name, version }: ModelRequest) {
  const all = backend.statistics(name === "" ? undefined : name, versionOf(version));
  return { model_stats: all.map(statisticsMessage) };
}

async function index(
  backend: InferenceBackend,
  { repository_name: repository, ready }: RepositoryIndexRequest,
  { signal }: ServerCall,
) {
  assertNoRepository(repository);
  const models = await backend.index(signal);
  return { models: ready ? models.filter(({ state }) => state === "READY") : models };
}

async function load(
  backend: InferenceBackend,
  request: RepositoryModelRequest,
  { signal }: ServerCall,
): Promise<Empty> {
  const { repository_name: repository, model_name: model, parameters } = request;
  assertNoRepository(repository);
  const [parameter] = Object.keys(parameters);
  if (parameter !== undefined) {
    throw new OperationError(
      "invalid-argument",
      `Cannot load ${quoted(model)}: parameter ${quoted(parameter)} is not ` +
        "supported, models are loaded as the repository has them",
    );
  }
  await backend.load(model, signal);
  return {};
}

async function unload(
  backend: InferenceBackend,
  { repository_name: repository, model_name: model }: RepositoryModelRequest,
  { signal }: ServerCall,
): Promise<Empty> {
  assertNoRepository(repository);
  await backend.unload(model, signal);
  return {};
}

/** There is one, which has no name. */
function assertNoRepository(name: string): void {
  if (name === "") return;
  throw new OperationError("not-found", `Cannot find repository ${quoted(name)}`);
}

/** In the protocol the absent version is the empty one. */
function versionOf(version: string): string | undefined {
  return version === "" ? undefined : version;
}

function translated<Result>(action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw statusOfError(error);
  }
}

async function rejecting<Result>(result: Promise<Result>): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    throw statusOfError(error);
  }
}
