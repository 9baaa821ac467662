import { OperationError } from "../../errors.ts";
import type { Codec } from "../../grpc/codec.ts";
import type { InferRequest, ParameterValue } from "../../inference/infer.ts";
import { INFER_ID_CHARS_MAX, INFER_TENSORS_MAX } from "../../limits.ts";
import { NameCache } from "../../protobuf/name_cache.ts";
import {
  readText,
  textBytes,
  textFieldBytes,
  writeText,
  writeTextField,
} from "../../protobuf/text.ts";
import { varintBytes, WireReader, WireType, writeVarint } from "../../protobuf/wire.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { ElementMemory } from "./element_memory.ts";
import type { ModelInferRequest } from "./infer_request.ts";
import { ParameterReader, parametersBytes, writeParameters } from "./parameters.ts";
import { RequestedOutputs } from "./requested_outputs.ts";
import { TensorList } from "./tensor_list.ts";
import { goesRaw, tensorFieldsBytes, writeRawFields, writeTensorFields } from "./tensor_writer.ts";

const MODEL_NAME_TAG = (1 << 3) | WireType.LENGTH;
const MODEL_VERSION_TAG = (2 << 3) | WireType.LENGTH;
const ID_TAG = (3 << 3) | WireType.LENGTH;
const PARAMETER_TAG = (4 << 3) | WireType.LENGTH;
const INPUT_TAG = (5 << 3) | WireType.LENGTH;
const OUTPUT_TAG = (6 << 3) | WireType.LENGTH;
const RAW_TAG = (7 << 3) | WireType.LENGTH;

const NAME_TAG = (1 << 3) | WireType.LENGTH;

const ROLE = { tensors: "inputs", raw: "raw_input_contents" } as const;

const MICROSECONDS_PER_MS = 1_000;

const NO_INPUTS: readonly Tensor[] = [];

/**
 * ModelInferRequest by hand.
 *
 * A message that is well-formed but says what cannot be (data that are not as their shape, a name twice)
 * is decoded with `refused`, so that a stream can answer it and go on.
 *
 * With ScratchMemory the tensors are valid until the next message is decoded, and no longer than the bytes
 * of this one: for handlers of unary calls that have read them when they return.
 *
 * Cost: about half a microsecond for a raw tensor of ten floats; more at memory speed.
 * Source: Open Inference Protocol v2, gRPC, ModelInfer; Triton's parameters `priority` and `timeout`.
 */
export class InferRequestCodec implements Codec<ModelInferRequest> {
  readonly #reader = new WireReader();
  readonly #names = new NameCache();
  readonly #parameters = new ParameterReader();
  readonly #inputs: TensorList;
  readonly #outputs = new RequestedOutputs(INFER_TENSORS_MAX);

  constructor(memory: ElementMemory) {
    this.#inputs = new TensorList(ROLE, this.#names, memory);
  }

