import assert from "node:assert/strict";
import { GrpcError } from "../../lib/grpc/status.ts";
import type { InferenceClient } from "../../lib/services/inference_client.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { probeModel } from "../support/probe_model.ts";
import { serveModels } from "../support/served_models.ts";

const ignore = !mayLoadModels;

/** As much as a name may be of a message of 4 MiB. */
const LONG = "l".repeat(2 ** 20);

/** What stays of it, and the end of the message behind it. */
const told = (end: string) => new RegExp(`[" ]l{32,256}…"?${end}`);

const TENSOR = { name: "x", datatype: "FP64", shape: [1], data: new Float64Array(1) } as const;

/** What is asked of both protocols, and how the refusal ends. */
const INFERENCES: Readonly<
  Record<string, readonly [Parameters<InferenceClient["infer"]>[0], RegExp]>
> = {
  "a model's name": [{ model: LONG, inputs: [TENSOR] }, told("$")],
  "a version": [{ model: "m", version: LONG, inputs: [TENSOR] }, told(", it serves 1$")],
  "an input's name": [
    { model: "m", inputs: [{ ...TENSOR, name: LONG }] },
    told(', it takes "x"$'),
  ],
  "an output's name": [
    { model: "m", inputs: [TENSOR], outputs: [LONG] },
    told(', it gives "y", "rows", "call"$'),
  ],
  "an id": [{ model: "m", id: LONG, inputs: [TENSOR] }, /id.*1024/],
};

Deno.test({ name: "models: no refusal repeats as much as a request says", ignore }, async (t) => {
  await using served = await serveModels(probeModel("m"));
  const [client] = served.clients(1);
  for (const [what, [inference, refusal]] of Object.entries(INFERENCES)) {
    await t.step(`${what} over gRPC`, async () => {
      await assert.rejects(client.infer(inference), (error) => {
        assert.ok(error instanceof GrpcError);
        assert.match(error.message, refusal);
        return true;
      });
    });
    // A path has a bound of its own.
    if (inference.model === LONG || inference.version === LONG) continue;
    await t.step(`${what} over REST`, async () => {
      const { id, inputs, outputs } = inference;
      const body = {
        id,
        inputs: inputs.map((input) => ({ ...input, data: [0] })),
        outputs: outputs?.map((name) => ({ name })),
      };
      const { status, text } = await post(`${served.rest}/models/m/infer`, body);
      assert.equal(status, 400);
      assert.ok(text.length < 1_024, text.slice(0, 1_024));
      assert.match(JSON.parse(text).error, refusal);
    });
  }
  const bodies: Readonly<Record<string, readonly [string, object, RegExp]>> = {
    "a parameter's name": [
      "infer",
      { inputs: [], parameters: { [LONG]: {} } },
      /expected|invalid/i,
    ],
    "a parameter's text": [
      "infer",
      { inputs: [], parameters: { timeout: LONG } },
      told(", need an integer from 0$"),
    ],
    "a parameter of a load": ["load", { parameters: { [LONG]: "" } }, told(" is not supported")],
  };
  for (const [what, [route, body, refusal]] of Object.entries(bodies)) {
    await t.step(`${what} over REST`, async () => {
      const path = route === "infer" ? "models/m/infer" : "repository/models/m/load";
      const { status, text } = await post(`${served.rest}/${path}`, body);
      assert.equal(status, 400);
      assert.ok(text.length < 1_024, text.slice(0, 1_024));
      assert.match(JSON.parse(text).error, refusal);
    });
  }
});

Deno.test(
  { name: "models: both protocols take as many dimensions and no more", ignore },
  async () => {
    await using served = await serveModels(probeModel("m"));
    const [client] = served.clients(1);
    for (const [dimensions, refusal] of [[64, /shape \[1(,1){63}\], need/], [65, /64/]] as const) {
      const shape = Array<number>(dimensions).fill(1);
      await assert.rejects(client.infer({ model: "m", inputs: [{ ...TENSOR, shape }] }), refusal);
      const { text } = await post(`${served.rest}/models/m/infer`, {
        inputs: [{ ...TENSOR, shape, data: [0] }],
      });
      assert.match(JSON.parse(text).error, refusal);
    }
  },
);

async function post(url: string, body: object): Promise<{ status: number; text: string }> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}
