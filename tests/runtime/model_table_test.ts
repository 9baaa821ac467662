import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import type { InferRequest, InferResponse } from "../../lib/inference/infer.ts";
import type { GenerationDescriptor, ModelTableDescriptor } from "../../lib/runtime/generation.ts";
import { type ModelCommand, ModelCommands } from "../../lib/runtime/model_commands.ts";
import { ModelStatisticsRow } from "../../lib/runtime/model_statistics.ts";
import { ModelTable, type OpenGeneration } from "../../lib/runtime/model_table.ts";

const NOBODY_WAITS = {
  deadlineMs: undefined,
  get signal(): AbortSignal {
    throw new Error("Nothing has to wait");
  },
};

interface Play {
  readonly closed: number[];
  readonly failed: string[];
  readonly opened: number[];
  readonly sent: { readonly id: number; readonly command: ModelCommand }[];
  readonly commands: ModelCommands;
  readonly table: ModelTable;
  answer: () => InferResponse | Promise<InferResponse>;
}

const ANSWER: InferResponse = {
  model: "a",
  version: "1",
  outputs: [],
  cache: undefined,
  timing: { queueMs: 0, computeMs: 0, cacheMs: 0 },
};

function play(): Play {
  const sent: Play["sent"] = [];
  const commands = new ModelCommands((id, command) => sent.push({ id, command }));
  const opened: number[] = [];
  const failed: string[] = [];
  const closed: number[] = [];
  const open = (id: number, model: string, version: string): OpenGeneration => ({
    id,
    model,
    version,
    platform: "fake",
    metadata: { inputs: [], outputs: [] },
    config: { name: model },
    served: { infer: () => played.answer(), close: () => closed.push(id) },
    counted: new ModelStatisticsRow(ModelStatisticsRow.allocate(1), 0),
    statistics: () => {
      throw new Error("Not asked for");
    },
  });
  const table = new ModelTable(
    ({ id, model, version }) => {
      opened.push(id);
      if (model === "broken") throw new RangeError("no memory");
      return open(id, model, version);
    },
    commands,
    [open(0, "linear", "1")],
    (model) => failed.push(model),
  );
  const played: Play = { closed, failed, opened, sent, commands, table, answer: () => ANSWER };
  return played;
}

function tableOf(...generations: readonly (readonly [number, string, string])[]) {
  return {
    revision: 1,
    ready: true,
    generations: generations.map(([id, model, version]) =>
      ({ id, model, version }) as GenerationDescriptor
    ),
  } satisfies ModelTableDescriptor;
}

function request(model: string, version?: string): InferRequest {
  return {
    model,
    version,
    inputs: [],
    outputs: undefined,
    priority: undefined,
    parameters: undefined,
  };
}

Deno.test("ModelTable.apply() opens what is new, closes what is gone, and keeps the rest", () => {
  const { table, opened, closed } = play();
  table.apply(tableOf([1, "a", "1"], [2, "b", "1"]));
  table.apply(tableOf([2, "b", "1"], [3, "a", "1"]));
  assert.deepEqual([opened, closed], [[1, 2, 3], [1]]);
  table.apply(tableOf());
  assert.deepEqual(closed, [1, 2, 3]);
  assert.ok(table.isModelReady("linear", "1"), "what is built in was closed");
});

Deno.test("ModelTable takes the highest version unless one is named, 10 after 9", () => {
  const { table } = play();
  table.apply(tableOf([1, "a", "9"], [2, "a", "10"], [3, "a", "2"]));
  assert.deepEqual(table.metadata("a", undefined).versions, ["2", "9", "10"]);
  for (const version of ["2", "9", "10"]) assert.ok(table.isModelReady("a", version));
  assert.ok(!table.isModelReady("a", "3"));
  assert.ok(!table.isModelReady("b", undefined));
});

Deno.test("ModelTable names the model or version that is not there", () => {
  const { table } = play();
  table.apply(tableOf([1, "a", "1"], [2, "a", "2"]));
  const cases = [
    [request("b"), 'There is no model "b"'],
    [request("a", "3"), 'Model "a" has no version "3", it serves 1, 2'],
    [request("a", "constructor"), 'Model "a" has no version "constructor", it serves 1, 2'],
  ] as const;
  for (const [asked, message] of cases) {
    assert.throws(() => table.infer(asked, NOBODY_WAITS), { code: "not-found", message });
  }
});

Deno.test("ModelTable.infer() answers at once where the model does", async () => {
  const played = play();
  played.table.apply(tableOf([1, "a", "1"]));
  assert.equal(played.table.infer(request("a"), NOBODY_WAITS), ANSWER);
  played.answer = () => Promise.resolve(ANSWER);
  const answer = played.table.infer(request("a"), NOBODY_WAITS);
  assert.ok(answer instanceof Promise);
  assert.equal(await answer, ANSWER);
});

Deno.test("ModelTable counts answers and failures, whichever way they come", async () => {
  const memory = ModelStatisticsRow.allocate(2);
  const failure = new OperationError("internal", "broken");
  let answer: () => InferResponse | Promise<InferResponse> = () => ANSWER;
  const generation: OpenGeneration = {
    id: 0,
    model: "a",
    version: "1",
    platform: "fake",
    metadata: { inputs: [], outputs: [] },
    config: {},
    served: { infer: () => answer(), close: () => {} },
    counted: new ModelStatisticsRow(memory, 1),
    statistics: () => {
      throw new Error("Not asked for");
    },
  };
  const table = new ModelTable(
    () => generation,
    new ModelCommands(() => {}),
    [generation],
    () => {},
  );
  table.infer(request("a"), NOBODY_WAITS);
  answer = () => Promise.resolve({ ...ANSWER, cache: "hit" });
  await table.infer(request("a"), NOBODY_WAITS);
  answer = () => {
    throw failure;
  };
  assert.throws(() => table.infer(request("a"), NOBODY_WAITS), failure);
  answer = () => Promise.reject(failure);
  await assert.rejects(async () => await table.infer(request("a"), NOBODY_WAITS), failure);
  const sums = ModelStatisticsRow.sums(memory);
  assert.deepEqual(
    [sums.successCount, sums.hitCount, sums.computeCount, sums.failCount],
    [2, 1, 1, 2],
  );
  assert.equal(sums.latencyCounts.reduce((sum, count) => sum + count, 0), 2);
});

Deno.test("ModelTable hands index, load and unload to the main thread, and back what it says", async () => {
  const { table, sent, commands } = play();
  const [index, load] = [table.index(), table.load("a")];
  await assert.rejects(table.load("linear"), { code: "failed-precondition" });
  assert.deepEqual(sent.map(({ command }) => command), [{ kind: "index" }, {
    kind: "load",
    model: "a",
  }]);
  commands.settle(sent[1].id, { kind: "failed", code: "not-found", message: "nothing there" });
  commands.settle(sent[0].id, { kind: "done", index: [] });
  assert.deepEqual(await index, []);
  await assert.rejects(load, { code: "not-found", message: "nothing there" });
});

Deno.test("ModelTable.apply() serves the others without a generation that cannot be opened", () => {
  const { table, failed } = play();
  table.apply(tableOf([1, "a", "1"], [2, "broken", "1"], [3, "b", "1"]));
  assert.deepEqual(failed, ["broken"]);
  assert.deepEqual(["a", "broken", "b"].map((model) => table.isModelReady(model, undefined)), [
    true,
    false,
    true,
  ]);
});
