import assert from "node:assert/strict";
import fc from "fast-check";
import protobuf from "protobufjs";
import { OperationError } from "../../lib/errors.ts";
import type { Codec } from "../../lib/grpc/codec.ts";
import { Code } from "../../lib/grpc/status.ts";
import type { InferCall } from "../../lib/inference/infer.ts";
import { mockModel } from "../../lib/invocation/invocation_model.ts";
import { Invocations } from "../../lib/invocation/invocations.ts";
import { INVOCATION_METADATA_MAX } from "../../lib/limits.ts";
import { InvocationClient } from "../../lib/services/invocation_client.ts";
import {
  type InvocationRequest,
  InvocationRequestCodec,
} from "../../lib/services/invocation_codec.ts";
import {
  invocationSource,
  invokeMethod,
  modelSource,
} from "../../lib/services/invocation_contract.ts";
import { addInvocation, type InvocationBackend } from "../../lib/services/invocation_service.ts";
import { aborted, mayUseNet, TestServer } from "../grpc/test_server.ts";
import { FakeStore, runOf } from "../invocation/fake_store.ts";
import { RecordingObserver } from "../invocation/recording_observer.ts";

const root = new protobuf.Root();
for (const { text } of [modelSource, invocationSource]) {
  protobuf.parse(text, root, { keepCase: true });
}
const requestType = root.lookupType("invocation.v1.InvocationRequest");
const responseType = root.lookupType("invocation.v1.InvocationResponse");

function encode<Message>(codec: Codec<Message>, message: Message): Uint8Array {
  const bytes = new Uint8Array(codec.encodedBytesMax(message) + 3);
  return bytes.slice(3, codec.encode(message, bytes, 3));
}

function decode<Message>(codec: Codec<Message>, bytes: Uint8Array): Message {
  return codec.decode(bytes, 0, bytes.length);
}

const texts = fc.string({ unit: "grapheme", maxLength: 40 });
/** Objects as literals are. */
const PLAIN = { noNullPrototype: true };
const pairs = fc.record({ key: texts, value: texts }, PLAIN);
const inputs = fc.record({
  id: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  content: texts,
  metadata: fc.array(pairs, { maxLength: 5 }),
}, PLAIN);

/** A message without the fields that are at their defaults, and so those within it. */
function set(message: object): Record<string, unknown> {
  const fields = Object.entries(message).filter(([, value]) => value !== "" && value !== 0);
  return Object.fromEntries(
    fields.map(([name, value]) => [name, Array.isArray(value) ? value.map(set) : value]),
  );
}

Deno.test("InvocationRequestCodec reads and writes what protobufjs does", () => {
  const codec = new InvocationRequestCodec();
  const edges = [0, -1, 1, 2 ** 31 - 1, -(2 ** 31)].map((id) => ({
    id,
    content: "",
    metadata: [],
  }));
  const check = (input: InvocationRequest["model_input"]) => {
    // Alone of all libraries it writes fields at their defaults where they are set.
    const message = requestType.fromObject(input === undefined ? {} : { model_input: set(input) });
    const bytes = requestType.encode(message).finish();
    assert.deepEqual(decode(codec, bytes), { model_input: input, refused: undefined });
    const written = encode(codec, { model_input: input });
    assert.equal(written.toHex(), bytes.toHex());
    assert.equal(codec.encodedBytesMax({ model_input: input }), bytes.length);
  };
  for (const input of [undefined, ...edges]) check(input);
  fc.assert(fc.property(inputs, check), { numRuns: 500 });
});

Deno.test("InvocationRequestCodec merges parts, and skips what it does not know", () => {
  const codec = new InvocationRequestCodec();
  const first = encode(codec, {
    model_input: { id: 5, content: "a", metadata: runOf(1).input.metadata },
  });
  const second = encode(codec, {
    model_input: { id: 0, content: "b", metadata: [{ key: "x", value: "" }] },
  });
  const merged = new Uint8Array([...first, 0x78, 0x01, ...second]);
  assert.deepEqual(decode(codec, merged).model_input, {
    id: 5,
    content: "b",
    metadata: [{ key: "type", value: "list" }, { key: "x", value: "" }],
  });
  // A field of four bytes, of which its message has one, whatever follows.
  const overlong = new Uint8Array([0x0a, 0x02, 0x2d, 0x00, 0x78, 0x01, 0x78, 0x01]);
  assert.throws(() => decode(codec, overlong), RangeError);
});

Deno.test("InvocationRequestCodec refuses text that is not UTF-8, and bytes that are cut off", () => {
  const codec = new InvocationRequestCodec();
  const bytes = encode(codec, { model_input: runOf(3).input });
  for (let end = 1; end < bytes.length; end++) {
    assert.throws(() => decode(codec, bytes.subarray(0, end)), RangeError, `${end}`);
  }
  assert.throws(() => decode(codec, new Uint8Array([0x0a, 0x03, 0x12, 0x01, 0xff])), TypeError);
});

