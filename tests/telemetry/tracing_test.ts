import assert from "node:assert/strict";
import { openChannel } from "../../lib/grpc/channel.ts";
import { Metadata } from "../../lib/grpc/metadata.ts";
import { InferenceClient } from "../../lib/services/inference_client.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { type ServerProcess, startServerProcess } from "../../tasks/server_process.ts";
import { ALL_PROGRAMS, type Programs } from "../programs/programs.ts";
import { modelFolder } from "../support/model_folder.ts";
import { type CollectedSpan, Collector, valuesOf } from "./collector.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const PARENT_ID = "b7ad6b7169203331";
const SAMPLED = `00-${TRACE_ID}-${PARENT_ID}-01`;
const UNSAMPLED = `00-${TRACE_ID}-${PARENT_ID}-00`;

const X: Tensor = { name: "x", datatype: "FP32", shape: [2, 3], data: new Float32Array(6).fill(1) };

const SPEC = { datatype: "FP32", shape: [-1, 3] };

const FILES = {
  "lin/model.json": JSON.stringify({
    platform: "linear",
    cache: { entries: 10, bytes: 1_048_576 },
  }),
  "lin/1/coefs.json": "[1, 2, 3]",
  "copy/model.json": JSON.stringify({
    platform: "script",
    inputs: [{ name: "x", ...SPEC }],
    outputs: [{ name: "y", ...SPEC }],
  }),
  "copy/1/model.js": "export const predict = (batch) => batch.map(({ x }) => ({ y: x }));",
};

interface Fixture {
  /** Infers over gRPC. */
  infer(model: string, traceparent?: string): Promise<unknown>;
  /** Infers over REST. */
  post(model: string, headers?: Record<string, string>): Promise<number>;
  /** Stops the server; its exit code, and what it has logged. */
  stop(): Promise<{ readonly code: number; readonly log: string }>;
}

async function withServer(
  { server: command }: Programs,
  env: Record<string, string>,
  run: (fixture: Fixture) => Promise<void>,
): Promise<void> {
  await using folder = await modelFolder(FILES);
  await using server = await startServerProcess(
    { ...command, env: { ...command.env, ...env } },
    ["--threads", "1", "--http-port", "0", "--models", folder.source.folder],
  );
  const channel = openChannel({ hostname: "127.0.0.1", port: server.port });
  const client = new InferenceClient(channel);
  const stop = async () => {
    await channel.close();
    server.child.kill("SIGTERM");
    const { code } = await server.child.status;
    return { code, log: await server.log };
  };
  try {
    await untilReady(server);
    await run({
      infer: (model, traceparent) =>
        client.infer({ model, inputs: [X] }, {
          metadata: traceparent === undefined
            ? new Metadata()
            : new Metadata().append("traceparent", traceparent).append("tracestate", "a=1"),
        }),
      post: (model, headers = {}) => post(server, model, headers),
      stop,
    });
  } finally {
    await channel.close();
  }
}

async function untilReady({ logLines }: ServerProcess): Promise<void> {
  for await (const line of logLines) if (line.includes("models are ready")) return;
}

async function post({ httpPort }: ServerProcess, model: string, headers: Record<string, string>) {
  const response = await fetch(`http://127.0.0.1:${httpPort}/v2/models/${model}/infer`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({
      inputs: [{ name: "x", datatype: "FP32", shape: [2, 3], data: [2, 2, 2, 2, 2, 2] }],
    }),
  });
  await response.body?.cancel();
  return response.status;
}

const durationMs = ({ startTimeUnixNano: start, endTimeUnixNano: end }: CollectedSpan) =>
  Number(BigInt(end) - BigInt(start)) / 1e6;

const [sources] = ALL_PROGRAMS;

function test(name: string, run: (programs: Programs) => Promise<void>): void {
  Deno.test({ name: `traces: ${name}`, ignore: sources.missing }, () => run(sources));
}

