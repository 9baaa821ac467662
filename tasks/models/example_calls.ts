import group from "../../examples/models/faces/images/group.png" with { type: "bytes" };
import { Metadata } from "../../lib/grpc/metadata.ts";
import type { InferenceClient } from "../../lib/services/inference_client.ts";
import type { BytesTensor, FixedTensor, Tensor } from "../../lib/tensor/tensor.ts";

/** A model of `examples/models`, and something to ask it. */
export interface ExampleCall {
  readonly model: string;
  readonly input: Tensor;
}

/** Outputs by name, their elements as JSON has them; and where they came from. */
export interface ExampleAnswer {
  readonly outputs: Readonly<Record<string, readonly unknown[]>>;
  /** `hit` or `miss`; undefined for a model without a cache. */
  readonly cache: string | undefined;
}

const floats = (name: string, shape: readonly number[], data: readonly number[]): FixedTensor => ({
  name,
  datatype: "FP32",
  shape,
  data: Float32Array.from(data),
});

const texts = (name: string, elements: readonly string[]): BytesTensor => ({
  name,
  datatype: "BYTES",
  shape: [elements.length],
  data: elements.map((text) => new TextEncoder().encode(text)),
});

const opinions = ["It was a good day.", "Awful, just awful!"];

/** One of each platform, and a script that has an image and an ONNX file. */
export const EXAMPLE_CALLS: readonly ExampleCall[] = [
  { model: "price", input: floats("house", [1, 4], [1, 80, 3, 10]) },
  { model: "xor", input: floats("x", [4, 2], [0, 0, 0, 1, 1, 0, 1, 1]) },
  { model: "classifier", input: floats("x", [2, 4], [5.1, 3.5, 1.4, 0.2, 6.1, 2.8, 4.7, 1.2]) },
  { model: "words", input: texts("text", opinions) },
  { model: "faces", input: texts("content", [group.toBase64()]) },
];

/** Elements as JSON has them. */
export function jsonData({ data }: Pick<Tensor, "data">): readonly unknown[] {
  return Array.from<number | bigint | Uint8Array, unknown>(data, (element) => {
    if (typeof element === "number") return element;
    return typeof element === "bigint" ? Number(element) : new TextDecoder().decode(element);
  });
}

/**
 * Asks over REST.
 *
 * @throws {Error} with the server's words when it refuses
 */
export async function callRest(port: number, call: ExampleCall): Promise<ExampleAnswer> {
  const { model, input } = call;
  const response = await fetch(`http://127.0.0.1:${port}/v2/models/${model}/infer`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: [{ ...input, data: jsonData(input) }] }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`Cannot infer over REST: ${response.status} ${text}`);
  const { outputs } = JSON.parse(text) as { outputs: { name: string; data: unknown[] }[] };
  return {
    outputs: Object.fromEntries(outputs.map(({ name, data }) => [name, data])),
    cache: response.headers.get("cache") ?? undefined,
  };
}

/**
 * Asks over gRPC.
 *
 * @throws {GrpcError} with the server's words when it refuses
 */
export async function callGrpc(client: InferenceClient, call: ExampleCall): Promise<ExampleAnswer> {
  const { model, input } = call;
  let trailers = new Metadata();
  const { answer } = await client.infer({ model, inputs: [input] }, {
    onTrailers: (received) => {
      trailers = received;
    },
  });
  const cache = trailers.get("cache");
  return {
    outputs: Object.fromEntries(answer.outputs.map((output) => [output.name, jsonData(output)])),
    cache: typeof cache === "string" ? cache : undefined,
  };
}

/**
 * Waits until a server's models serve.
 *
 * @throws {Error} when they do not in time
 */
export async function waitUntilReady(httpPort: number, timeoutMs = 60_000): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (performance.now() < endMs) {
    const response = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
    await response.body?.cancel();
    if (response.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`Cannot use the server: its models do not serve after ${timeoutMs} ms`);
}
