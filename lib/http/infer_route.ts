import { BINARY_TYPE, checkContentType, JSON_TYPE } from "./content_type.ts";
import { HttpInferCall } from "./http_call.ts";
import { readInferRequest } from "./infer_request.ts";
import { formatInferResponse } from "./infer_response.ts";
import { receiveBody } from "./request_body.ts";
import { encodeResponse } from "./response_encoding.ts";
import type { HttpCall, HttpContext, Route } from "./route.ts";

/** Inference. Source: Open Inference Protocol v2, "Inference"; binary tensor data extension. */
export const INFER_ROUTE: Route = {
  method: "POST",
  path: "/v2/models/{model}[/versions/{version}]/infer",
  operation: "infer",
  handler: infer,
};

async function infer(
  { request, model, modelVersion }: HttpCall,
  { backend, bodyLimits, budget }: HttpContext,
): Promise<Response> {
  checkContentType(request, [JSON_TYPE, BINARY_TYPE]);
  using body = await receiveBody(request, bodyLimits, budget);
  const headerLength = request.headers.get("inference-header-content-length");
  const read = readInferRequest(model, modelVersion, body.bytes, headerLength);
  const call = new HttpInferCall(request, INFER_ROUTE.path, read.timeoutMs);
  const pending = backend.infer(read.request, call);
  const response = pending instanceof Promise ? await call.wait(pending) : pending;
  const { body: answer, headers } = formatInferResponse(response, read);
  response.recycle?.();
  return await encodeResponse(request, answer, headers);
}
