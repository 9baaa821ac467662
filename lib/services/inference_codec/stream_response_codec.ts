import type { Codec } from "../../grpc/codec.ts";
import { readText, textFieldBytes, writeTextField } from "../../protobuf/text.ts";
import { varintBytes, WireReader, WireType, writeVarint } from "../../protobuf/wire.ts";
import { InferResponseCodec, type ModelInferResponse } from "./response_codec.ts";

const ERROR_TAG = (1 << 3) | WireType.LENGTH;
const RESPONSE_TAG = (2 << 3) | WireType.LENGTH;

/** A ModelStreamInferResponse. */
export interface ModelStreamInferResponse {
  /** Why there is no answer; empty on success. */
  readonly error: string;
  /** With an error it says which request it is about. */
  readonly response: ModelInferResponse;
}

const NO_RESPONSE: ModelInferResponse = {
  id: "",
  raw: true,
  answer: { model: "", version: "", outputs: [] },
};

/** ModelStreamInferResponse by hand; throws what InferResponseCodec throws. */
export class StreamResponseCodec implements Codec<ModelStreamInferResponse> {
  readonly #reader = new WireReader();
  readonly #codec = new InferResponseCodec();

  decode(bytes: Uint8Array, start: number, end: number): ModelStreamInferResponse {
    const reader = this.#reader;
    reader.reset(bytes, start, end);
    let error = "";
    let response = NO_RESPONSE;
    while (reader.more) {
      const tag = reader.readTag();
      if (tag === ERROR_TAG) error = readText(reader);
      else if (tag === RESPONSE_TAG) response = this.#readResponse(reader);
      else reader.skipField(tag);
    }
    return { error, response };
  }

  /** The length of the message, exactly. */
  encodedBytesMax({ error, response }: ModelStreamInferResponse): number {
    const length = this.#codec.encodedBytesMax(response);
    return textFieldBytes(error) + 1 + varintBytes(length) + length;
  }

  encode(message: ModelStreamInferResponse, bytes: Uint8Array, offset: number): number {
    const { error, response } = message;
    let at = writeTextField(ERROR_TAG, error, bytes, offset);
    bytes[at++] = RESPONSE_TAG;
    at = writeVarint(this.#codec.encodedBytesMax(response), bytes, at);
    return this.#codec.encode(response, bytes, at);
  }

  #readResponse(reader: WireReader): ModelInferResponse {
    const length = reader.readLength();
    const { bytes, at } = reader;
    reader.skipBytes(length);
    return this.#codec.decode(bytes, at, at + length);
  }
}
