/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/// <reference lib="deno.unstable" />

/** An instance's composition root: a model, and the queue that it takes work from. */

import { messageOf, OperationError } from "./lib/errors.ts";
import type { Model } from "./lib/inference/model.ts";
import { INLINE_OPERATIONS_MAX } from "./lib/limits.ts";
import { inlineDefinitionOf } from "./lib/platforms/inline_definition.ts";
import { loadPlatform } from "./lib/platforms/platform_index.ts";
import type { PlatformLogEntry } from "./lib/platforms/platform_log.ts";
import { RecordedStatistics } from "./lib/platforms/recorded_statistics.ts";
import { BatchExecutor } from "./lib/runtime/batch_executor.ts";
import { GenerationCache } from "./lib/runtime/generation_cache.ts";
import { JobRunner } from "./lib/runtime/job_runner.ts";
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

self.onmessage = async ({ data: command }: MessageEvent<InstanceCommand>) => {
  if (command.type !== "load") return;
  try {
    await load(command);
  } catch (error) {
    const { code, message } = asOperationError(error, command);
    report({ type: "loadFailed", code, message });
  }
};

async function load(command: InstanceLoad): Promise<void> {
  const { platform, source, warmup, mayInline, libraryFolder } = command;
  const statistics = new RecordedStatistics();
  const context = { log, statistics, libraryFolder };
  const { platform: loader, blocking } = await loadPlatform(platform, context);
  const model = await loader.load(source, new AbortController().signal);
  for (const { inputs, count } of warmup) {
    for (let run = 0; run < count; run++) await model.predict(inputs);
  }
  self.onmessage = async ({ data: command }: MessageEvent<InstanceCommand>) => {
    if (command.type === "serve") {
      await serve(command, source.name, model, blocking, statistics);
    }
  };
  const inline = mayInline ? inlineDefinitionOf(model, INLINE_OPERATIONS_MAX) : undefined;
  report({ type: "loaded", metadata: model.metadata, inline });
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
  const { instance, owner, queue, cache, wakes, batched, batching } = command;
  const results = cache && new GenerationCache(cache, owner);
  const runner = new JobRunner(queue, {
    instance,
    owner,
    rules: batching,
    executor: new BatchExecutor(name, model, { batched, results }),
    wakes,
    blocking,
  });
  const recording = setInterval(() => tellRecorded(statistics), RECORDED_MS);
  await runner.run();
  clearInterval(recording);
  tellRecorded(statistics);
  await model.unload();
  report({ type: "ended" });
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
