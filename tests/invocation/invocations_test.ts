import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import type { InferCall } from "../../lib/inference/infer.ts";
import { type InvocationModel, mockModel } from "../../lib/invocation/invocation_model.ts";
import { Invocations } from "../../lib/invocation/invocations.ts";
import { FakeStore, runOf } from "./fake_store.ts";
import { RecordingObserver } from "./recording_observer.ts";

function newCall(signal = new AbortController().signal): InferCall {
  return { signal, deadlineMs: undefined };
}

function setUp({ model = mockModel, needsStore = true } = {}) {
  const store = new FakeStore();
  const observer = new RecordingObserver();
  return { store, observer, invocations: new Invocations({ model, store, observer, needsStore }) };
}

Deno.test("Invocations.invoke() keeps input and output, and what was kept of the id is gone", async () => {
  const { store, observer, invocations } = setUp();
  for (const run of [runOf(7, "first"), runOf(-1), runOf(7, "second")]) {
    assert.deepEqual(await invocations.invoke(run.input, newCall()), run.output);
  }
  assert.deepEqual(store.runs, [runOf(-1), runOf(7, "second")]);
  assert.deepEqual(await invocations.find(7), runOf(7, "second"));
  assert.deepEqual((await invocations.list({ after: undefined, limit: 1 })).map(({ id }) => id), [
    7,
  ]);
  assert.deepEqual([await invocations.delete(7), await invocations.delete(7)], [true, false]);
  assert.equal(await invocations.find(7), undefined);
  assert.deepEqual(new Set(observer.told), new Set(["answered"]));
});

Deno.test("Invocations.invoke() keeps nothing when the model fails, and blames no store", async () => {
  const failure = new OperationError("internal", "it broke");
  const fails: readonly InvocationModel["invoke"][] = [
    () => {
      throw failure;
    },
    () => Promise.reject(failure),
  ];
  for (const invoke of fails) {
    const { store, observer, invocations } = setUp({ model: { ...mockModel, invoke } });
    await assert.rejects(invocations.invoke(runOf(1).input, newCall()), failure);
    assert.deepEqual([store.runs, observer.told], [[], []]);
  }
});

Deno.test("Invocations.invoke() keeps nothing of a call that was cancelled while the model ran", async () => {
  const running = Promise.withResolvers<{ id: number; metadata: [] }>();
  const { store, invocations } = setUp({
    model: { ...mockModel, invoke: () => running.promise },
  });
  const aborter = new AbortController();
  const invoked = invocations.invoke(runOf(1).input, newCall(aborter.signal));
  aborter.abort(new Error("cancelled"));
  running.resolve({ id: 1, metadata: [] });
  await assert.rejects(invoked, /cancelled/);
  assert.deepEqual(store.runs, []);
});

Deno.test("Invocations.invoke() blames no store for a call that was cancelled before it was kept", async () => {
  const { store, observer, invocations } = setUp();
  const release = store.hold();
  const aborter = new AbortController();
  const invoked = invocations.invoke(runOf(1).input, newCall(aborter.signal));
  await Promise.resolve();
  aborter.abort(new Error("cancelled"));
  release();
  await assert.rejects(invoked, /cancelled/);
  assert.deepEqual([store.runs, observer.told], [[], []]);
});

Deno.test("Invocations: a store that fails is told as it says, and observed, a wrong cursor is not", async () => {
  const { store, observer, invocations } = setUp();
  const wrong = invocations.list({ after: "x", limit: 1 });
  await assert.rejects(wrong, { code: "invalid-argument" });
  store.failure = { code: "unavailable", message: "the disk is full" };
  const page = { after: undefined, limit: 1 };
  for (
    const call of [
      () => invocations.invoke(runOf(1).input, newCall()),
      () => invocations.find(1),
      () => invocations.delete(1),
      () => invocations.list(page),
    ]
  ) await assert.rejects(call, store.failure);
  assert.deepEqual(observer.told, new Array(4).fill("failed: the disk is full"));
});

Deno.test("Invocations.problem() tells of the store where it is needed, and of the model", async () => {
  const failure = { code: "unavailable", message: "the disk is full" } as const;
  const needed = setUp();
  assert.equal(await needed.invocations.problem(), undefined);
  needed.store.failure = failure;
  assert.equal(await needed.invocations.problem(), "the disk is full");
  needed.store.failure = undefined;
  assert.equal(await needed.invocations.problem(), undefined);
  assert.deepEqual(needed.observer.told, ["answered", "failed: the disk is full", "answered"]);

  const idle = setUp({ needsStore: false });
  idle.store.failure = failure;
  assert.equal(await idle.invocations.problem(), undefined);
  assert.equal(idle.store.checks, 0);

  const { invocations } = setUp({ model: { ...mockModel, problem: () => "no model" } });
  assert.equal(await invocations.problem(), "no model");
});

Deno.test("Invocations.problem() asks the store once for all who ask at once", async () => {
  const { store, invocations } = setUp();
  const release = store.hold();
  const asked = [invocations.problem(), invocations.problem(), invocations.problem()];
  release();
  assert.deepEqual(await Promise.all(asked), [undefined, undefined, undefined]);
  assert.equal(store.checks, 1);
  await invocations.problem();
  assert.equal(store.checks, 2);
});