test("a collector gets the spans of both protocols", async (programs) => {
  await using collector = new Collector();
  const before = Date.now();
  await withServer(programs, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `${collector.url}/`,
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20abc",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test,service.name=other",
    OTEL_SERVICE_NAME: "tested",
    OTEL_BSP_SCHEDULE_DELAY: "10",
  }, async ({ infer, post, stop }) => {
    await infer("copy", SAMPLED);
    await infer("lin");
    await infer("lin");
    assert.equal(await post("copy", { traceparent: SAMPLED }), 200);
    await assert.rejects(infer("absent", SAMPLED));
    assert.equal(await post("absent"), 404);
    const { code, log } = await stop();
    assert.equal(code, 0);
    assert.ok(!log.includes("abc"), "a header's value was logged");
    assert.ok(!log.includes("traces were lost"), log);
  });
  const [{ path, headers }] = collector.requests;
  assert.equal(path, "/v1/traces");
  assert.equal(headers.get("authorization"), "Bearer abc");
  assert.equal(headers.get("content-type"), "application/json");
  assert.deepEqual(collector.resource, {
    "service.name": "tested",
    "deployment.environment.name": "test",
  });
  const { spans } = collector;
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length);
  const servers = spans.filter(({ kind }) => kind === 2);
  assert.deepEqual(servers.map(({ name, parentSpanId }) => [name, parentSpanId]), [
    ["infer copy", PARENT_ID],
    ["infer lin", undefined],
    ["infer lin", undefined],
    ["infer copy", PARENT_ID],
    ["infer", PARENT_ID],
    ["infer", undefined],
  ]);
  const grpc = {
    "rpc.system": "grpc",
    "rpc.service": "inference.GRPCInferenceService",
    "rpc.method": "ModelInfer",
  };
  const http = {
    "http.request.method": "POST",
    "http.route": "/v2/models/{model}[/versions/{version}]/infer",
  };
  const model = (name: string, platform: string) => ({
    "modelserver.model.name": name,
    "modelserver.model.version": "1",
    "modelserver.model.platform": platform,
    "modelserver.batch.rows": 2,
  });
  const absent = {
    "modelserver.model.name": "absent",
    "modelserver.batch.rows": 2,
    "error.type": "not-found",
  };
  assert.deepEqual(servers.map(({ attributes }) => valuesOf(attributes)), [
    { ...grpc, ...model("copy", "script") },
    { ...grpc, ...model("lin", "linear"), "modelserver.cache": "miss" },
    { ...grpc, ...model("lin", "linear"), "modelserver.cache": "hit" },
    { ...http, ...model("copy", "script") },
    { ...grpc, ...absent },
    { ...http, ...absent },
  ]);
  for (const failed of servers.slice(4)) {
    assert.deepEqual(failed.status, { code: 2, message: 'There is no model "absent"' });
  }
  const [first] = servers;
  assert.deepEqual([first.traceId, first.traceState], [TRACE_ID, "a=1"]);
  assert.notEqual(servers[1].traceId, servers[2].traceId);
  assert.equal(first.status, undefined);
  for (const { startTimeUnixNano: start, endTimeUnixNano: end } of spans) {
    assert.ok(BigInt(start) <= BigInt(end));
    // The clocks may differ by the rounding of their origins, and by steps of the system's.
    assert.ok(Number(start) / 1e6 >= before - 1_000 && Number(end) / 1e6 <= Date.now() + 1_000);
  }
  const stages = spans.filter(({ parentSpanId }) => parentSpanId === first.spanId);
  const names = stages.map(({ name }) => name);
  assert.ok(names.includes("compute") && names.includes("queue"), `${names}`);
  for (const stage of stages) {
    const told = valuesOf(stage.attributes)["modelserver.duration_ms"] as number;
    assert.ok(Math.abs(durationMs(stage) - told) < 0.01, `${durationMs(stage)} is not ${told}`);
    assert.equal(stage.traceId, TRACE_ID);
    assert.ok(BigInt(stage.startTimeUnixNano) >= BigInt(first.startTimeUnixNano));
  }
});

test("the sampler decides, and the caller where it is asked", async (programs) => {
  for (
    const [sampler, argument, wanted] of [
      ["always_off", "", []],
      ["traceidratio", "0", []],
      ["parentbased_always_off", "", [SAMPLED]],
      ["", "", [undefined, SAMPLED]],
      ["always_on", "", [undefined, SAMPLED, UNSAMPLED]],
    ] as const
  ) {
    await using collector = new Collector();
    await withServer(programs, {
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/custom`,
      OTEL_TRACES_SAMPLER: sampler,
      OTEL_TRACES_SAMPLER_ARG: argument,
    }, async ({ infer, stop }) => {
      for (const traceparent of [undefined, SAMPLED, UNSAMPLED]) await infer("lin", traceparent);
      assert.equal((await stop()).code, 0);
    });
    const servers = collector.spans.filter(({ kind }) => kind === 2);
    assert.equal(servers.length, wanted.length, sampler);
    assert.ok(collector.requests.every(({ path }) => path === "/custom"));
  }
});

test("calls and shutdown do without a collector", async (programs) => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  await withServer(programs, {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_BSP_SCHEDULE_DELAY: "1",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "2",
  }, async ({ infer, stop }) => {
    for (let i = 0; i < 50; i++) await infer("lin");
    const { code, log } = await stop();
    assert.equal(code, 0);
    const lost = log.split("\n").filter((line) => line.includes("traces were lost"));
    assert.equal(lost.length, 2, log);
    assert.equal(JSON.parse(lost[1]).inferences, 50);
    assert.match(lost[1], /it cannot be reached/);
  });
});

test("calls and shutdown do not wait for a collector that hangs", async (programs) => {
  await using collector = new Collector();
  const held = Promise.withResolvers<void>();
  collector.hold = held.promise;
  await withServer(programs, {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "1",
    OTEL_BSP_MAX_QUEUE_SIZE: "10",
  }, async ({ infer, stop }) => {
    for (let i = 0; i < 50; i++) await infer("lin");
    // The default drain: were it waited for longer, calls would have been cut off.
    const { code, log } = await stop();
    assert.equal(code, 0);
    assert.ok(!log.includes("cut off"), log);
    assert.match(log, /more than 10 inferences wait for export/);
    assert.match(log, /"inferences":50\b/);
  });
  held.resolve();
});

test("without its variables, nothing is told of tracing", async (programs) => {
  await using collector = new Collector();
  for (
    const env of [
      {},
      { OTEL_SDK_DISABLED: "true", OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
      { OTEL_TRACES_EXPORTER: "none", OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
    ]
  ) {
    await withServer(programs, env, async ({ infer, stop }) => {
      await infer("lin", SAMPLED);
      assert.ok(!(await stop()).log.includes("traced"));
    });
  }
  assert.deepEqual(collector.requests, []);
});

for (const { name, server: command, missing } of ALL_PROGRAMS) {
  Deno.test({ name: `traces, ${name}: a failure's span arrives`, ignore: missing }, async () => {
    await using collector = new Collector();
    const env = { ...command.env, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url };
    await using server = await startServerProcess({ ...command, env }, ["--http-port", "0"]);
    assert.equal(await post(server, "absent", { traceparent: SAMPLED }), 404);
    server.child.kill("SIGTERM");
    assert.equal((await server.child.status).code, 0);
    const [{ traceId, parentSpanId, status }] = collector.spans;
    assert.deepEqual([traceId, parentSpanId], [TRACE_ID, PARENT_ID]);
    assert.equal(status?.message, 'There is no model "absent"');
  });
}
