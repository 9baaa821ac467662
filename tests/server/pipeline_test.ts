import assert from "node:assert/strict";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { FATAL, SLOW } from "../pipeline/fatal_values.ts";
import { constantNetwork, networkFile, networkTensors } from "../pipeline/network_file.ts";
import { decodeTrace, FATAL_INSTANCE, idOf, servePipeline } from "../pipeline/served_pipeline.ts";
import { mayLoadModels } from "../support/permissions.ts";
import { pipelineWeights } from "../weights/fixture.ts";

const ignore = !mayLoadModels;

/** A file whose first layer takes three numbers. */
function wrongShapes(): Uint8Array<ArrayBuffer> {
  const tensors = networkTensors(() => 0);
  tensors["fc1.weight"] = { shape: [20, 3], values: new Array(60).fill(0) };
  return networkFile(tensors);
}

Deno.test(
  { name: "pipeline: before the first upload there are workers and no weights", ignore },
  async () => {
    await using pipeline = await servePipeline(2);
    const none = await pipeline.predict([0.3, 0.7]);
    assert.deepEqual(none, {
      status: 200,
      body: { status: false, message: "No weights loaded", result: 0 },
    });
    const idle = {
      address: ["127.0.0.1"],
      nn_id: "",
      req_handling_time_avg_ms: 0,
      count_requests_handled: 0,
      inference_time_avg_ms: 0,
    };
    assert.deepEqual(await pipeline.status(), {
      status: true,
      message: "OK",
      queue_requests_current: 0,
      queue_requests_max: 1_024,
      req_handling_time_avg_ms: 0,
      workers_count: 2,
      workers: [idle, idle],
    });
  },
);

Deno.test({ name: "pipeline: without workers nobody waits", ignore }, async () => {
  await using pipeline = await servePipeline(0);
  const predicted = await pipeline.predict([0.3, 0.7]);
  assert.equal(predicted.status, 503);
  assert.equal(predicted.body.status, false);
  assert.match(String(predicted.body.message), /no workers.*--pipeline-workers/);
  const uploaded = await pipeline.upload(idOf(1), constantNetwork(1));
  assert.equal(uploaded.status, 503);
  assert.match(String(uploaded.body.message), /^Cannot load weights: there are no workers/);
  const { message: _, ...counts } = uploaded.body;
  assert.deepEqual(counts, { status: false, workers_count: 0, workers: [] });
  const { workers_count, workers } = await pipeline.status();
  assert.deepEqual([workers_count, workers], [0, []]);
});

Deno.test(
  { name: "pipeline: an upload reaches all workers, and a bad one none", ignore },
  async () => {
    await using pipeline = await servePipeline(3);
    assert.deepEqual(await pipeline.upload(idOf(1), constantNetwork(1.5)), {
      status: 200,
      body: {
        status: true,
        message: "OK",
        workers_count: 3,
        workers: [{ result: true }, { result: true }, { result: true }],
      },
    });
    const answer = { status: true, message: idOf(1), result: 1.5 };
    assert.deepEqual((await pipeline.predict([0, 0])).body, answer);
    const bad = await pipeline.upload(idOf(2), wrongShapes());
    assert.equal(bad.status, 200);
    assert.equal(bad.body.status, false);
    assert.equal(bad.body.message, "One or more workers were failed with weights loading");
    assert.equal(bad.body.workers_count, 3);
    for (const { result, trace } of bad.body.workers as { result: boolean; trace: string }[]) {
      assert.equal(result, false);
      assert.equal(
        decodeTrace(trace),
        `Cannot load network ${idOf(2)}: "fc1.weight" is FP32 [20, 3], needs FP32 [20, 2]`,
      );
    }
    assert.deepEqual((await pipeline.predict([0, 0])).body, answer);
    const status = await pipeline.status();
    const ids = (status.workers as { nn_id: string }[]).map(({ nn_id }) => nn_id);
    assert.deepEqual(ids, [idOf(1), idOf(1), idOf(1)]);
  },
);

