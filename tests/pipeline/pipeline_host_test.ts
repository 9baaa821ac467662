import assert from "node:assert/strict";
import { PIPELINE_UPLOADS_MAX } from "../../lib/limits.ts";
import { PipelineHost, type PipelineHostOptions } from "../../lib/pipeline/pipeline_host.ts";
import { WorkerBoard } from "../../lib/pipeline/worker_board.ts";
import { allocateThreadWakes } from "../../lib/runtime/thread_wake.ts";
import { idOf } from "./served_pipeline.ts";

/** A host whose changes of models a test plays; no worker is ever started. */
function host(replace: PipelineHostOptions["replace"], failures: string[] = []): PipelineHost {
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
    replace,
    events: {
      onWeightsRefused: () => {},
      onUploadFailed: (reason) => failures.push(reason),
    },
  });
}

function upload(number: number) {
  return { kind: "loadWeights", nnId: idOf(number), weights: new Uint8Array(1) } as const;
}

Deno.test("PipelineHost.run() refuses uploads when too many wait, and takes them again after that", async () => {
  let go = Promise.withResolvers<void>();
  const pipeline = host(() => go.promise);
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
  const pipeline = host(async (_, load) => void await load(), failures);
  assert.deepEqual(await pipeline.run(upload(1)), {
    kind: "failed",
    code: "internal",
    message: "Cannot load weights: the server has failed",
  });
  assert.deepEqual(failures, ["TypeError: No worker is started here"]);
});
