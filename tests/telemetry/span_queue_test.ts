import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import type { InferenceRecord } from "../../lib/telemetry/inference_record.ts";
import { SpanQueue, type SpanQueueOptions } from "../../lib/telemetry/span_queue.ts";

const record = (model: string): InferenceRecord => ({
  traceId: "1".repeat(32),
  spanId: "2".repeat(16),
  parent: undefined,
  origin: undefined,
  model,
  version: "1",
  rows: 1,
  startMs: 1,
  endMs: 2,
  answer: undefined,
  failure: undefined,
});

const newQueue = (options: Partial<SpanQueueOptions> = {}) => {
  const told: [number, string][] = [];
  const exported: string[] = [];
  let onExport = () => {};
  const queue = new SpanQueue({
    queueMax: 4,
    batchMax: 2,
    delayMs: 60_000,
    timeoutMs: 60_000,
    encode: (records) => Promise.resolve(records.map(({ model }) => model).join("")),
    exportSpans: (body) => {
      exported.push(body);
      onExport();
      return Promise.resolve();
    },
    events: { onSpansLost: (lost, reason) => told.push([lost, reason]) },
    ...options,
  });
  const add = (models: string) => [...models].forEach((model) => queue.add(record(model)));
  const untilExported = () => new Promise<void>((resolve) => onExport = resolve);
  return { queue, told, exported, add, untilExported };
};

/** Ends only when it is told to. */
const hang = (_body: string, signal: AbortSignal) =>
  new Promise<void>((_, reject) =>
    signal.addEventListener("abort", () => reject(new OperationError("unavailable", "aborted")))
  );

Deno.test("SpanQueue exports a full batch without waiting, the rest at its end", async () => {
  const { queue, told, exported, add, untilExported } = newQueue();
  const full = untilExported();
  add("abc");
  assert.deepEqual(exported, [], "not in the turn of the inference");
  await full;
  assert.deepEqual(exported, ["ab"]);
  await queue.close(60_000);
  assert.deepEqual(exported, ["ab", "c"]);
  assert.deepEqual(told, []);
});

Deno.test("SpanQueue exports what waits when its time has come, and again", async () => {
  const { queue, exported, add, untilExported } = newQueue({ delayMs: 1 });
  for (const model of ["a", "b", "c"]) {
    const one = untilExported();
    add(model);
    await one;
  }
  assert.deepEqual(exported, ["a", "b", "c"]);
  await queue.close(60_000);
});

Deno.test("SpanQueue drops what does not fit, and tells it once and in sum", async () => {
  const { queue, told, exported, add } = newQueue();
  add("abcdefg");
  assert.deepEqual(told, [[1, "more than 4 inferences wait for export"]]);
  assert.equal(queue.lost, 3);
  await queue.close(60_000);
  assert.deepEqual(exported, ["ab", "cd"]);
  assert.equal(told.at(-1)?.[0], 3);
  add("h");
  assert.deepEqual(exported, ["ab", "cd"]);
});

Deno.test("SpanQueue goes on after an export that failed or threw", async () => {
  let exports = 0;
  const { queue, told, add } = newQueue({
    exportSpans: () => {
      if (++exports === 1) return Promise.reject(new OperationError("unavailable", "it is down"));
      if (exports === 2) throw new TypeError("a bug");
      return Promise.resolve();
    },
  });
  add("abcd");
  await queue.close(60_000);
  assert.equal(exports, 2);
  assert.deepEqual(told, [[2, "it is down"], [4, "a bug"]]);
});

Deno.test("SpanQueue gives up an export at its timeout", async () => {
  const { queue, told, add } = newQueue({ exportSpans: hang, timeoutMs: 1 });
  add("abc");
  await queue.close(60_000);
  assert.deepEqual(told, [[2, "aborted"], [3, "aborted"]]);
});

Deno.test("SpanQueue gives up at the end what an export holds, and what is behind it", async () => {
  const started = Promise.withResolvers<void>();
  const { queue, told, add } = newQueue({
    exportSpans: (body, signal) => {
      started.resolve();
      return hang(body, signal);
    },
  });
  add("abc");
  await started.promise;
  await queue.close(1);
  assert.equal(queue.lost, 3);
  assert.deepEqual(told, [[2, "aborted"], [3, "there was no time left to export them"]]);
});
