import { openChannel } from "../../lib/grpc/channel.ts";
import { InferenceClient } from "../../lib/services/inference_client.ts";
import { inferenceMethods } from "../../lib/services/inference_contract.ts";
import type { FixedTensor } from "../../lib/tensor/tensor.ts";
import { callGrpc, callRest, type ExampleCall, jsonData } from "../models/example_calls.ts";
import { grpcBody } from "../scale/grpc_body.ts";
import type { H2Load } from "../scale/h2load.ts";
import type { Api } from "./python_peers.ts";

const MODEL = "classifier";
const JSON_TYPE = "application/json";

/** Shapes: x (1, 4). */
const INPUT: FixedTensor = {
  name: "x",
  datatype: "FP32",
  shape: [1, 4],
  data: Float32Array.of(5.5, 3.5, 1.5, 0.25),
};
const CALL: ExampleCall = { model: MODEL, input: INPUT };

/** How long a server that listens may take until it answers. */
const ANSWER_MS_MAX = 60_000;

const POLL_MS = 100;

/** What of a load depends on whom it is put on. */
export type Target = Pick<H2Load, "url" | "bodyPath"> & Partial<Pick<H2Load, "http1">>;

/**
 * Where a server's API takes the one request that all are asked, whose body is written to a folder.
 *
 * Waits until the answer is the model's: h2load, which looks at statuses alone, would count any.
 *
 * @throws {Error} with the last answer when that does not come
 */
export async function classifierTarget(api: Api, port: number, folder: string): Promise<Target> {
  const target = await writeTarget(api, port, folder);
  const endMs = performance.now() + ANSWER_MS_MAX;
  for (;;) {
    const found = await ask(api, port, target).catch((error: unknown) => `${error}`);
    if (found === EXPECTED) return target;
    if (performance.now() > endMs) throw new Error(`Cannot measure ${target.url}: ${found}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function writeTarget(api: Api, port: number, folder: string): Promise<Target> {
  const bodyPath = `${folder}/${api.replace(" ", "-")}`;
  await Deno.writeFile(bodyPath, bodyOf(api));
  const origin = `http://127.0.0.1:${port}`;
  if (api === "V2 gRPC") {
    return { url: `${origin}${inferenceMethods().modelInfer.path}`, bodyPath };
  }
  const path = api === "JSON" ? "/predict" : `/v2/models/${MODEL}/infer`;
  return { url: `${origin}${path}`, bodyPath, http1: JSON_TYPE };
}

function bodyOf(api: Api): Uint8Array {
  if (api === "V2 gRPC") {
    const { request } = inferenceMethods().modelInfer;
    const infer = {
      model: MODEL,
      inputs: [INPUT],
      version: undefined,
      outputs: undefined,
      priority: undefined,
      parameters: undefined,
    };
    return grpcBody(request, {
      id: "",
      raw: true,
      timeoutMs: undefined,
      infer,
      refused: undefined,
    });
  }
  const data = jsonData(INPUT);
  const body = api === "JSON" ? { x: [data] } : { inputs: [{ ...INPUT, data }] };
  return new TextEncoder().encode(JSON.stringify(body));
}

/** What the model answers, as text, with the digits that every onnxruntime agrees on. */
const EXPECTED = "0.9999 0.0001 0.0000 0";

async function ask(api: Api, port: number, { url, bodyPath }: Target): Promise<string> {
  if (api === "V2 REST") return outputsText((await callRest(port, CALL)).outputs);
  if (api === "V2 gRPC") {
    const channel = openChannel({ hostname: "127.0.0.1", port });
    try {
      return outputsText((await callGrpc(new InferenceClient(channel), CALL)).outputs);
    } finally {
      channel.close();
    }
  }
  const body = await Deno.readFile(bodyPath);
  const headers = { "content-type": JSON_TYPE };
  const response = await fetch(url, { method: "POST", headers, body });
  const text = await response.text();
  return response.ok ? outputsText(JSON.parse(text)) : `${response.status} ${text}`;
}

function outputsText({ probabilities, kind }: Readonly<Record<string, readonly unknown[]>>) {
  const digits = probabilities.flat().map((value) => Number(value).toFixed(4));
  return `${digits.join(" ")} ${kind.flat()}`;
}
