import assert from "node:assert/strict";
import type { LoadPlan, ModelChoice, RequestChoice } from "../../lib/bench/load_plan.ts";
import type { TrailerField } from "../../lib/bench/server_report.ts";
import type { ServedModelMetadata } from "../../lib/inference/backend.ts";
import type { InferRequest, InferResponse } from "../../lib/inference/infer.ts";
import { benchCallers, prepareBench } from "../../lib/services/bench_callers.ts";
import type { InferWorkload } from "../../lib/services/bench_inference.ts";
import { inferenceMethods } from "../../lib/services/inference_contract.ts";
import { addInference } from "../../lib/services/inference_service.ts";
import { modelServerMethods } from "../../lib/services/modelserver_contract.ts";
import { addModelServer } from "../../lib/services/modelserver_service.ts";
import type { Tensor, TensorSpec } from "../../lib/tensor/tensor.ts";
import { TestServer } from "../grpc/test_server.ts";
import { copyOf, FakeBackend } from "./fake_backend.ts";

/** Takes what a test says, and gives it back. */
class TakingBackend extends FakeBackend {
  readonly got: Tensor[][] = [];
  readonly #inputs: readonly TensorSpec[];

  constructor(inputs: readonly TensorSpec[]) {
    super();
    this.#inputs = inputs;
  }