Deno.test(
  { name: "pipeline: a failed prediction says why, and harms nobody", ignore },
  async () => {
    await using pipeline = await servePipeline(1);
    await pipeline.upload(idOf(1), constantNetwork(1));
    const huge = networkTensors(() => 3e38);
    const cases: readonly (readonly [vector: unknown, trace: RegExp])[] = [
      [[1, 2, 3], /cannot multiply 1x3 and 2x20$/],
      [[], /cannot multiply 1x0 and 2x20$/],
      [["a", 1], /vector\[0\] is "a", needs to be a float32/],
      [[1, null], /vector\[1\] is null/],
      [[[1], 2], /vector\[0\] is an array/],
      [[1e39, 1], /vector\[0\] is 1e\+39/],
      [5, /the vector is 5/],
      [{ 0: 1, 1: 2 }, /the vector is an object/],
      ["x".repeat(1_000), /the vector is "x{40}"/],
    ];
    for (const [vector, trace] of cases) {
      const { status, body } = await pipeline.predict(vector);
      assert.equal(status, 200);
      assert.deepEqual([body.status, body.result], [false, 0]);
      assert.match(decodeTrace(body.message), trace);
    }
    await pipeline.upload(idOf(2), networkFile(huge));
    const infinite = await pipeline.predict([1, 1]);
    assert.equal(infinite.status, 200);
    assert.match(decodeTrace(infinite.body.message), /output is Infinity/);
    assert.equal((await pipeline.upload(idOf(3), constantNetwork(2))).body.status, true);
    assert.equal((await pipeline.predict([0, 0])).body.result, 2);
  },
);

Deno.test({
  name: "pipeline: workers that die come back with the weights of the last upload",
  ignore,
}, async () => {
  await using pipeline = await servePipeline(2, { instance: FATAL_INSTANCE });
  await pipeline.upload(idOf(1), constantNetwork(1));
  await pipeline.upload(idOf(2), constantNetwork(2));
  for (const fatal of Object.values(FATAL)) {
    const { status, body } = await pipeline.predict([fatal, 0]);
    assert.equal(status, 503);
    assert.match(String(body.message), /two instances/);
    // Whoever asks meanwhile gets an answer, by a worker that is left or by one that comes.
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => pipeline.predict([i, 0])),
    );
    for (const { body } of answers) {
      assert.deepEqual(body, { status: true, message: idOf(2), result: 2 });
    }
  }
  await pipeline.served.until("pipeline", ({ instancesReplaced }) => instancesReplaced >= 4);
  for (;;) {
    const { workers_count, workers } = await pipeline.status();
    for (const { nn_id } of workers as { nn_id: string }[]) assert.equal(nn_id, idOf(2));
    if (workers_count === 2) break;
  }
  assert.equal((await pipeline.upload(idOf(3), constantNetwork(3))).body.status, true);
  assert.equal((await pipeline.predict([0, 0])).body.message, idOf(3));
});

Deno.test({
  name: "pipeline: what waits when all workers die is answered once they are back",
  ignore,
}, async () => {
  await using pipeline = await servePipeline(1, { instance: FATAL_INSTANCE });
  await pipeline.upload(idOf(1), constantNetwork(1));
  const vectors = Array.from({ length: 30 }, (_, i) => [i === 10 ? FATAL.exit : i, 0]);
  const answers = await Promise.all(vectors.map((vector) => pipeline.predict(vector)));
  for (const [i, { status, body }] of answers.entries()) {
    if (i === 10) assert.equal(status, 503);
    else assert.deepEqual(body, { status: true, message: idOf(1), result: 1 });
  }
});

Deno.test(
  { name: "pipeline: a full queue is 503 at once, and loses nothing", ignore },
  async () => {
    await using pipeline = await servePipeline(1, {
      flags: ["--pipeline-queue", "1"],
      instance: FATAL_INSTANCE,
    });
    await pipeline.upload(idOf(1), constantNetwork(1));
    let isOver = false;
    const slow = pipeline.predict([SLOW, 0]).finally(() => isOver = true);
    for (;;) {
      const { status, body } = await pipeline.predict([0, 0]);
      if (status === 503) {
        assert.deepEqual(body, { status: false, message: "Server is busy" });
        break;
      }
      assert.equal(isOver, false, "nobody was told to come again");
    }
    await assert.rejects(
      () => inferOver(pipeline.client, Float32Array.of(0, 0)),
      (error) => {
        assert.ok(error instanceof GrpcError);
        assert.equal(error.code, Code.RESOURCE_EXHAUSTED);
        assert.match(error.message, /all 1 slots .*--pipeline-queue allows no more/);
        return true;
      },
    );
    assert.equal((await pipeline.status()).queue_requests_max, 1);
    assert.deepEqual((await slow).body, { status: true, message: idOf(1), result: 1 });
    assert.equal((await pipeline.predict([0, 0])).status, 200);
  },
);

