import type { Channel } from "../grpc/channel.ts";
import type { CallOptions } from "../grpc/client_call.ts";
import {
  type FactResponse,
  type NumStoreMethods,
  numStoreMethods,
  type SetNumResponse,
} from "./numstore_contract.ts";

/** Calls `service NumStore` over a channel. Rejections are those of `Channel.unary`. */
export class NumStoreClient {
  readonly #channel: Channel;
  readonly #methods: NumStoreMethods = numStoreMethods();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  /** @param value an int64 */
  setNum(key: string, value: bigint, options?: CallOptions): Promise<SetNumResponse> {
    return this.#channel.unary(this.#methods.setNum, { key, value }, options);
  }

  fact(key: string, options?: CallOptions): Promise<FactResponse> {
    return this.#channel.unary(this.#methods.fact, { key }, options);
  }
}
