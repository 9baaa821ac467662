import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import type { InferCall, InferRequest } from "../../lib/inference/infer.ts";
import type { RunInput } from "../../lib/invocation/run.ts";
import { type InvokedModels, ServedInvocationModel } from "../../lib/invocation/served_model.ts";
import type { BytesTensor, Tensor, TensorSpec } from "../../lib/tensor/tensor.ts";

const CALL: InferCall = { signal: new AbortController().signal, deadlineMs: undefined };

const INPUT: RunInput = { id: -7, content: "ä😀", metadata: [{ key: "k", value: '"' }] };

const text = (name: string, shape: readonly number[] = [-1]): TensorSpec => ({
  name,
  datatype: "BYTES",
  shape,
});

const bytes = (value: string) => new TextEncoder().encode(value);

function answerOf(value: string | Uint8Array): BytesTensor {
  const data = [typeof value === "string" ? bytes(value) : value];
  return { name: "metadata", datatype: "BYTES", shape: [1], data };
}

/** A model with these tensors, which answers so; what it was asked is remembered. */
class FakeModels implements InvokedModels {
  readonly requests: InferRequest[] = [];
  inputs: readonly TensorSpec[] = [text("content")];
  outputs: readonly TensorSpec[] = [text("metadata")];
  answer: Tensor = answerOf('[{"key": "bbox", "value": "1,2,3,4"}]');
  ready = true;
  isLater = false;

  infer(request: InferRequest) {
    this.requests.push(request);
    const timing = { queueMs: 0, computeMs: 0, cacheMs: 0 };
    const { model } = request;
    const response = { model, version: "1", outputs: [this.answer], cache: undefined, timing };
    return this.isLater ? Promise.resolve(response) : response;
  }

  metadata(name: string) {
    if (!this.ready) throw new OperationError("not-found", `There is no model "${name}"`);
    const { inputs, outputs } = this;
    return { name, platform: "script", versions: ["1"], inputs, outputs };
  }

  isModelReady(): boolean {
    return this.ready;
  }
}

Deno.test("ServedInvocationModel gives the content, and the metadata to a model that takes them", async () => {
  const models = new FakeModels();
  const model = new ServedInvocationModel(models, "faces");
  const output = { id: -7, metadata: [{ key: "bbox", value: "1,2,3,4" }] };
  assert.deepEqual(model.invoke(INPUT, CALL), output);
  models.isLater = true;
  models.inputs = [text("metadata"), text("content")];
  assert.deepEqual(await model.invoke(INPUT, CALL), output);
  const content = { ...text("content", [1]), data: [bytes("ä😀")] };
  const metadata = { ...text("metadata", [1]), data: [bytes('[{"key":"k","value":"\\""}]')] };
  assert.deepEqual(models.requests.map(({ inputs }) => inputs), [[content], [metadata, content]]);
  assert.deepEqual(models.requests.map(({ model, version }) => [model, version]), [
    ["faces", undefined],
    ["faces", undefined],
  ]);
});

Deno.test("ServedInvocationModel refuses models with other tensors, each time", () => {
  const metadata = [text("metadata")];
  const cases: readonly (readonly [TensorSpec[], TensorSpec[], string])[] = [
    [[], metadata, "nothing to metadata BYTES [-1]"],
    [metadata, metadata, "metadata BYTES [-1] to metadata BYTES [-1]"],
    [[text("content", [-1, 1])], metadata, "content BYTES [-1,1] to metadata BYTES [-1]"],
    [[text("content"), text("more")], metadata, "content BYTES [-1], more BYTES [-1] to"],
    [[{ ...text("content"), datatype: "FP32" }], metadata, "content FP32 [-1] to"],
    [[text("content")], [], "content BYTES [-1] to nothing"],
    [[text("content")], [text("boxes")], "content BYTES [-1] to boxes BYTES [-1]"],
    [[text("content")], [...metadata, text("more")], "to metadata BYTES [-1], more BYTES [-1]"],
  ];
  for (const [inputs, outputs, found] of cases) {
    const models = new FakeModels();
    const model = new ServedInvocationModel(models, "m");
    Object.assign(models, { inputs, outputs });
    for (const _ of ["first", "again"]) {
      assert.throws(() => model.invoke(INPUT, CALL), (error: OperationError) => {
        assert.equal(error.code, "failed-precondition");
        assert.ok(error.message.startsWith('Cannot invoke model "m": it takes '), error.message);
        assert.ok(error.message.includes(found), error.message);
        return true;
      });
    }
    assert.deepEqual(models.requests, []);
  }
});

Deno.test("ServedInvocationModel says what is wrong with an answer", () => {
  const pair = '{"key": "a", "value": "b"}';
  const cases: readonly (readonly [Tensor, RegExp])[] = [
    [answerOf("no JSON"), /of its output "metadata", it is no JSON text in UTF-8$/],
    [answerOf(new Uint8Array([0x22, 0xff, 0x22])), /no JSON text in UTF-8$/],
    [answerOf("{}"), /it is no JSON array, needs one of pairs$/],
    [answerOf(`[${pair}, 1]`), /its element 1 is no pair, needs \{"key", "value"\}/],
    [answerOf('[{"key": "a", "value": 1}]'), /its element 0 is no pair/],
    [answerOf('[{"key": "a"}]'), /its element 0 is no pair/],
    [answerOf('[{"key": "a", "value": "b", "more": "c"}]'), /its element 0 is no pair/],
    [answerOf(`[${new Array(4_097).fill(pair)}]`), /it has 4097 pairs, at most 4096$/],
    [{ ...answerOf("[]"), data: [], shape: [0] }, /its output has 0 elements, needs one$/],
  ];
  for (const [answer, message] of cases) {
    const models = new FakeModels();
    models.answer = answer;
    const model = new ServedInvocationModel(models, "m");
    assert.throws(() => model.invoke(INPUT, CALL), { code: "internal", message });
  }
});

Deno.test("ServedInvocationModel: a model that is not there is a problem, until it is", () => {
  const models = new FakeModels();
  const model = new ServedInvocationModel(models, "faces");
  models.ready = false;
  assert.equal(model.problem(), 'the model "faces" of --invocation-model does not serve');
  assert.throws(() => model.invoke(INPUT, CALL), { code: "not-found", message: /"faces"/ });
  models.ready = true;
  assert.equal(model.problem(), undefined);
});
