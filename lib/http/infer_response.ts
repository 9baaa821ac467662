import type { InferResponse } from "../inference/infer.ts";
import { formatServerTiming } from "../inference/server_timing.ts";
import { rawByteLength, writeRaw } from "../tensor/raw_bytes.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ReadInferRequest } from "./infer_request.ts";
import { formatJsonData } from "./json_tensor.ts";

/** An answer as it is sent, before its compression. */
export interface FormattedResponse {
  readonly body: string | Uint8Array<ArrayBuffer>;
  readonly headers: Record<string, string>;
}

/**
 * Writes an answer: JSON, with the outputs that were asked for in binary form behind it.
 *
 * @throws {OperationError} `invalid-argument` naming an output that has no JSON form
 *
 * Source: Open Inference Protocol v2, "Inference Response JSON Object"; binary tensor data extension.
 */
export function formatInferResponse(
  response: InferResponse,
  { id, isBinary }: Pick<ReadInferRequest, "id" | "isBinary">,
): FormattedResponse {
  const binary = response.outputs.filter(({ name }) => isBinary(name));
  const json = formatJson(response, id, binary);
  const headers = headersOf(response);
  if (binary.length === 0) {
    headers["content-type"] = "application/json";
    return { body: json, headers };
  }
  const head = utf8.encode(json);
  headers["content-type"] = "application/octet-stream";
  headers["inference-header-content-length"] = String(head.length);
  const length = binary.reduce((sum, output) => sum + rawByteLength(output), head.length);
  const body = new Uint8Array(length);
  body.set(head);
  let offset = head.length;
  for (const output of binary) offset = writeRaw(output, body, offset);
  return { body, headers };
}

const utf8 = new TextEncoder();

function headersOf({ cache, timing }: InferResponse): Record<string, string> {
  const headers: Record<string, string> = {};
  const times = formatServerTiming(timing);
  if (times !== "") headers["server-timing"] = times;
  if (cache !== undefined) headers.cache = cache;
  return headers;
}

function formatJson(
  { model, version, outputs }: InferResponse,
  id: string | undefined,
  binary: readonly Tensor[],
): string {
  const start = `{"model_name":${JSON.stringify(model)},"model_version":${JSON.stringify(version)}`;
  const named = id === undefined ? start : `${start},"id":${JSON.stringify(id)}`;
  const formatted = outputs.map((output) => formatOutput(output, binary.includes(output)));
  return `${named},"outputs":[${formatted.join(",")}]}`;
}

function formatOutput(output: Tensor, binary: boolean): string {
  const { name, datatype, shape } = output;
  const data = binary
    ? `"parameters":{"binary_data_size":${rawByteLength(output)}}`
    : `"data":${formatJsonData(output)}`;
  return `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape}],${data}}`;
}
