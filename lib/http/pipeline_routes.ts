import { OperationError } from "../errors.ts";
import type { InferCall } from "../inference/infer.ts";
import { PIPELINE_PREDICT_MS_MAX, PIPELINE_UPLOAD_BYTES_MAX } from "../limits.ts";
import type { PipelineWorkers, WorkerLoad } from "../pipeline/pipeline_workers.ts";
import { decodeBase64Line } from "../weights/base64_line.ts";
import { type FormField, readForm } from "./form.ts";
import { HttpInferCall } from "./http_call.ts";
import { HttpError } from "./http_error.ts";
import { receiveBody } from "./request_body.ts";
import { type HttpCall, type HttpContext, json, type Route } from "./route.ts";

const PREDICT_PATH = "/predict";

const RETRY_AFTER = { "retry-after": "1" };

/** The Pipeline: its workers' network, predictions by it, and what they do. Source: spec pipeline. */
export const PIPELINE_ROUTES: readonly Route[] = [
  {
    method: "PUT",
    path: "/set_weights",
    operation: "setWeights",
    // It changes what all get.
    kind: "management",
    handler: (call, context) => plainly(() => setWeights(call, context)),
    onOverload: busy,
  },
  {
    method: "POST",
    path: PREDICT_PATH,
    operation: "predict",
    handler: (call, context) => plainly(() => predict(call, context)),
    onOverload: busy,
  },
  { method: "GET", path: "/status", operation: "pipelineStatus", handler: status },
];

async function setWeights({ request }: HttpCall, context: HttpContext): Promise<Response> {
  const limits = { ...context.bodyLimits, bytesMax: PIPELINE_UPLOAD_BYTES_MAX };
  using body = await receiveBody(request, limits, context.budget);
  const fields = readForm(request.headers.get("content-type"), body.bytes);
  const nnId = readNnId(fields.get("nn_id"));
  const weights = readWeights(fields.get("data"));
  try {
    return describeLoads(await context.pipeline.loadWeights(nnId, weights));
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    if (error.code === "resource-exhausted") return busy();
    if (error.code !== "unavailable") throw error;
    const { message } = error;
    return json({ status: false, message, workers_count: 0, workers: [] }, 503, RETRY_AFTER);
  }
}

function readNnId(field: FormField | undefined): string {
  if (field === undefined || field.text === "") throw wrong("NN id is required");
  if (field.filename !== undefined) throw wrong("NN id should be a string");
  if (/^[0-9a-f]{32}$/.test(field.text)) return field.text;
  throw wrong("NN id should contain a lower case UUID string");
}

/** The bytes that the base64 stands for. */
function readWeights(field: FormField | undefined): Uint8Array {
  if (field === undefined) throw wrong("weights data is required");
  if (field.filename === undefined) throw wrong("weights data should be a file");
  if (field.type !== "application/octet-stream") {
    throw wrong("weights data should be a binary file");
  }
  try {
    return decodeBase64Line(field.text);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    throw wrong("weights data has wrong format");
  }
}

function describeLoads(loads: readonly WorkerLoad[]): Response {
  const isLoaded = loads.every(({ loaded }) => loaded);
  return json({
    status: isLoaded,
    message: isLoaded ? "OK" : "One or more workers were failed with weights loading",
    workers_count: loads.length,
    workers: loads.map((load) =>
      load.loaded ? { result: true } : { result: false, trace: encodeTrace(load.trace) }
    ),
  });
}

async function predict({ request }: HttpCall, context: HttpContext): Promise<Response> {
  using body = await receiveBody(request, context.bodyLimits, context.budget);
  const given = readVector(body.bytes);
  try {
    const call = predictCall(request);
    const { nnId, result } = await predictBy(context.pipeline, given, call);
    return json({ status: true, message: nnId, result });
  } catch (error) {
    if (error instanceof OperationError) return describeFailure(error);
    throw error;
  }
}

