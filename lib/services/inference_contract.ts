import type { Codec } from "../grpc/codec.ts";
import { LazyProtoFile } from "../grpc/lazy_proto_file.ts";
import type { Method } from "../grpc/service.ts";
import type { ServerAbout } from "../inference/server_about.ts";
import type { IndexEntry } from "../inference/backend.ts";
import type { ProtoSource } from "../protobuf/file_descriptor.ts";
import type { TensorSpec } from "../tensor/tensor.ts";
import protoText from "../../proto/inference/grpc_service.proto" with { type: "text" };
import { OwnMemory, ScratchMemory } from "./inference_codec/element_memory.ts";
import type { ModelInferRequest } from "./inference_codec/infer_request.ts";
import { InferRequestCodec } from "./inference_codec/request_codec.ts";
import { InferResponseCodec, type ModelInferResponse } from "./inference_codec/response_codec.ts";
import {
  type ModelStreamInferResponse,
  StreamResponseCodec,
} from "./inference_codec/stream_response_codec.ts";
import type { ModelConfigMessage } from "./inference_config.ts";
import type { ModelStatisticsMessage } from "./inference_statistics.ts";

export type Empty = Readonly<Record<never, never>>;

/** A model, and a version of it; an empty version is the policy's. */
export interface ModelRequest {
  readonly name: string;
  readonly version: string;
}

export interface ReadyResponse {
  readonly ready: boolean;
}

export interface ModelMetadataResponse {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

export interface RepositoryIndexRequest {
  readonly repository_name: string;
  readonly ready: boolean;
}

/** A request to load or unload a model. */
export interface RepositoryModelRequest {
  readonly repository_name: string;
  readonly model_name: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** The methods of `service inference.GRPCInferenceService`. */
export interface InferenceMethods {
  readonly serverLive: Method<"unary", Empty, { readonly live: boolean }>;
  readonly serverReady: Method<"unary", Empty, ReadyResponse>;
  readonly modelReady: Method<"unary", ModelRequest, ReadyResponse>;
  readonly serverMetadata: Method<"unary", Empty, ServerAbout>;
  readonly modelMetadata: Method<"unary", ModelRequest, ModelMetadataResponse>;
  readonly modelInfer: Method<"unary", ModelInferRequest, ModelInferResponse>;
  readonly modelStreamInfer: Method<"bidiStreaming", ModelInferRequest, ModelStreamInferResponse>;
  readonly modelConfig: Method<"unary", ModelRequest, { readonly config: ModelConfigMessage }>;
  readonly modelStatistics: Method<
    "unary",
    ModelRequest,
    { readonly model_stats: readonly ModelStatisticsMessage[] }
  >;
  readonly repositoryIndex: Method<
    "unary",
    RepositoryIndexRequest,
    { readonly models: readonly IndexEntry[] }
  >;
  readonly repositoryModelLoad: Method<"unary", RepositoryModelRequest, Empty>;
  readonly repositoryModelUnload: Method<"unary", RepositoryModelRequest, Empty>;
}

/** `grpc_service.proto`, as others know it. */
export const inferenceSource: ProtoSource = {
  name: "inference/grpc_service.proto",
  text: protoText,
};

/**
 * The methods of `grpc_service.proto`, for one thread.
 *
 * Inferences have codecs of their own; the file is read by threads that are asked anything else. Tensors
 * of a ModelInferRequest are valid until the next one is decoded, or its handler has returned.
 */
export function inferenceMethods(): InferenceMethods {
  const file = new LazyProtoFile(protoText);
  const service = "inference.GRPCInferenceService";
  const infer: Codec<ModelInferRequest> = new InferRequestCodec(new ScratchMemory());
  const method = <Request, Response>(name: string) =>
    file.method<"unary", Request, Response>(service, name, "unary");
  return {
    serverLive: method("ServerLive"),
    serverReady: method("ServerReady"),
    modelReady: method("ModelReady"),
    serverMetadata: method("ServerMetadata"),
    modelMetadata: method("ModelMetadata"),
    modelInfer: {
      kind: "unary",
      path: `/${service}/ModelInfer`,
      request: infer,
      response: new InferResponseCodec(),
    },
    modelStreamInfer: {
      kind: "bidiStreaming",
      path: `/${service}/ModelStreamInfer`,
      // Requests of several streams are decoded before the first is answered.
      request: new InferRequestCodec(new OwnMemory()),
      response: new StreamResponseCodec(),
    },
    modelConfig: method("ModelConfig"),
    modelStatistics: method("ModelStatistics"),
    repositoryIndex: method("RepositoryIndex"),
    repositoryModelLoad: method("RepositoryModelLoad"),
    repositoryModelUnload: method("RepositoryModelUnload"),
  };
}