Deno.test({ name: "pipeline: workers keep their counts over uploads", ignore }, async () => {
  await using pipeline = await servePipeline(1);
  for (const [round, value] of [1, 2, 3].entries()) {
    await pipeline.upload(idOf(round), constantNetwork(value));
    await pipeline.predict([0, 0]);
    const { workers: [worker], req_handling_time_avg_ms } = await pipeline.status() as {
      workers: Record<string, number>[];
      req_handling_time_avg_ms: number;
    };
    assert.equal(worker.count_requests_handled, round + 1);
    assert.ok(worker.req_handling_time_avg_ms >= worker.inference_time_avg_ms);
    assert.ok(req_handling_time_avg_ms > worker.req_handling_time_avg_ms);
  }
});

Deno.test(
  { name: "pipeline: the network is a model, over V2 and in the metrics", ignore },
  async () => {
    await using pipeline = await servePipeline(1);
    const { client, url } = pipeline;
    assert.equal(await client.modelReady("pipeline"), false);
    await pipeline.upload(idOf(7), constantNetwork(0.25));
    assert.equal(await client.modelReady("pipeline"), true);
    const { platform, inputs, outputs } = await client.modelMetadata("pipeline");
    assert.equal(platform, "pipeline");
    assert.deepEqual(inputs, [{ name: "x", datatype: "FP32", shape: [-1, 2] }]);
    assert.deepEqual(outputs, [{ name: "y", datatype: "FP32", shape: [-1, 1] }]);
    assert.deepEqual(await inferOver(client, Float32Array.of(1, 2, 3, 4)), [0.25, 0.25]);
    const config = await (await fetch(`${url}/v2/models/pipeline/config`)).text();
    assert.equal(JSON.parse(config).options.nnId, idOf(7));
    assert.ok(config.length < 1_000, "weights are no configuration");
    const metrics = await (await fetch(`${url}/metrics`)).text();
    assert.match(metrics, /modelserver_requests_total\{model="pipeline",.*outcome="success"\} 1\n/);
    assert.match(metrics, /modelserver_queue_length\{model="pipeline",version="1"\} 0\n/);
    const unload = await fetch(`${url}/v2/repository/models/pipeline/unload`, { method: "POST" });
    assert.equal(unload.status, 409);
    assert.match((await unload.json()).error, /the name is taken by the model that is uploaded/);
    const load = await fetch(`${url}/v2/repository/models/pipeline/load`, { method: "POST" });
    assert.ok(load.status >= 400, await load.text());
    assert.equal((await pipeline.predict([0, 0])).body.result, 0.25);
  },
);

Deno.test({
  name: "pipeline: the weights of the original predict what it predicts",
  ignore: ignore || pipelineWeights === undefined,
}, async () => {
  await using pipeline = await servePipeline(2);
  for (const { name } of Deno.readDirSync(pipelineWeights ?? "")) {
    const nnId = /^([0-9a-f]{32})_[0-9a-f]{8}\.b64$/.exec(name)?.[1];
    if (nnId === undefined) continue;
    const text = Deno.readTextFileSync(`${pipelineWeights}/${name}`);
    assert.equal((await pipeline.upload(nnId, text)).body.status, true, name);
    const { body } = await pipeline.predict([0.446, 0.554]);
    assert.equal(body.message, nnId);
    assert.ok(Math.abs(Number(body.result) - 1) < 0.05, `${body.result}`);
    if (nnId === "0d3c5dffa4374c77a554ed38c9c50296") assert.equal(body.result, 1.0000178813934326);
  }
});

/** The outputs for rows of two numbers. */
async function inferOver(
  client: Awaited<ReturnType<typeof servePipeline>>["client"],
  data: Float32Array,
): Promise<number[]> {
  const x = { name: "x", datatype: "FP32", shape: [data.length / 2, 2], data } as const;
  const { answer } = await client.infer({ model: "pipeline", inputs: [x] });
  return Array.from(answer.outputs[0].data as Float32Array);
}
