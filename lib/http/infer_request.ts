import type { z } from "zod";
import { OperationError, quoted } from "../errors.ts";
import type { InferRequest, ParameterValue } from "../inference/infer.ts";
import { readRaw } from "../tensor/raw_bytes.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { HttpError } from "./http_error.ts";
import { JsonDocument } from "./json_document.ts";
import { checkJson } from "./json_request.ts";
import { readJsonTensor } from "./json_tensor.ts";
import { inferRequestSchema } from "./schemas.ts";

/** A request for inference, and how its answer is wanted. */
export interface ReadInferRequest {
  readonly request: InferRequest;
  readonly id: string | undefined;
  /** How long the client waits, in milliseconds; undefined for as long as it takes. */
  readonly timeoutMs: number | undefined;
  /** Whether an output of this name is to stand behind the JSON. */
  isBinary(output: string): boolean;
}

type RequestJson = z.output<typeof inferRequestSchema>;
type InputJson = RequestJson["inputs"][number];

/** Parameters of a request that are for the server, not for the model. */
const RESERVED = ["priority", "timeout", "binary_data_output"];

/** Parameters of a tensor that ask for what this server cannot do; ignoring them would give a wrong answer. */
const UNSUPPORTED = ["shared_memory_region", "classification"];

/**
 * Reads a request for inference: JSON, with the data of some inputs behind it in binary form.
 *
 * @param headerLength the value of `inference-header-content-length`, bytes of the JSON; null for all
 * @returns tensors that are views of `body` where they can be
 * @throws {HttpError} 400 naming the place, @throws {OperationError} `invalid-argument` naming the tensor
 *
 * Source: Open Inference Protocol v2, "Inference Request JSON Object"; binary tensor data extension.
 */
export function readInferRequest(
  model: string,
  version: string | undefined,
  body: Uint8Array,
  headerLength: string | null,
): ReadInferRequest {
  const jsonLength = readHeaderLength(headerLength, body.length);
  const document = JsonDocument.parse(body.subarray(0, jsonLength));
  const json = checkJson(inferRequestSchema, document.value);
  const { id, outputs = [] } = json;
  for (const output of outputs) refuseUnsupported("output", output);
  refuseRepeated(outputs.map(({ name }) => name));
  const binaryOutput = booleanOf(json.parameters, "binary_data_output");
  const binary = new Map(outputs.map((output) => [
    output.name,
    booleanOf(output.parameters, "binary_data"),
  ]));
  return {
    id,
    timeoutMs: timeoutOf(json.parameters),
    isBinary: (output) => binary.get(output) ?? binaryOutput ?? false,
    request: {
      model,
      version,
      inputs: readInputs(json.inputs, document, body.subarray(jsonLength)),
      outputs: outputs.length === 0 ? undefined : outputs.map(({ name }) => name),
      priority: countOf(json.parameters, "priority"),
      parameters: modelParameters(json.parameters, document),
    },
  };
}

/** An output asked for a thousand times would be an answer of a thousand times its size. */
function refuseRepeated(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw new HttpError(400, `Cannot read request: output ${quoted(name)} is asked for twice`);
    }
    seen.add(name);
  }
}

function readHeaderLength(headerLength: string | null, bodyLength: number): number {
  if (headerLength === null) return bodyLength;
  const length = /^\d{1,15}$/.test(headerLength) ? Number(headerLength) : NaN;
  if (length > 0 && length <= bodyLength) return length;
  const found = JSON.stringify(headerLength.slice(0, 32));
  throw new HttpError(
    400,
    `Cannot read request: inference-header-content-length ${found}, need 1 to ${bodyLength}, ` +
      "the bytes of the JSON in front",
  );
}

function readInputs(
  inputs: readonly InputJson[],
  document: JsonDocument,
  binary: Uint8Array,
): Tensor[] {
  let offset = 0;
  const tensors = inputs.map((input, index): Tensor => {
    const { data, parameters } = input;
    refuseUnsupported("input", input);
    const bytes = countOf(parameters, "binary_data_size");
    if (bytes === undefined) {
      return readJsonTensor(input, data, () => document.quotedAt(["inputs", index, "data"]));
    }
    if (data !== undefined) throw wrongInput(input, "it has both data and binary_data_size");
    const end = offset + bytes;
    if (end > binary.length) {
      throw wrongInput(
        input,
        `binary_data_size ${bytes}, ${binary.length - offset} bytes are left`,
      );
    }
    const tensor = readRaw(input, binary.subarray(offset, end));
    offset = end;
    return tensor;
  });
  if (offset === binary.length) return tensors;
  throw new HttpError(
    400,
    `Cannot read request: ${binary.length} bytes behind its JSON, its inputs' binary_data_size ` +
      `need ${offset}`,
  );
}

type Parameters = Readonly<Record<string, boolean | number | string>> | undefined;

function refuseUnsupported(
  kind: string,
  { name, parameters = {} }: { readonly name: string; readonly parameters?: Parameters },
): void {
  const found = UNSUPPORTED.find((parameter) => Object.hasOwn(parameters, parameter));
  if (found === undefined) return;
  throw new HttpError(400, `Cannot read ${kind} ${quoted(name)}: ${found} is not supported`);
}

function booleanOf(parameters: Parameters, name: string): boolean | undefined {
  const value = valueOf(parameters, name);
  if (value === undefined || typeof value === "boolean") return value;
  throw wrongParameter(name, value, "true or false");
}

function countOf(parameters: Parameters, name: string): number | undefined {
  const value = valueOf(parameters, name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw wrongParameter(name, value, "an integer from 0");
}

/** In microseconds; 0 is none. Source: Triton's schedule policy extension. */
function timeoutOf(parameters: Parameters): number | undefined {
  const timeoutUs = countOf(parameters, "timeout") ?? 0;
  return timeoutUs === 0 ? undefined : timeoutUs / 1_000;
}

function valueOf(parameters: Parameters, name: string): boolean | number | string | undefined {
  return parameters !== undefined && Object.hasOwn(parameters, name) ? parameters[name] : undefined;
}

function modelParameters(
  parameters: Parameters,
  document: JsonDocument,
): Record<string, ParameterValue> | undefined {
  const entries = Object.entries(parameters ?? {}).filter(([name]) => !RESERVED.includes(name));
  if (entries.length === 0) return undefined;
  return Object.fromEntries(entries.map(([name, value]) => {
    if (typeof value !== "number" || !Number.isInteger(value) || Number.isSafeInteger(value)) {
      return [name, value];
    }
    const digits = document.quotedAt(["parameters", name]);
    // One that was written with an exponent has no digits.
    return [name, typeof digits === "string" ? integerOf(name, digits) : value];
  }));
}

/** What the protocol's gRPC form has room for. */
function integerOf(name: string, digits: string): bigint {
  const integer = digits.length <= "-9223372036854775808".length ? BigInt(digits) : 2n ** 64n;
  if (integer === BigInt.asIntN(64, integer) || integer === BigInt.asUintN(64, integer)) {
    return integer;
  }
  throw wrongParameter(name, digits.slice(0, 32), "an integer of at most 64 bits");
}

function wrongParameter(name: string, found: unknown, need: string): HttpError {
  return new HttpError(
    400,
    `Cannot read request: parameter ${name} is ${
      typeof found === "string" ? quoted(found) : String(found)
    }, need ${need}`,
  );
}

function wrongInput({ name }: InputJson, problem: string): OperationError {
  return new OperationError("invalid-argument", `Cannot read input ${quoted(name)}: ${problem}`);
}
