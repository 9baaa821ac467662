import assert from "node:assert/strict";
import type { ErrorCode } from "../../lib/errors.ts";
import type { Metadata } from "../../lib/grpc/metadata.ts";
import { Code, codeName } from "../../lib/grpc/status.ts";
import { INFER_TENSORS_MAX, STREAM_INFERENCES_MAX } from "../../lib/limits.ts";
import type { ModelInferRequest } from "../../lib/services/inference_codec/infer_request.ts";
import { type Inference, InferenceClient } from "../../lib/services/inference_client.ts";
import { inferenceMethods } from "../../lib/services/inference_contract.ts";
import { addInference } from "../../lib/services/inference_service.ts";
import type { Tensor } from "../../lib/tensor/tensor.ts";
import { mayUseNet, TestServer } from "../grpc/test_server.ts";
import { FakeBackend } from "./fake_backend.ts";
import { TENSORS } from "./inference_messages.ts";

const methods = inferenceMethods();

interface Fixture {
  readonly backend: FakeBackend;
  readonly server: TestServer;
  readonly client: InferenceClient;
  readonly channel: ReturnType<TestServer["channel"]>;
}

/** Runs a test over connections in memory, and over sockets where that is allowed. */
function test(name: string, run: (fixture: Fixture) => Promise<void>): void {
  for (const over of ["memory", "sockets"] as const) {
    const ignore = over === "sockets" && !mayUseNet;
    Deno.test({ name: `GRPCInferenceService over ${over} ${name}`, ignore }, async () => {
      const backend = new FakeBackend();
      await using server = new TestServer({}, {
        register: (registry) => addInference(registry, inferenceMethods(), backend),
      });
      const channel = over === "memory" ? server.channel() : server.tcpChannel(server.listen());
      await run({ backend, server, channel, client: new InferenceClient(channel) });
    });
  }
}

const X: Tensor = {
  name: "x",
  datatype: "FP32",
  shape: [2, 2],
  data: Float32Array.of(1, -2, 0.5, 1e30),
};

const code = (code: Code, message: RegExp) => ({ code, message });

test("answers with all datatypes, raw and typed, at once and later", async ({ client }) => {
  for (const raw of [true, false]) {
    const inputs = raw
      ? TENSORS
      : TENSORS.filter(({ datatype }) => !/^(FP16|BF16)$/.test(datatype));
    const response = await client.infer({ model: "echo", inputs, id: "7", raw });
    assert.deepEqual(response, {
      id: "7",
      raw,
      answer: { model: "echo", version: "1", outputs: inputs },
    });
    const doubled = await client.infer({ model: "double", inputs: [X], raw });
    const y: Tensor = {
      name: "y",
      datatype: "FP32",
      shape: [2, 2],
      data: Float32Array.of(2, -4, 1, 2e30),
    };
    assert.deepEqual(doubled, {
      id: "",
      raw,
      answer: { model: "double", version: "1", outputs: [y] },
    });
  }
});

test("answers with a megabyte, and calls at the same time with their own", async ({ client }) => {
  const inputs = [1, 2, 3].map((seed): Tensor => {
    const data = Float32Array.from({ length: 262_144 }, (_, i) => i * seed);
    return { name: "x", datatype: "FP32", shape: [262_144], data };
  });
  const answers = await Promise.all(
    inputs.flatMap((input) => [1, 2].map(() => client.infer({ model: "echo", inputs: [input] }))),
  );
  for (const [index, { answer }] of answers.entries()) {
    assert.deepEqual(answer.outputs, [inputs[Math.floor(index / 2)]]);
  }
});

