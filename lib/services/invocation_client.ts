import type { Channel } from "../grpc/channel.ts";
import type { CallOptions } from "../grpc/client_call.ts";
import type { RunInput } from "../invocation/run.ts";
import { type InvocationResponse, type InvokeMethod, invokeMethod } from "./invocation_contract.ts";

/** Calls `service invocation.v1.Invocation` over a channel. Rejections are those of `Channel.unary`. */
export class InvocationClient {
  readonly #channel: Channel;
  readonly #method: InvokeMethod = invokeMethod();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  invoke(input: RunInput, options?: CallOptions): Promise<InvocationResponse> {
    return this.#channel.unary(this.#method, { model_input: input }, options);
  }
}
