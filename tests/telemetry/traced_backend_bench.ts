/**
 * What a trace costs an inference, beside the same inference without: `deno bench -A --lock=deno.lock FILE`.
 * The baseline is the backend alone.
 */

import type {
  CallOrigin,
  InferCall,
  InferRequest,
  InferResponse,
} from "../../lib/inference/infer.ts";
import type { InferenceRecord } from "../../lib/telemetry/inference_record.ts";
import { encodeSpans } from "../../lib/telemetry/otlp_json.ts";
import { TracedBackend } from "../../lib/telemetry/traced_backend.ts";
import { FakeBackend } from "../services/fake_backend.ts";

class ConstantBackend extends FakeBackend {
  readonly answer: InferResponse = {
    model: "m",
    version: "1",
    outputs: [],
    cache: "miss",
    timing: { queueMs: 0.1, computeMs: 1, cacheMs: 0.002 },
  };
  override infer(): InferResponse {
    return this.answer;
  }
}

const REQUEST: InferRequest = {
  model: "m",
  version: undefined,
  inputs: [{ name: "x", datatype: "FP32", shape: [1, 4], data: new Float32Array(4) }],
  outputs: undefined,
  priority: undefined,
  parameters: undefined,
};

const callOf = (origin: CallOrigin): InferCall => ({
  signal: new AbortController().signal,
  deadlineMs: undefined,
  origin,
});

const origin = (flags: string): CallOrigin => ({
  protocol: "grpc",
  path: "/inference.GRPCInferenceService/ModelInfer",
  traceparent: `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`,
  tracestate: undefined,
});

const records: InferenceRecord[] = [];
// As many as a batch has by default: they do not pile up.
const sink = {
  add(record: InferenceRecord): void {
    if (records.length === 512) records.length = 0;
    records.push(record);
  },
};

const backend = new ConstantBackend();
const traced = new TracedBackend(backend, { parentBased: true, ratio: 1 }, sink);
const sampled = callOf(origin("01"));
const unsampled = callOf(origin("00"));
const alone = callOf({ ...origin("00"), traceparent: undefined });

Deno.bench({ name: "backend alone", baseline: true }, () => void backend.infer());
Deno.bench("traced, its caller does not record", () => void traced.infer(REQUEST, unsampled));
Deno.bench("traced, its caller records", () => void traced.infer(REQUEST, sampled));
Deno.bench("traced, without a caller's trace", () => void traced.infer(REQUEST, alone));

Deno.bench("export of a batch of 512 to JSON", async (bench) => {
  while (records.length < 512) traced.infer(REQUEST, sampled);
  bench.start();
  await encodeSpans(records, {
    resource: { "service.name": "s" },
    version: "1",
    platformOf: () => "onnx",
  });
  bench.end();
});