Deno.test("InvocationRequestCodec keeps no more pairs than there may be, and says so", () => {
  const codec = new InvocationRequestCodec();
  const metadata = Array.from({ length: INVOCATION_METADATA_MAX }, () => ({ key: "", value: "" }));
  const most = encode(codec, { model_input: { id: 1, content: "", metadata } });
  assert.equal(decode(codec, most).refused, undefined);
  const more = encode(codec, {
    model_input: { id: 1, content: "", metadata: [...metadata, ...metadata] },
  });
  const { model_input, refused } = decode(codec, more);
  assert.equal(model_input?.metadata.length, INVOCATION_METADATA_MAX);
  assert.match(`${refused?.message}`, /^Cannot invoke: the input has 8192 metadata, at most 4096$/);
});

Deno.test("InvocationResponse is read and written as protobufjs does", () => {
  const codec = invokeMethod().response;
  for (const response of [{ status: "OK", message: "" }, { status: "ERROR", message: "ä" }]) {
    const bytes = responseType.encode(responseType.fromObject(set(response))).finish();
    assert.deepEqual(decode(codec, bytes), response);
    assert.equal(encode(codec, response).toHex(), bytes.toHex());
  }
});

Deno.test("invokeMethod() has the path and the kind that the file says", () => {
  const service = root.lookupService("invocation.v1.Invocation");
  const [{ name, requestStream, responseStream }, ...rest] = service.methodsArray;
  assert.deepEqual(rest, []);
  const { path, kind } = invokeMethod();
  assert.equal(path, `/${service.fullName.slice(1)}/${name}`);
  assert.deepEqual([kind, requestStream, responseStream], ["unary", undefined, undefined]);
});

function startServer(backend: InvocationBackend, observer = new RecordingObserver()) {
  return new TestServer({}, {
    register: (registry) => addInvocation(registry, invokeMethod(), backend, observer),
  });
}

for (const over of ["memory", "sockets"] as const) {
  Deno.test({
    name: `Invocation over ${over}: OK means kept, ERROR says why`,
    ignore: over === "sockets" && !mayUseNet,
  }, async () => {
    const store = new FakeStore();
    const observer = new RecordingObserver();
    const invocations = new Invocations({ model: mockModel, store, observer, needsStore: false });
    await using server = startServer(invocations, observer);
    const channel = over === "memory" ? server.channel() : server.tcpChannel(server.listen());
    const client = new InvocationClient(channel);
    for (const id of [100, 0, -(2 ** 31), 2 ** 31 - 1]) {
      assert.deepEqual(await client.invoke(runOf(id).input), { status: "OK", message: "" });
      assert.deepEqual(store.runs.at(-1), runOf(id));
    }
    store.failure = { code: "unavailable", message: "the disk is full" };
    const failed = await client.invoke(runOf(5).input);
    assert.deepEqual(failed, { status: "ERROR", message: "the disk is full" });
    assert.equal(store.runs.length, 4);
    assert.deepEqual(observer.told.filter((told) => told === "ok" || told === "error"), [
      ...["ok", "ok", "ok", "ok", "error"],
    ]);
  });
}

Deno.test("Invocation refuses a request without an input, or with too many pairs", async () => {
  const observer = new RecordingObserver();
  const invoke = () => Promise.reject(new Error("It was invoked"));
  await using server = startServer({ invoke }, observer);
  const channel = server.channel();
  assert.deepEqual(await channel.unary(invokeMethod(), { model_input: undefined }), {
    status: "ERROR",
    message: "Cannot invoke: the request has no model_input",
  });
  const metadata = new Array(INVOCATION_METADATA_MAX + 1).fill({ key: "", value: "" });
  const tooMany = await new InvocationClient(channel).invoke({ id: 1, content: "", metadata });
  assert.deepEqual(tooMany, {
    status: "ERROR",
    message: "Cannot invoke: the input has 4097 metadata, at most 4096",
  });
  assert.deepEqual(observer.told, ["error", "error"]);
});

Deno.test("Invocation: a bug ends the call with a status, and no text", async () => {
  const invoke = () => Promise.reject(new TypeError("secret of a bug"));
  await using server = startServer({ invoke });
  const invoked = new InvocationClient(server.channel()).invoke(runOf(1).input);
  await assert.rejects(invoked, { code: Code.UNKNOWN });
  assert.match(String(server.observer.handlerErrors[0].error), /secret/);
});

Deno.test("Invocation: a deadline and a cancellation end the call, and reach the model", async () => {
  const observer = new RecordingObserver();
  const invoke = async (_: unknown, { signal }: InferCall): Promise<never> => {
    await aborted(signal);
    throw signal.reason;
  };
  await using server = startServer({ invoke }, observer);
  const client = new InvocationClient(server.channel());
  await assert.rejects(client.invoke(runOf(1).input, { timeoutMs: 20 }), {
    code: Code.DEADLINE_EXCEEDED,
  });
  const aborter = new AbortController();
  const invoked = client.invoke(runOf(1).input, { signal: aborter.signal });
  await server.observer.whenStarted(2);
  aborter.abort();
  await assert.rejects(invoked);
  while (observer.told.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(observer.told, ["error", "error"]);
  assert.deepEqual(server.observer.handlerErrors, []);
});

Deno.test("OperationErrors of every code are answers, not statuses", async () => {
  const invoke = () => Promise.reject(new OperationError("not-found", 'There is no model "m"'));
  await using server = startServer({ invoke });
  assert.deepEqual(await new InvocationClient(server.channel()).invoke(runOf(1).input), {
    status: "ERROR",
    message: 'There is no model "m"',
  });
});