async function predictBy(workers: PipelineWorkers, given: unknown, call: InferCall) {
  const prediction = await workers.predict(toFloats(given), call);
  if (Number.isFinite(prediction.result)) return prediction;
  throw new OperationError(
    "internal",
    `Cannot tell the prediction: the network's output is ${prediction.result}, JSON has finite numbers alone`,
  );
}

/** What nobody has worked at is 503; what was tried and failed is an answer, as the original has it. */
function describeFailure({ code, message }: OperationError): Response {
  switch (code) {
    case "resource-exhausted":
      return busy();
    case "unavailable":
    case "deadline-exceeded":
      return json({ status: false, message }, 503, RETRY_AFTER);
    case "failed-precondition":
      return json({ status: false, message, result: 0 });
    default:
      return json({ status: false, message: encodeTrace(message), result: 0 });
  }
}

/** What stands for the vector, whatever it is. */
function readVector(body: Uint8Array): unknown {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(body));
  } catch {
    throw wrong("cannot parse request body");
  }
  const { vector, data } = Object(value) as { readonly vector?: unknown; readonly data?: unknown };
  const given = vector ?? data;
  if (given === undefined || given === null) throw wrong("vector or data is required");
  return given;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** @throws {OperationError} `invalid-argument` naming the first that is no float32 */
function toFloats(given: unknown): Float32Array {
  if (!Array.isArray(given)) {
    throw new OperationError(
      "invalid-argument",
      `Cannot predict: the vector is ${describe(given)}, needs to be an array of numbers`,
    );
  }
  const wrongAt = given.findIndex((value) =>
    typeof value !== "number" || !Number.isFinite(Math.fround(value))
  );
  if (wrongAt < 0) return Float32Array.from(given);
  throw new OperationError(
    "invalid-argument",
    `Cannot predict: vector[${wrongAt}] is ${describe(given[wrongAt])}, needs to be a float32`,
  );
}

/** Characters of a wrong value that an error message repeats. */
const FOUND_CHARS_MAX = 40;

function describe(value: unknown): string {
  if (typeof value === "object" && value !== null) {
    return Array.isArray(value) ? "an array" : "an object";
  }
  // JSON.parse makes infinities of what float64 has no room for; in JSON they would be null.
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.slice(0, FOUND_CHARS_MAX));
}

/** A client that waits, though not for ever. */
function predictCall(request: Request): InferCall {
  const call = new HttpInferCall(request, PREDICT_PATH, undefined);
  return {
    deadlineMs: performance.now() + PIPELINE_PREDICT_MS_MAX,
    get signal() {
      return call.signal;
    },
    get origin() {
      return call.origin;
    },
  };
}

async function status(_: HttpCall, { pipeline }: HttpContext): Promise<Response> {
  const { queued, queueMax, handlingMs, workers } = await pipeline.status();
  return json({
    status: true,
    message: "OK",
    queue_requests_current: queued,
    queue_requests_max: queueMax,
    req_handling_time_avg_ms: toNanoseconds(handlingMs),
    workers_count: workers.length,
    workers: workers.map((worker) => ({
      address: worker.addresses,
      nn_id: worker.nnId ?? "",
      req_handling_time_avg_ms: toNanoseconds(worker.handlingMs),
      count_requests_handled: worker.handled,
      inference_time_avg_ms: toNanoseconds(worker.inferenceMs),
    })),
  });
}

/** Milliseconds, to whole nanoseconds: clocks tell no more. */
function toNanoseconds(ms: number): number {
  return Math.round(ms * 1e6) / 1e6;
}

/** What is wrong with a request is told as text. */
async function plainly(answer: () => Promise<Response>): Promise<Response> {
  try {
    return await answer();
  } catch (error) {
    if (!(error instanceof HttpError) || error.status >= 500) throw error;
    const headers = { "content-type": "text/plain; charset=utf-8", ...error.headers };
    return new Response(error.message, { status: error.status, headers });
  }
}

function busy(): Response {
  return json({ status: false, message: "Server is busy" }, 503, RETRY_AFTER);
}

function encodeTrace(trace: string): string {
  return new TextEncoder().encode(trace).toBase64();
}

function wrong(message: string): HttpError {
  return new HttpError(400, message);
}
