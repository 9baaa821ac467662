import { OwnMemory, ScratchMemory } from "../../lib/services/inference_codec/element_memory.ts";
import type { ModelInferRequest } from "../../lib/services/inference_codec/infer_request.ts";
import { InferRequestCodec } from "../../lib/services/inference_codec/request_codec.ts";
import { InferResponseCodec } from "../../lib/services/inference_codec/response_codec.ts";
import { ProtoFile } from "../../lib/grpc/proto_service.ts";
import { inferenceSource } from "../../lib/services/inference_contract.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";

/** What a server does for a call beside the model: decode the request, encode the answer. */
const requests = new InferRequestCodec(new ScratchMemory());
const ownRequests = new InferRequestCodec(new OwnMemory());
const responses = new InferResponseCodec();
const output = new Uint8Array(3_000_000);

/** The baseline: the same bytes by proto-loader, without a check of shapes. */
const loaded = new ProtoFile(inferenceSource.text)
  .method<"unary", object, object>("inference.GRPCInferenceService", "ModelInfer", "unary");

function tensorOf(floats: number): Tensor {
  const data = Float32Array.from({ length: floats }, (_, i) => i / 3);
  return { name: "input__0", datatype: "FP32", shape: [1, floats], data };
}

function requestBytes(input: Tensor, raw: boolean, id = ""): Uint8Array {
  const message: ModelInferRequest = {
    id,
    raw,
    timeoutMs: undefined,
    infer: {
      model: "resnet50",
      version: "1",
      inputs: [input],
      outputs: ["output__0"],
      priority: undefined,
      parameters: undefined,
    },
    refused: undefined,
  };
  const bytes = new Uint8Array(requests.encodedBytesMax(message));
  requests.encode(message, bytes, 0);
  return bytes;
}

/** The bytes so that raw data, which end the message, stand aligned to four bytes or not. */
function placed(bytes: Uint8Array, aligned: boolean): [bytes: Uint8Array, start: number] {
  const start = 8 - bytes.length % 4 + (aligned ? 0 : 1);
  const moved = new Uint8Array(start + bytes.length);
  moved.set(bytes, start);
  return [moved, start];
}

for (const [name, floats] of [["10 floats", 10], ["1 MB", 262_144]] as const) {
  const input = tensorOf(floats);
  for (const raw of [true, false]) {
    const form = raw ? "raw" : "typed";
    const request = requestBytes(input, raw);
    const answer = { model: "resnet50", version: "1", outputs: [{ ...input, name: "output__0" }] };
    const message = { id: "", raw, answer };
    for (const aligned of raw ? [false, true] : [false]) {
      const [bytes, start] = placed(request, aligned);
      Deno.bench(`decode, ${name}, ${form}${aligned ? ", aligned" : ""}`, () => {
        requests.decode(bytes, start, bytes.length);
      });
      Deno.bench(`decode + encode, ${name}, ${form}${aligned ? ", aligned" : ""}`, () => {
        requests.decode(bytes, start, bytes.length);
        responses.encodedBytesMax(message);
        responses.encode(message, output, 0);
      });
    }
    Deno.bench(`encode, ${name}, ${form}`, () => {
      responses.encodedBytesMax(message);
      responses.encode(message, output, 0);
    });
    Deno.bench(`decode into memory of its own, ${name}, ${form}`, () => {
      ownRequests.decode(request, 0, request.length);
    });
    Deno.bench(`decode by proto-loader, ${name}, ${form}`, () => {
      loaded.request.decode(request, 0, request.length);
    });
  }
  const source = new Uint8Array(floats * 4);
  Deno.bench(`copy ${name}`, () => output.set(source, 1));
}