  /** @throws {RangeError | TypeError} when the bytes are no such message */
  decode(bytes: Uint8Array, start: number, end: number): ModelInferRequest {
    const reader = this.#reader;
    const names = this.#names;
    this.#parameters.reset();
    this.#inputs.reset();
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
      else if (tag === PARAMETER_TAG) this.#parameters.readEntry(reader, names);
      else if (tag === INPUT_TAG) this.#inputs.readHead(reader);
      else if (tag === OUTPUT_TAG) this.#outputs.read(reader, names);
      else if (tag === RAW_TAG) this.#inputs.readRaw(reader);
      else reader.skipField(tag);
    }
    const request = this.#request(model, version === "" ? undefined : version, id);
    // The message is the caller's, and may be long.
    reader.reset(NO_BYTES, 0, 0);
    return request;
  }

  /** The length of the message, exactly. */
  encodedBytesMax(message: ModelInferRequest): number {
    const { id, infer } = message;
    const { model, version = "", inputs, outputs } = infer;
    let bytes = textFieldBytes(model) + textFieldBytes(version) + textFieldBytes(id);
    bytes += parametersBytes(parametersOf(message));
    bytes += tensorFieldsBytes(inputs, goesRaw(inputs, message.raw));
    for (const output of outputs ?? []) {
      const length = 1 + textBytes(output);
      bytes += 1 + varintBytes(length) + length;
    }
    return bytes;
  }

  /** @throws {TypeError} for a request that was refused when it was decoded */
  encode(message: ModelInferRequest, bytes: Uint8Array, offset: number): number {
    const { id, infer, refused } = message;
    if (refused !== undefined) throw new TypeError("Cannot encode a request that was refused");
    const { model, version = "", inputs, outputs } = infer;
    const raw = goesRaw(inputs, message.raw);
    let at = writeTextField(MODEL_NAME_TAG, model, bytes, offset);
    at = writeTextField(MODEL_VERSION_TAG, version, bytes, at);
    at = writeTextField(ID_TAG, id, bytes, at);
    at = writeParameters(PARAMETER_TAG, parametersOf(message), bytes, at);
    at = writeTensorFields(INPUT_TAG, inputs, raw, bytes, at);
    for (const output of outputs ?? []) {
      bytes[at++] = OUTPUT_TAG;
      at = writeVarint(1 + textBytes(output), bytes, at);
      bytes[at++] = NAME_TAG;
      at = writeText(output, bytes, at);
    }
    return raw ? writeRawFields(RAW_TAG, inputs, bytes, at) : at;
  }

  #request(model: string, version: string | undefined, id: string): ModelInferRequest {
    const raw = this.#inputs.raw;
    try {
      checkId(id);
      const inputs = this.#inputs.tensors(this.#reader);
      const outputs = this.#outputs.names();
      const priority = this.#parameters.takeInteger("priority");
      const timeout = this.#parameters.takeInteger("timeout");
      const timeoutMs = timeout === undefined || timeout === 0
        ? undefined
        : timeout / MICROSECONDS_PER_MS;
      const parameters = this.#parameters.values();
      const infer: InferRequest = { model, version, inputs, outputs, priority, parameters };
      return { id, raw, timeoutMs, infer, refused: undefined };
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      // What is too long to come back in an answer does not.
      const told = id.length > INFER_ID_CHARS_MAX ? "" : id;
      return refuse({ id: told, raw, model, version }, error);
    }
  }
}

const NO_BYTES = new Uint8Array(0);

function checkId(id: string): void {
  if (id.length <= INFER_ID_CHARS_MAX) return;
  throw new OperationError(
    "invalid-argument",
    `Cannot read request: its id has ${id.length} characters, at most ${INFER_ID_CHARS_MAX}`,
  );
}

/** What was asked for, and why nothing is done about it. */
function refuse(
  { id, raw, model, version }: {
    readonly id: string;
    readonly raw: boolean;
    readonly model: string;
    readonly version: string | undefined;
  },
  refused: OperationError,
): ModelInferRequest {
  const infer: InferRequest = {
    model,
    version,
    inputs: NO_INPUTS,
    outputs: undefined,
    priority: undefined,
    parameters: undefined,
  };
  return { id, raw, timeoutMs: undefined, infer, refused };
}

/** All parameters of a request as they travel. */
function parametersOf(
  { infer, timeoutMs }: ModelInferRequest,
): Readonly<Record<string, ParameterValue>> {
  const { parameters, priority } = infer;
  if (priority === undefined && timeoutMs === undefined) return parameters ?? NO_PARAMETERS;
  return {
    ...parameters,
    ...(priority === undefined ? {} : { priority }),
    ...(timeoutMs === undefined ? {} : { timeout: Math.round(timeoutMs * MICROSECONDS_PER_MS) }),
  };
}

const NO_PARAMETERS: Readonly<Record<string, ParameterValue>> = {};
