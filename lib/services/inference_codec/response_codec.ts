import type { Codec } from "../../grpc/codec.ts";
import type { InferResponse } from "../../inference/infer.ts";
import { NameCache } from "../../protobuf/name_cache.ts";
import { readText, textFieldBytes, writeTextField } from "../../protobuf/text.ts";
import { WireReader, WireType } from "../../protobuf/wire.ts";
import { OwnMemory } from "./element_memory.ts";
import { TensorList } from "./tensor_list.ts";
import { goesRaw, tensorFieldsBytes, writeRawFields, writeTensorFields } from "./tensor_writer.ts";

const MODEL_NAME_TAG = (1 << 3) | WireType.LENGTH;
const MODEL_VERSION_TAG = (2 << 3) | WireType.LENGTH;
const ID_TAG = (3 << 3) | WireType.LENGTH;
const OUTPUT_TAG = (5 << 3) | WireType.LENGTH;
const RAW_TAG = (6 << 3) | WireType.LENGTH;

const ROLE = { tensors: "outputs", raw: "raw_output_contents" } as const;

/** What of a model's answer stands in the message; where it came from is metadata. */
export type InferAnswer = Pick<InferResponse, "model" | "version" | "outputs" | "recycle">;

/** A ModelInferResponse. */
export interface ModelInferResponse {
  /** The request's; empty for none. */
  readonly id: string;
  /** Whether tensors' data travel raw; those with FP16 or BF16 among them do anyway. */
  readonly raw: boolean;
  readonly answer: InferAnswer;
}

/**
 * ModelInferResponse by hand. The tensors of one that is decoded are its own; its parameters are skipped.
 *
 * Source: Open Inference Protocol v2, gRPC, ModelInfer.
 */
export class InferResponseCodec implements Codec<ModelInferResponse> {
  readonly #reader = new WireReader();
  readonly #names = new NameCache();
  readonly #outputs = new TensorList(ROLE, this.#names, new OwnMemory());

  /**
   * @throws {RangeError | TypeError} when the bytes are no such message
   * @throws {OperationError} `invalid-argument` when a tensor's data are not as its shape says
   */
  decode(bytes: Uint8Array, start: number, end: number): ModelInferResponse {
    const reader = this.#reader;
    const names = this.#names;
    this.#outputs.reset();
    reader.reset(bytes, start, end);
    let model = "";
    let version = "";
    let id = "";
    while (reader.more) {
      const tag = reader.readTag();
      if (tag === MODEL_NAME_TAG) model = names.read(reader);
      else if (tag === MODEL_VERSION_TAG) version = names.read(reader);
      else if (tag === ID_TAG) id = readText(reader);
      else if (tag === OUTPUT_TAG) this.#outputs.readHead(reader);
      else if (tag === RAW_TAG) this.#outputs.readRaw(reader);
      else reader.skipField(tag);
    }
    const outputs = this.#outputs.tensors(reader);
    return { id, raw: this.#outputs.raw, answer: { model, version, outputs } };
  }

  /** The length of the message, exactly. */
  encodedBytesMax({ id, raw: asked, answer }: ModelInferResponse): number {
    const { model, version, outputs } = answer;
    return textFieldBytes(model) + textFieldBytes(version) + textFieldBytes(id) +
      tensorFieldsBytes(outputs, goesRaw(outputs, asked));
  }

  /** The answer's memory is given back: nobody reads it behind this. */
  encode(
    { id, raw: asked, answer }: ModelInferResponse,
    bytes: Uint8Array,
    offset: number,
  ): number {
    const { model, version, outputs } = answer;
    const raw = goesRaw(outputs, asked);
    let at = writeTextField(MODEL_NAME_TAG, model, bytes, offset);
    at = writeTextField(MODEL_VERSION_TAG, version, bytes, at);
    at = writeTextField(ID_TAG, id, bytes, at);
    at = writeTensorFields(OUTPUT_TAG, outputs, raw, bytes, at);
    if (raw) at = writeRawFields(RAW_TAG, outputs, bytes, at);
    answer.recycle?.();
    return at;
  }
}