test("tells the backend what the request asks for", async ({ backend, client, channel }) => {
  const inference: Inference = {
    model: "echo",
    inputs: [X],
    version: "1",
    outputs: ["x"],
    priority: 2,
    parameters: { text: "ä", yes: true, no: false, int: -5, half: 0.5, big: 2n ** 63n },
  };
  await client.infer(inference);
  const { model, version, outputs, priority, parameters } = inference;
  const [{ parameters: found, ...rest }] = backend.requests;
  assert.deepEqual(rest, { model, version, outputs, priority });
  assert.deepEqual({ ...found }, parameters);
  assert.equal(backend.calls[0].deadlineMs, undefined);

  const message = (timeoutMs: number): ModelInferRequest => ({
    id: "",
    raw: true,
    timeoutMs,
    infer: {
      model: "echo",
      inputs: [X],
      version: undefined,
      outputs: undefined,
      priority: undefined,
      parameters: undefined,
    },
    refused: undefined,
  });
  const before = performance.now();
  await channel.unary(methods.modelInfer, message(5_000));
  await channel.unary(methods.modelInfer, message(90_000), { timeoutMs: 60_000 });
  await channel.unary(methods.modelInfer, message(0.5), { timeoutMs: 60_000 });
  const after = performance.now();
  const [, own, call, least] = backend.calls.map(({ deadlineMs = Infinity }) => deadlineMs);
  assert.ok(own >= before + 5_000 && own <= after + 5_000, `${own}`);
  assert.ok(call <= after + 60_000, `${call}`);
  assert.ok(least <= after + 0.5, `${least}`);
  assert.equal(backend.calls[3].signal.aborted, false);
});

test("tells where an answer came from, when there is something to say", async ({ backend, client }) => {
  const trailersOf = async (model: string) => {
    let trailers: Metadata | undefined;
    const onTrailers = (metadata: Metadata) => trailers = metadata;
    await client.infer({ model, inputs: [X] }, { onTrailers });
    return trailers?.entries();
  };
  assert.deepEqual(await trailersOf("echo"), []);
  backend.cache = "hit";
  assert.deepEqual(await trailersOf("echo"), [["cache", "hit"]]);
  // Short durations share their trailers: each must have its own, again and again.
  for (const us of [1, 15, 16, 1, 15, 16]) {
    backend.timing = { queueMs: 0, computeMs: 0, cacheMs: us / 1_000 };
    const timing = ["server-timing", `cache;dur=${us / 1_000}`];
    for (const cache of ["hit", "miss"] as const) {
      backend.cache = cache;
      assert.deepEqual(await trailersOf("echo"), [["cache", cache], timing]);
    }
    backend.cache = undefined;
    assert.deepEqual(await trailersOf("echo"), [timing]);
  }
  backend.cache = "coalesced";
  backend.timing = { queueMs: 0.01234, computeMs: 1.2, cacheMs: 0.0001 };
  assert.deepEqual(await trailersOf("double"), [
    ["cache", "coalesced"],
    ["server-timing", "queue;dur=0.012, compute;dur=1.2"],
  ]);
});

test("ends a call with the status of its error", async ({ client, server }) => {
  const codes: Readonly<Record<ErrorCode, Code>> = {
    "invalid-argument": Code.INVALID_ARGUMENT,
    "not-found": Code.NOT_FOUND,
    "failed-precondition": Code.FAILED_PRECONDITION,
    "out-of-range": Code.OUT_OF_RANGE,
    "resource-exhausted": Code.RESOURCE_EXHAUSTED,
    "deadline-exceeded": Code.DEADLINE_EXCEEDED,
    "unavailable": Code.UNAVAILABLE,
    "internal": Code.INTERNAL,
  };
  for (const [fail, status] of Object.entries(codes)) {
    const call = client.infer({ model: "echo", inputs: [X], parameters: { fail } });
    await assert.rejects(call, code(status, new RegExp(`^Cannot infer: ${fail}$`)));
  }
  const unknown = client.infer({ model: "none", inputs: [X] });
  await assert.rejects(unknown, code(Code.NOT_FOUND, /^Cannot find model "none"$/));
  const version = client.infer({ model: "echo", inputs: [X], version: "9" });
  await assert.rejects(version, code(Code.NOT_FOUND, /version 9 of model "echo"/));
  assert.deepEqual(server.observer.handlerErrors, []);
  const bug = client.infer({ model: "echo", inputs: [X], parameters: { bug: true } });
  await assert.rejects(bug, code(Code.UNKNOWN, /^(?!.*secret)/));
  assert.equal(server.observer.handlerErrors.length, 1);
});

