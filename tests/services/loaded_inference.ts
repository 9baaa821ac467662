import { ProtoFile } from "../../lib/grpc/proto_service.ts";
import type { ParameterValue } from "../../lib/inference/infer.ts";
import { CONTENT_FIELDS, contentField } from "../../lib/services/inference_codec/content_field.ts";
import type { ModelInferRequest } from "../../lib/services/inference_codec/infer_request.ts";
import type { ModelInferResponse } from "../../lib/services/inference_codec/response_codec.ts";
import { inferenceSource } from "../../lib/services/inference_contract.ts";
import { rawByteLength, writeRaw } from "../../lib/tensor/raw_bytes.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

const loaded = new ProtoFile(inferenceSource.text)
  .method<"unary", object, object>("inference.GRPCInferenceService", "ModelInfer", "unary");

/** What proto-loader makes of the same messages, to compare with. */
export const loadedRequest = loaded.request;
export const loadedResponse = loaded.response;

/** A request as proto-loader has it. */
export function plainRequest({ id, raw, timeoutMs, infer }: ModelInferRequest): object {
  const { model, version = "", inputs, outputs = [], priority, parameters } = infer;
  const all: Record<string, ParameterValue> = {
    ...parameters,
    ...(priority === undefined ? {} : { priority }),
    ...(timeoutMs === undefined ? {} : { timeout: Math.round(timeoutMs * 1_000) }),
  };
  return {
    parameters: Object.fromEntries(
      Object.entries(all).map(([key, value]) => [key, plainParameter(value)]),
    ),
    inputs: inputs.map((input) => plainTensor(input, raw)),
    outputs: outputs.map((name) => ({ parameters: {}, name })),
    raw_input_contents: raw ? inputs.map(rawOf) : [],
    model_name: model,
    model_version: version,
    id,
  };
}

/** A response as proto-loader has it. */
export function plainResponse({ id, raw, answer }: ModelInferResponse): object {
  return {
    parameters: {},
    outputs: answer.outputs.map((output) => plainTensor(output, raw)),
    raw_output_contents: raw ? answer.outputs.map(rawOf) : [],
    model_name: answer.model,
    model_version: answer.version,
    id,
  };
}

function plainParameter(value: ParameterValue): object {
  if (typeof value === "boolean") return { bool_param: value };
  if (typeof value === "string") return { string_param: value };
  if (typeof value === "bigint" && value >= 2n ** 63n) return { uint64_param: `${value}` };
  const isInteger = typeof value === "bigint" ||
    Number.isSafeInteger(value) && !Object.is(value, -0);
  return isInteger ? { int64_param: `${value}` } : { double_param: value };
}

function plainTensor(tensor: Tensor, raw: boolean): object {
  const { name, datatype, shape } = tensor;
  const head = { shape: shape.map(String), parameters: {}, name, datatype };
  if (raw) return { ...head, contents: null };
  const contents: Record<string, unknown> = Object.fromEntries(
    CONTENT_FIELDS.slice(1).map((field) => [field, []]),
  );
  contents[CONTENT_FIELDS[contentField(datatype) ?? 0]] = plainElements(tensor);
  return { ...head, contents };
}

function plainElements({ datatype, data }: Tensor): unknown[] {
  if (datatype === "BYTES") {
    return (data as readonly Uint8Array[]).map((bytes) => bytes.slice());
  }
  return Array.from(data as ArrayLike<number | bigint>, (element) => {
    if (datatype === "BOOL") return element === 1;
    return typeof element === "bigint" ? `${element}` : element;
  });
}

function rawOf(tensor: Tensor): Uint8Array {
  const bytes = new Uint8Array(rawByteLength(tensor));
  writeRaw(tensor, bytes, 0);
  return bytes;
}

/** A message of proto-loader's or ours, its bytes, which may be of another class, in hex. */
export function comparable(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value).toHex();
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, comparable(part)]));
}
