import type { Channel } from "../grpc/channel.ts";
import type { CallOptions } from "../grpc/client_call.ts";
import {
  type ModelServerMethods,
  modelServerMethods,
  type PredictResponse,
  type SetCoefsResponse,
  type Vector,
} from "./modelserver_contract.ts";

/** Calls `service ModelServer` over a channel. Rejections are those of `Channel.unary`. */
export class ModelServerClient {
  readonly #channel: Channel;
  readonly #methods: ModelServerMethods = modelServerMethods();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** Shapes: coefs (n,), sent as float32. */
  setCoefs(coefs: Vector, options?: CallOptions): Promise<SetCoefsResponse> {
    return this.#channel.unary(this.#methods.setCoefs, { coefs }, options);
  }

  /** Shapes: inputs (n,), sent as float32; output a scalar. */
  predict(inputs: Vector, options?: CallOptions): Promise<PredictResponse> {
    return this.#channel.unary(this.#methods.predict, { inputs }, options);
  }
}