test("refuses what cannot be, naming the tensor", async ({ client, channel, backend }) => {
  const refusals: [Inference, RegExp][] = [
    [{ model: "echo", inputs: [X, X] }, /^Cannot read tensor "x": it is there twice$/],
    [
      { model: "echo", inputs: [{ ...X, shape: [1, 5] }] },
      /^Cannot read tensor "x": 16 bytes of raw data, FP32 of shape \[1,5\] needs 20$/,
    ],
    [
      { model: "echo", inputs: [{ ...X, shape: [1, 5] }], raw: false },
      /^Cannot read tensor "x": 4 elements, shape \[1,5\] needs 5$/,
    ],
    [
      { model: "echo", inputs: [X], outputs: ["x", "x"] },
      /^Cannot give output "x": it is asked for twice$/,
    ],
    [
      { model: "echo", inputs: [X], parameters: { priority: "high" } },
      /^Cannot read parameter "priority": found "high", need an integer from 0$/,
    ],
    [
      {
        model: "echo",
        inputs: Array.from({ length: INFER_TENSORS_MAX + 1 }, (_, i) => ({ ...X, name: `${i}` })),
      },
      /^Cannot read inputs: 1025, at most 1024$/,
    ],
  ];
  for (const [inference, message] of refusals) {
    await assert.rejects(client.infer(inference), code(Code.INVALID_ARGUMENT, message));
  }
  assert.equal(backend.requests.length, 0);
  const garbage = {
    ...methods.modelInfer,
    request: {
      decode: () => ({} as ModelInferRequest),
      encodedBytesMax: () => 2,
      encode: (_: ModelInferRequest, bytes: Uint8Array, at: number) => {
        bytes.set([0x2a, 9], at);
        return at + 2;
      },
    },
  };
  const call = channel.unary(garbage, {} as ModelInferRequest);
  await assert.rejects(call, code(Code.INTERNAL, /^Cannot read request/));
});

const GIVEN = { version: undefined, outputs: undefined, priority: undefined };

function streamRequest(id: string, model?: string, fail?: string): ModelInferRequest {
  const parameters = fail === undefined ? { id } : { id, fail };
  const infer = { model: model ?? "double", inputs: [X], parameters, ...GIVEN };
  return { id, raw: true, timeoutMs: undefined, infer, refused: undefined };
}

test("answers a stream in order, whatever is ready first", async ({ backend, channel }) => {
  const held = Array.from({ length: 40 }, () => Promise.withResolvers<void>());
  let started = 0;
  let running = 0;
  let runningMost = 0;
  const reached = Promise.withResolvers<void>();
  backend.hold = async ({ parameters }) => {
    runningMost = Math.max(runningMost, ++running);
    if (++started === STREAM_INFERENCES_MAX) reached.resolve();
    await held[Number(parameters?.id)].promise;
    running--;
  };
  const requests = held.map((_, index) => streamRequest(`${index}`));
  const answers = channel.bidiStreaming(methods.modelStreamInfer, requests);
  const read = (async () => {
    const ids: string[] = [];
    for await (const { error, response } of answers) ids.push(`${error}${response.id}`);
    return ids;
  })();
  await reached.promise;
  for (const { resolve } of held.toReversed()) resolve();
  assert.deepEqual(await read, held.map((_, index) => `${index}`));
  assert.equal(runningMost, STREAM_INFERENCES_MAX);
});

test("keeps the tensors of streams at the same time apart", async ({ channel }) => {
  const answersOf = async (stream: number) => {
    const requests = Array.from({ length: 20 }, (_, index): ModelInferRequest => {
      const input: Tensor = { ...X, data: new Float32Array(4).fill(stream * 100 + index) };
      const request = streamRequest(`${index}`, "echo");
      return { ...request, infer: { ...request.infer, inputs: [input] } };
    });
    const values: number[] = [];
    for await (const { response } of channel.bidiStreaming(methods.modelStreamInfer, requests)) {
      values.push(Number(response.answer.outputs[0].data[0]));
    }
    return values;
  };
  const streams = [1, 2, 3, 4];
  assert.deepEqual(
    await Promise.all(streams.map(answersOf)),
    streams.map((stream) => Array.from({ length: 20 }, (_, index) => stream * 100 + index)),
  );
});

test("answers a stream's requests one by one, and goes on after errors", async ({ channel }) => {
  let answered = Promise.withResolvers<void>();
  async function* requests() {
    for (
      const [id, model, fail] of [
        ["a", "echo"],
        ["b", "echo", "resource-exhausted"],
        ["c", "none"],
        ["d", "double"],
      ]
    ) {
      yield streamRequest(id, model, fail);
      await answered.promise;
      answered = Promise.withResolvers<void>();
    }
    const { infer, ...rest } = streamRequest("e");
    yield { ...rest, infer: { ...infer, inputs: [{ ...X, shape: [9] }] } };
  }
  const found: [string, string, number][] = [];
  for await (
    const { error, response } of channel.bidiStreaming(methods.modelStreamInfer, requests())
  ) {
    found.push([response.id, error, response.answer.outputs.length]);
    answered.resolve();
  }
  assert.deepEqual(found, [
    ["a", "", 1],
    ["b", "Cannot infer: resource-exhausted", 0],
    ["c", 'Cannot find model "none"', 0],
    ["d", "", 1],
    ["e", 'Cannot read tensor "x": 16 bytes of raw data, FP32 of shape [9] needs 36', 0],
  ]);
});

