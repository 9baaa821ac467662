import assert from "node:assert/strict";
import { PIPELINE_UPLOADS_MAX } from "../../lib/limits.ts";
import { PipelineHost, type PipelineHostOptions } from "../../lib/pipeline/pipeline_host.ts";
import type { InstanceHandle } from "../../lib/supervision/instance.ts";
import type { InstanceCommand, InstanceReport } from "../../lib/supervision/instance_protocol.ts";
import { PIPELINE_METADATA } from "../../lib/platforms/pipeline_network.ts";
import { WorkerBoard } from "../../lib/pipeline/worker_board.ts";
import { allocateThreadWakes } from "../../lib/runtime/thread_wake.ts";
import { idOf } from "./served_pipeline.ts";

/** A host whose changes of models a test plays, and whose workers cannot be started unless it says how. */
function host(options: Partial<PipelineHostOptions>): PipelineHost {
  return new PipelineHost({
    workers: 1,
    queueMax: 1,
    board: WorkerBoard.allocate(1),
    context: {
      nextOwner: () => 1,
      owner: 1,
      threads: 1,
      wakes: allocateThreadWakes(1),
      events: { onInstanceReplaced: () => {}, onInstanceLog: () => {} },
    },
    nextId: () => 1,
    spawn: () => {
      throw new TypeError("No worker is started here");
    },
    replace: async (_, load) => void await load(new AbortController().signal),
    events: { onWeightsRefused: () => {}, onUploadFailed: () => {} },
    ...options,
  });
}

/** A worker that loads, or says why not. */
class FakeWorker implements InstanceHandle {
  onmessage: InstanceHandle["onmessage"] = null;
  onerror: InstanceHandle["onerror"] = null;
  isTerminated = false;
  readonly #failure: string | undefined;

  constructor(failure: string | undefined) {
    this.#failure = failure;
  }

  postMessage({ type }: InstanceCommand): void {
    if (type !== "load") return;
    const message = this.#failure;
    const data: InstanceReport = message === undefined
      ? { type: "loaded", metadata: PIPELINE_METADATA, inline: undefined }
      : { type: "loadFailed", code: "invalid-argument", message };
    queueMicrotask(() => this.onmessage?.(new MessageEvent("message", { data })));
  }

  terminate(): void {
    this.isTerminated = true;
  }
}

function upload(number: number) {
  return { kind: "loadWeights", nnId: idOf(number), weights: new Uint8Array(1) } as const;
}

Deno.test("PipelineHost.run() refuses uploads when too many wait, and takes them again after that", async () => {
  let go = Promise.withResolvers<void>();
  const pipeline = host({ replace: () => go.promise });
  const waiting = Array.from({ length: PIPELINE_UPLOADS_MAX }, (_, i) => pipeline.run(upload(i)));
  assert.deepEqual(await pipeline.run(upload(99)), {
    kind: "failed",
    code: "resource-exhausted",
    message: "Cannot load weights: 16 uploads wait already",
  });
  go.resolve();
  for (const result of await Promise.all(waiting)) assert.equal(result.kind, "weights");
  go = Promise.withResolvers();
  const next = pipeline.run(upload(100));
  go.resolve();
  assert.equal((await next).kind, "weights");
});

Deno.test("PipelineHost.run() tells the operator of a bug, and the client of none", async () => {
  const failures: string[] = [];
  const events = {
    onWeightsRefused: () => {},
    onUploadFailed: (reason: string) => failures.push(reason),
  };
  const pipeline = host({ events });
  assert.deepEqual(await pipeline.run(upload(1)), {
    kind: "failed",
    code: "internal",
    message: "Cannot load weights: the server has failed",
  });
  assert.deepEqual(failures, ["TypeError: No worker is started here"]);
});

Deno.test("PipelineHost.run() says which workers failed, and lets none of the set serve", async () => {
  const workers = [undefined, "Cannot load it", undefined].map((failure) =>
    new FakeWorker(failure)
  );
  const refused: unknown[] = [];
  let replaced = 0;
  let started = 0;
  const pipeline = host({
    workers: workers.length,
    board: WorkerBoard.allocate(workers.length),
    spawn: () => workers[started++],
    replace: async (_, load) => {
      await load(new AbortController().signal);
      replaced++;
    },
    events: {
      onWeightsRefused: (...told) => refused.push(told),
      onUploadFailed: () => {},
    },
  });
  const traces = [undefined, "Cannot load it", undefined];
  assert.deepEqual(await pipeline.run(upload(1)), { kind: "weights", traces });
  assert.equal(replaced, 0);
  assert.deepEqual(workers.map(({ isTerminated }) => isTerminated), [true, true, true]);
  assert.deepEqual(refused, [[idOf(1), 3, 1, "Cannot load it"]]);
});
