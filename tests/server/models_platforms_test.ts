import assert from "node:assert/strict";
import type { InferenceClient } from "../../lib/services/inference_client.ts";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";
import type { FixedTensor } from "../../lib/tensor/tensor.ts";
import { layerGraph } from "../../tasks/models/onnx_graphs.ts";
import { encodeOnnx } from "../../tasks/models/onnx_writer.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { type ServedModels, serveModels } from "../support/served_models.ts";
import { pipelineWeights } from "../weights/fixture.ts";
import { safetensorsFile } from "../../tasks/models/safetensors_writer.ts";

const ignore = !mayLoadModels;

/** y = relu(x·w + b). Shapes: x (n, 3), w (3, 2), b (2,). */
const WEIGHTS = Float32Array.of(1, 2, 3, 4, 5, 6);
const BIAS = Float32Array.of(1, -100);
const LAYERS = [{ weight: "fc1.weight", bias: "fc1.bias", activation: "relu" }];

Deno.test({
  name: "models: every platform answers the same over gRPC and REST, alone and in batches",
  ignore,
}, async (t) => {
  const tensors = (datatype: string) => ({
    inputs: [{ name: "x", datatype, shape: [-1, 3] }],
    outputs: [{ name: "y", datatype, shape: [-1, 2] }],
  });
  await using served = await serveModels({
    "lin/model.json": { platform: "linear" },
    "lin/1/coefs.json": [1, 2, 3],
    "onnx/model.json": { platform: "onnx" },
    "onnx/1/model.onnx": encodeOnnx(layerGraph(WEIGHTS, BIAS)),
    "shared/model.json": { platform: "onnx", batching: {}, instances: 2, cache: {} },
    "shared/1/model.onnx": encodeOnnx(layerGraph(WEIGHTS, BIAS)),
    "mlp/model.json": { platform: "mlp", options: { layers: LAYERS } },
    "mlp/1/model.safetensors": mlpFile(),
    "queued/model.json": {
      platform: "mlp",
      options: { layers: LAYERS },
      batching: { maxBatchSize: 4 },
    },
    "queued/1/model.safetensors": mlpFile(),
    "script/model.json": { platform: "script", ...tensors("FP32") },
    "script/1/model.ts": `
      import { relu } from "./relu.ts";
      export function predict(batch: readonly { readonly x: Float32Array }[]) {
        return batch.map(({ x: [a, b, c] }) => ({
          y: [relu(a + 3 * b + 5 * c + 1), relu(2 * a + 4 * b + 6 * c - 100)],
        }));
      }
    `,
    "script/1/relu.ts": "export const relu = (x: number): number => Math.max(0, x);",
  });
  const clients = served.clients(8);
  const row = [1, 1, 1];
  const rows = [1, 1, 1, -1, 0, 0, 10, 20, 30];
  for (const model of ["onnx", "shared", "mlp", "queued", "script"]) {
    await t.step(model, async () => {
      const answers = [10, 0, 0, 0, 221, 180];
      for (const client of clients) {
        assert.deepEqual(await overGrpc(client, model, [1, 3], row), [10, 0]);
        assert.deepEqual(await overGrpc(client, model, [3, 3], rows), answers);
      }
      assert.deepEqual(await overRest(served, model, [1, 3], row), [10, 0]);
      assert.deepEqual(await overRest(served, model, [3, 3], rows), answers);
      const apart = await Promise.all(
        clients.map((client, i) => overGrpc(client, model, [1, 3], [i, i, i])),
      );
      for (const [i, [y]] of apart.entries()) assert.equal(y, 9 * i + 1);
    });
  }
  await t.step("linear", async () => {
    for (const client of clients) {
      assert.deepEqual(await overGrpc(client, "lin", [3, 3], rows), [6, -1, 140]);
    }
    assert.deepEqual(await overRest(served, "lin", [3, 3], rows), [6, -1, 140]);
  });
});

Deno.test(
  { name: "models: linear under V2 has the coefficients that SetCoefs set", ignore },
  async () => {
    await using served = await serveModels({});
    const clients = served.clients(16);
    const predictor = new ModelServerClient(served.channel());
    for (const coefs of [[1, 2], [3, 4, 5], [0.5]]) {
      await predictor.setCoefs(coefs);
      const x = coefs.map((_, i) => i + 1);
      const { output } = await predictor.predict(x);
      for (const client of clients) {
        assert.deepEqual(await overGrpc(client, "linear", [1, x.length], x), [output]);
      }
      assert.deepEqual(await overRest(served, "linear", [1, x.length], x), [output]);
      await assert.rejects(
        () => overGrpc(clients[0], "linear", [1, 7], Array(7).fill(1)),
        /\[1,7\]|7/,
      );
    }
  },
);

function mlpFile(): Uint8Array {
  // PyTorch's way round: a row for each output.
  const weight = Float32Array.of(1, 3, 5, 2, 4, 6);
  return safetensorsFile({
    "fc1.weight": { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] },
    "fc1.bias": { dtype: "F32", shape: [2], data_offsets: [24, 32] },
  }, new Uint8Array(Float32Array.of(...weight, ...BIAS).buffer));
}

async function overGrpc(
  client: InferenceClient,
  model: string,
  shape: readonly number[],
  data: readonly number[],
): Promise<number[]> {
  const x = { name: "x", datatype: "FP32", shape, data: Float32Array.from(data) } as const;
  const { answer } = await client.infer({ model, inputs: [x] });
  return [...(answer.outputs[0] as FixedTensor).data].map(Number);
}

async function overRest(
  { rest }: ServedModels,
  model: string,
  shape: readonly number[],
  data: readonly number[],
): Promise<number[]> {
  const response = await fetch(`${rest}/models/${model}/infer`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ inputs: [{ name: "x", datatype: "FP32", shape, data }] }),
  });
  const { outputs, error } = await response.json();
  assert.equal(error, undefined);
  return outputs[0].data;
}

Deno.test({
  name: "models: the Pipeline's weights give its answer under V2",
  ignore: ignore || pipelineWeights === undefined,
}, async () => {
  const file = "0d3c5dffa4374c77a554ed38c9c50296_66e26224.b64";
  await using served = await serveModels({
    "pipe/model.json": { platform: "mlp" },
    "pipe/1/model.b64": Deno.readFileSync(`${pipelineWeights}/${file}`),
  });
  const [client] = served.clients(1);
  const expected = [1.0000178813934326];
  assert.deepEqual(await overGrpc(client, "pipe", [1, 2], [0.446, 0.554]), expected);
  assert.deepEqual(await overRest(served, "pipe", [1, 2], [0.446, 0.554]), expected);
});