test("ends a stream at a bug, and when its caller leaves", async ({ channel, backend, server }) => {
  async function* never(first: ModelInferRequest) {
    yield first;
    await new Promise<never>(() => {});
  }
  const infer = { ...streamRequest("x", "echo").infer, parameters: { bug: true } };
  const stream = channel.bidiStreaming(
    methods.modelStreamInfer,
    never({ ...streamRequest("x"), infer }),
  );
  await assert.rejects(async () => {
    for await (const _ of stream) assert.fail("no answer is due");
  }, code(Code.UNKNOWN, /^(?!.*secret)/));
  const { promise, resolve } = Promise.withResolvers<void>();
  backend.hold = () => promise;
  const abort = new AbortController();
  const left = channel.bidiStreaming(
    methods.modelStreamInfer,
    never(streamRequest("y")),
    { signal: abort.signal },
  );
  const reading = (async () => {
    for await (const _ of left) assert.fail("no answer is due");
  })();
  await server.observer.whenStarted(2);
  abort.abort(new Error("left"));
  await assert.rejects(reading, /left/);
  await server.observer.whenEnded(2);
  resolve();
  assert.deepEqual(server.observer.ended.map(String), ["UNKNOWN", codeName(Code.CANCELLED)]);
});

test("tells of server, models and repository", async ({ client, channel, backend }) => {
  assert.equal((await client.serverMetadata()).name, "modelserver");
  assert.deepEqual(await client.modelMetadata("double"), {
    name: "double",
    versions: ["1"],
    platform: "fake",
    inputs: [{ name: "x", datatype: "FP32", shape: [-1, 4] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [-1, 4] }],
  });
  assert.equal(await client.serverReady(), true);
  backend.ready = false;
  assert.equal(await client.serverReady(), false);
  assert.deepEqual(await channel.unary(methods.serverLive, {}), { live: true });
  assert.deepEqual(
    await Promise.all([
      client.modelReady("double"),
      client.modelReady("double", "1"),
      client.modelReady("double", "2"),
      client.modelReady("none"),
    ]),
    [true, true, false, false],
  );
  await assert.rejects(client.modelMetadata("none"), code(Code.NOT_FOUND, /"none"/));

  const change = (model: string, extra = {}) => ({
    repository_name: "",
    model_name: model,
    parameters: {},
    ...extra,
  });
  await channel.unary(methods.repositoryModelUnload, change("double"));
  const names = async (ready: boolean) => {
    const request = { repository_name: "", ready };
    const { models } = await channel.unary(methods.repositoryIndex, request);
    return models.map(({ name, state, reason }) => `${name} ${state} ${reason}`.trim());
  };
  assert.deepEqual(await names(false), [
    "echo READY",
    "double UNAVAILABLE unloaded",
    "concatenate READY",
  ]);
  assert.deepEqual(await names(true), ["echo READY", "concatenate READY"]);
  const unloaded = client.infer({ model: "double", inputs: [X] });
  await assert.rejects(unloaded, code(Code.UNAVAILABLE, /not loaded/));
  await channel.unary(methods.repositoryModelLoad, change("double"));
  assert.equal(await client.modelReady("double"), true);
  for (const method of [methods.repositoryModelLoad, methods.repositoryModelUnload]) {
    const missing = channel.unary(method, change("none"));
    await assert.rejects(missing, code(Code.NOT_FOUND, /"none"/));
    const elsewhere = channel.unary(method, change("double", { repository_name: "r" }));
    await assert.rejects(elsewhere, code(Code.NOT_FOUND, /repository "r"/));
  }
  const configured = change("double", { parameters: { config: { string_param: "{}" } } });
  const load = channel.unary(methods.repositoryModelLoad, configured);
  await assert.rejects(load, code(Code.INVALID_ARGUMENT, /parameter "config" is not supported/));
});
