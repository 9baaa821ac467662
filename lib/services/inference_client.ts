import type { Channel } from "../grpc/channel.ts";
import type { CallOptions } from "../grpc/client_call.ts";
import type { InferRequest } from "../inference/infer.ts";
import type { ServerAbout } from "../inference/server_about.ts";
import type { ModelInferResponse } from "./inference_codec/response_codec.ts";
import {
  type InferenceMethods,
  inferenceMethods,
  type ModelMetadataResponse,
} from "./inference_contract.ts";

/** An inference as a caller asks for it. */
export type Inference = Pick<InferRequest, "model" | "inputs"> & Partial<InferRequest> & {
  /** Comes back in the response. */
  readonly id?: string;
  /** False sends data in typed contents rather than raw, and gets them so. */
  readonly raw?: boolean;
};

/** Calls `service inference.GRPCInferenceService` over a channel. Rejections are those of `Channel.unary`. */
export class InferenceClient {
  readonly #channel: Channel;
  readonly #methods: InferenceMethods = inferenceMethods();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Runs a model. The tensors of the answer are the caller's; `cache` and timing come as trailers. */
  infer(inference: Inference, options?: CallOptions): Promise<ModelInferResponse> {
    const { id = "", raw = true, ...asked } = inference;
    const infer: InferRequest = {
      version: undefined,
      outputs: undefined,
      priority: undefined,
      parameters: undefined,
      ...asked,
    };
    const request = { id, raw, timeoutMs: undefined, infer, refused: undefined };
    return this.#channel.unary(this.#methods.modelInfer, request, options);
  }

  /** Dimensions come as decimal text in proto-loader's messages, as numbers here. */
  async modelMetadata(
    model: string,
    version?: string,
    options?: CallOptions,
  ): Promise<ModelMetadataResponse> {
    const request = { name: model, version: version ?? "" };
    const response = await this.#channel.unary(this.#methods.modelMetadata, request, options);
    const numbered = (specs: ModelMetadataResponse["inputs"]) =>
      specs.map((spec) => ({ ...spec, shape: spec.shape.map(Number) }));
    return {
      ...response,
      inputs: numbered(response.inputs),
      outputs: numbered(response.outputs),
    };
  }

  serverMetadata(options?: CallOptions): Promise<ServerAbout> {
    return this.#channel.unary(this.#methods.serverMetadata, {}, options);
  }

  /** Whether all serves that should. */
  async serverReady(options?: CallOptions): Promise<boolean> {
    return (await this.#channel.unary(this.#methods.serverReady, {}, options)).ready;
  }

  async modelReady(model: string, version?: string, options?: CallOptions): Promise<boolean> {
    const request = { name: model, version: version ?? "" };
    return (await this.#channel.unary(this.#methods.modelReady, request, options)).ready;
  }
}