  override metadata(model: string): ServedModelMetadata {
    const specs = { inputs: this.#inputs, outputs: this.#inputs };
    return {
      name: model,
      platform: model === "linear" ? "linear" : "fake",
      versions: [],
      ...specs,
    };
  }

  override infer({ model, inputs }: InferRequest): InferResponse {
    const outputs = inputs.map(copyOf);
    this.got.push(outputs);
    return { model, version: "1", outputs, cache: "hit", timing: this.timing };
  }
}

interface Asked {
  readonly model?: Partial<ModelChoice>;
  readonly choice?: Partial<RequestChoice>;
}

function planOf({ model = {}, choice = {} }: Asked): LoadPlan {
  return {
    workload: {
      kind: "infer",
      model: { name: "m", version: undefined, rows: undefined, tensors: [], ...model },
      choice: { inputs: undefined, distinct: 1, zipf: 0, ...choice },
    },
    loop: { kind: "closed", inflight: 1 },
    length: { kind: "requests", requests: 1 },
    connections: 1,
    threads: 1,
    warmupMs: 0,
    deadlineMs: 5_000,
    seed: 3,
  };
}

/** A server whose model takes `inputs`, and the coefficients that it was given. */
function serve(inputs: readonly TensorSpec[]) {
  const backend = new TakingBackend(inputs);
  const coefs: number[][] = [];
  const server = new TestServer({}, {
    register: (registry) => {
      addInference(registry, inferenceMethods(), backend);
      addModelServer(registry, modelServerMethods(), {
        setCoefs: (values) => void coefs.push([...values]),
        predict: () => ({ output: 0, cacheHit: false }),
      });
    },
  });
  return { backend, server, coefs };
}

const spec = (name: string, datatype: TensorSpec["datatype"], ...shape: number[]): TensorSpec => ({
  name,
  datatype,
  shape,
});

Deno.test("client bench infer: requests are as the model's metadata say", async (t) => {
  const cases: readonly (readonly [
    name: string,
    specs: readonly TensorSpec[],
    asked: Asked,
    shapes: readonly (readonly number[])[],
  ])[] = [
    ["one row unless it is said", [spec("x", "FP32", -1, 4)], {}, [[1, 4]]],
    ["rows", [spec("x", "FP32", -1, 4)], { model: { rows: 3 } }, [[3, 4]]],
    ["dimensions that may be any", [spec("x", "FP64", -1, -1, 2)], {}, [[1, 10, 2]]],
    ["of a size", [spec("x", "FP32", -1, -1)], { choice: { inputs: 6 } }, [[1, 6]]],
    ["no batch", [spec("a", "FP16", 2, 2), spec("b", "BF16", 3)], {}, [[2, 2], [3]]],
    ["scalars", [spec("a", "FP32")], { choice: { distinct: 5 } }, [[]]],
  ];
  for (const [name, specs, asked, shapes] of cases) {
    await t.step(name, async () => {
      const { backend, server } = serve(specs);
      await using _ = server;
      const channel = server.channel();
      const plan = planOf(asked);
      const workload = await prepareBench(channel, plan) as InferWorkload;
      const elements = shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
      assert.equal(workload.choice.inputs, elements);
      const [caller] = benchCallers({
        plan: { ...plan, workload },
        thread: 0,
        channels: [channel],
      });
      let trailers: readonly TrailerField[] = [];
      const options = {
        timeoutMs: 5_000,
        onTrailerFields: (fields: readonly TrailerField[]) => trailers = fields,
      };
      assert.equal(caller.outcomeOf(await caller.call(0, options)), "ok");
      const [tensors] = backend.got;
      assert.deepEqual(
        tensors.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
        specs.map(({ name, datatype }, index) => ({ name, datatype, shape: shapes[index] })),
      );
      assert.ok(trailers.some(({ name, value }) => name === "cache" && value === "hit"));
    });
  }
});

Deno.test("client bench infer: distinct requests differ in every datatype", async (t) => {
  for (const datatype of ["FP32", "FP64", "FP16", "BF16"] as const) {
    await t.step(datatype, async () => {
      const { backend, server } = serve([spec("x", datatype, -1, 2)]);
      await using _ = server;
      const channel = server.channel();
      const plan = planOf({ choice: { distinct: 256 } });
      const workload = await prepareBench(channel, plan);
      const [caller] = benchCallers({
        plan: { ...plan, workload },
        thread: 0,
        channels: [channel],
      });
      const options = { timeoutMs: 5_000, onTrailerFields: () => {} };
      // 256 of them are drawn 4096 times: that one never comes has a chance of e^-16 for each.
      for (let i = 0; i < 4_096; i++) await caller.call(0, options);
      const firsts = backend.got.map(([{ data }]) => Number(data[0]));
      assert.equal(new Set(firsts).size, 256);
    });
  }
});

Deno.test("client bench infer: ModelServer's linear model gets coefficients", async () => {
  const { server, coefs } = serve([spec("x", "FP32", -1, -1)]);
  await using _ = server;
  await prepareBench(
    server.channel(),
    planOf({ model: { name: "linear" }, choice: { inputs: 3 } }),
  );
  assert.deepEqual(coefs, [[1, 1, 1]]);
});

Deno.test("client bench infer says why it cannot call a model", async (t) => {
  const floats = [spec("x", "FP32", -1, 4)];
  const cases: readonly (readonly [
    specs: readonly TensorSpec[],
    asked: Asked,
    message: RegExp,
  ])[] = [
    [
      [spec("x", "FP32", -1, 4), spec("text", "BYTES", -1)],
      {},
      /^Cannot call model "m": its input "text" is BYTES, this client makes FP32, FP64, FP16, BF16$/,
    ],
    [[spec("x", "FP32", 4)], { model: { rows: 2 } }, /it takes no batches, so none of 2 rows/],
    [floats, { choice: { inputs: 5 } }, /no dimension of \[-1,4\] beside the batch can be 5/],
    [
      [spec("x", "BF16", -1, 4)],
      { choice: { distinct: 257 } },
      /input "x" of BF16 has 256 distinct values, not 257/,
    ],
    [
      floats,
      { model: { rows: 1_000_000 }, choice: { distinct: 5 } },
      /5 requests of 4000000 elements are 20000000, at most 16777216/,
    ],
    [[], {}, /its inputs have no elements/],
  ];
  for (const [specs, asked, message] of cases) {
    await t.step(message.source, async () => {
      const { server } = serve(specs);
      await using _ = server;
      await assert.rejects(prepareBench(server.channel(), planOf(asked)), {
        code: "invalid-argument",
        message,
      });
    });
  }
});
