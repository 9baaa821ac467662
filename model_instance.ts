/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/// <reference lib="deno.unstable" />

/** An instance's composition root: a model, and the queue that it takes work from. */

import { messageOf, OperationError } from "./lib/errors.ts";
import type { Model } from "./lib/inference/model.ts";
import { INLINE_OPERATIONS_MAX } from "./lib/limits.ts";
import { measuredExecutor } from "./lib/pipeline/measured_executor.ts";
import { WorkerBoard } from "./lib/pipeline/worker_board.ts";
import { inlineDefinitionOf } from "./lib/platforms/inline_definition.ts";
import { loadPlatform } from "./lib/platforms/platform_index.ts";
import type { PlatformLogEntry } from "./lib/platforms/platform_log.ts";
import { RecordedStatistics } from "./lib/platforms/recorded_statistics.ts";
import { BatchExecutor } from "./lib/runtime/batch_executor.ts";
import { GenerationCache } from "./lib/runtime/generation_cache.ts";
import { type JobExecutor, JobRunner } from "./lib/runtime/job_runner.ts";
import type {
  InstanceCommand,
  InstanceLoad,
  InstanceReport,
  InstanceServe,
} from "./lib/supervision/instance_protocol.ts";
import { hearThreadEnd, hearUncaught } from "./lib/supervision/thread_end.ts";

const report = takePostMessage();

/** How often what a model records is told: nobody looks more often. */
const RECORDED_MS = 1_000;

const log = (entry: PlatformLogEntry) => report({ type: "log", entry });

hearThreadEnd((how) => report({ type: "quit", how }));
hearUncaught((what) => report({ type: "quit", how: `thrown outside of a call: ${what}` }));

self.onmessage = onIdleCommand;

/** Without a model it waits to be told to load one. */
async function onIdleCommand({ data: command }: MessageEvent<InstanceCommand>): Promise<void> {
  if (command.type !== "load") return;
  try {
    await load(command);
  } catch (error) {
    const { code, message } = asOperationError(error, command);
    report({ type: "loadFailed", code, message });
  }
}

async function load(command: InstanceLoad): Promise<void> {
  const { platform, source, warmup, mayInline, libraryFolder } = command;
  const statistics = new RecordedStatistics();
  const context = { log, statistics, libraryFolder };
  const { platform: loader, blocking } = await loadPlatform(platform, context);
  const model = await loader.load(source, new AbortController().signal);
  try {
    await warmUp(model, warmup);
  } catch (error) {
    await model.unload();
    throw error;
  }
  self.onmessage = async ({ data: command }: MessageEvent<InstanceCommand>) => {
    if (command.type === "serve") {
      await serve(command, source.name, model, blocking, statistics);
    } else if (command.type === "unload") {
      await end(model);
    }
  };
  const inline = mayInline ? inlineDefinitionOf(model, INLINE_OPERATIONS_MAX) : undefined;
  report({ type: "loaded", metadata: model.metadata, inline });
}

async function warmUp(model: Model, samples: InstanceLoad["warmup"]): Promise<void> {
  for (const { inputs, count } of samples) {
    for (let run = 0; run < count; run++) await model.predict(inputs);
  }
}

/** From now on the thread waits for another model. */
async function end(model: Model): Promise<void> {
  await model.unload();
  self.onmessage = onIdleCommand;
  report({ type: "ended" });
}

/** Takes from the thread what it reports with: a user's code has nothing to say to the main thread. */
function takePostMessage(): (message: InstanceReport) => void {
  const post = self.postMessage.bind(self);
  const nothing = { value: undefined, writable: false, configurable: false };
  for (
    let scope: object | null = globalThis;
    scope !== null;
    scope = Object.getPrototypeOf(scope)
  ) {
    if (Object.hasOwn(scope, "postMessage")) Object.defineProperty(scope, "postMessage", nothing);
  }
  return (message) => post(message);
}

/** Resolves, and has said so, when the queue was closed and is empty. */
async function serve(
  command: InstanceServe,
  name: string,
  model: Model,
  blocking: boolean,
  statistics: RecordedStatistics,
): Promise<void> {
  const { instance, owner, queue, cache, wakes, batched, batching, board } = command;
  const results = cache && new GenerationCache(cache, owner);
  const open = (model: Model) => new BatchExecutor(name, model, { batched, results });
  const runner = new JobRunner(queue, {
    instance,
    owner,
    rules: batching,
    executor: board === undefined ? open(model) : measured(model, open, board, instance),
    wakes,
    blocking,
  });
  const recording = setInterval(() => tellRecorded(statistics), RECORDED_MS);
  await runner.run();
  clearInterval(recording);
  tellRecorded(statistics);
  await end(model);
}

/** An executor that writes what it does on the Pipeline's board. */
function measured(
  model: Model,
  open: (model: Model) => JobExecutor,
  memory: SharedArrayBuffer,
  place: number,
): JobExecutor {
  const board = new WorkerBoard(memory);
  return measuredExecutor(model, open, (handlingMs, inferenceMs) => {
    board.recordWork(place, handlingMs, inferenceMs);
  });
}

/** The model's own figures, if there are any. */
function tellRecorded(recorded: RecordedStatistics): void {
  const statistics = recorded.snapshot();
  if (Object.keys(statistics).length > 0) report({ type: "recorded", statistics });
}

/** What a model's own code throws is told to whoever asked for it to be loaded. */
function asOperationError(error: unknown, { source }: InstanceLoad): OperationError {
  if (error instanceof OperationError) return error;
  const reason = messageOf(error);
  const message = `Cannot load model "${source.name}" version ${source.version}: ${reason}`;
  return new OperationError("internal", message, { cause: error });
}
