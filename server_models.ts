/** What a server makes models of: those of a folder, and the Pipeline's. */

import { dirname, join } from "node:path";
import { readVariable } from "./lib/cli/environment.ts";
import { type Logger, moduleLogger } from "./lib/cli/logging.ts";
import type { ServerFlags } from "./lib/cli/server_flags.ts";
import type { ModelSource } from "./lib/inference/model.ts";
import { NO_PERMISSIONS } from "./lib/no_permissions.ts";
import type { LoadWeights } from "./lib/pipeline/pipeline_host.ts";
import { PIPELINE_MODEL } from "./lib/platforms/pipeline_network.ts";
import type { ModelCommandResult } from "./lib/runtime/model_commands.ts";
import { SUPERVISOR_OWNER } from "./lib/serving/shared_state.ts";
import type { ThreadPool } from "./lib/serving/thread_pool.ts";
import { InstanceThreads } from "./lib/supervision/instance_threads.ts";
import type { GenerationContext, GenerationEvents } from "./lib/supervision/live_generation.ts";
import { Models } from "./lib/supervision/models.ts";
import type { ModelEvents } from "./lib/supervision/model_supervisor.ts";

/** Instances' names as owners of locks; serving threads count from 1 and never get here. */
const INSTANCE_OWNERS_FROM = 1_000_000_000;

/** What loads models is loaded by servers that have some: it takes tens of milliseconds and megabytes. */
async function importLoading() {
  const [{ ModelRepository }, { loadGeneration }, { instancePermissions }] = await Promise.all([
    import("./lib/repository/repository.ts"),
    import("./lib/supervision/load_generation.ts"),
    import("./lib/platforms/instance_permissions.ts"),
  ]);
  return { ModelRepository, loadGeneration, instancePermissions };
}

/** What generations are made with, whatever their models are. */
export interface GenerationMaking {
  readonly context: GenerationContext;
  readonly nextId: () => number;
  readonly threads: InstanceThreads;
  readonly events: ModelEvents & GenerationEvents;
}

/** @param instance what their threads run */
export function generationMaking(
  { threads }: ServerFlags,
  wakes: SharedArrayBuffer,
  instance: URL,
): GenerationMaking {
  let ownerLast = INSTANCE_OWNERS_FROM;
  let idLast = 0;
  const events = modelEvents(moduleLogger("models"));
  const nextOwner = () => ++ownerLast;
  return {
    context: { nextOwner, owner: SUPERVISOR_OWNER, threads, wakes, events },
    nextId: () => ++idLast,
    threads: new InstanceThreads((permissions) =>
      new Worker(instance, { type: "module", deno: { permissions } })
    ),
    events,
  };
}

/** What takes the Pipeline's uploads, where it has workers. */
export async function openPipeline(
  { pipelineWorkers: workers, pipelineQueue: queueMax }: ServerFlags,
  { context, nextId, threads }: GenerationMaking,
  board: SharedArrayBuffer,
  models: Models,
): Promise<(command: LoadWeights) => Promise<ModelCommandResult>> {
  if (workers === 0) return () => Promise.reject(new TypeError("An upload without workers"));
  const log = moduleLogger("pipeline");
  const { PipelineHost } = await import("./lib/pipeline/pipeline_host.ts");
  const host = new PipelineHost({
    workers,
    queueMax,
    board,
    context,
    nextId,
    spawn: () => threads.take("pipeline", NO_PERMISSIONS),
    replace: (model, load) => models.replace(model, load),
    events: {
      onWeightsRefused: (nnId, workers, refused, reason) =>
        log.warn("weights were refused", { nnId, workers, refused, reason }),
      onUploadFailed: (reason) => log.error("an upload failed", { reason }),
    },
  });
  return (command) => host.run(command);
}

/** The models of the folder, if there is one. */
export async function openModels(
  { models: given, pipelineWorkers }: ServerFlags,
  { context, nextId, threads, events }: GenerationMaking,
  publish: ThreadPool["serveModels"],
): Promise<Models> {
  const log = moduleLogger("models");
  const libraryFolder = onnxFolder();
  const uploaded = pipelineWorkers > 0 ? [PIPELINE_MODEL] : [];
  const onRepositoryFailed = (reason: string) => log.error("the repository failed", { reason });
  if (given === undefined) {
    const load = () => Promise.reject(new TypeError("A model without a repository"));
    return new Models({
      repository: undefined,
      mode: "all",
      onRepositoryFailed,
      publish,
      events,
      uploaded,
      load,
    });
  }
  const { ModelRepository, loadGeneration, instancePermissions } = await importLoading();
  return new Models({
    repository: await ModelRepository.open({ ...given, readVariable }),
    mode: given.mode,
    onRepositoryFailed,
    publish,
    events,
    uploaded,
    load: (model, version, signal) =>
      loadGeneration(model, version, {
        ...context,
        nextId,
        libraryFolder,
        spawn: () => {
          const { name, config: { platform, options } } = model;
          const about = { name, folder: version.folder, options };
          return threads.take(platform, instancePermissions(platform, about, libraryFolder));
        },
      }, signal),
  });
}

/** A compiled server does not carry onnxruntime's libraries: they stand in a folder beside it. */
function onnxFolder(): string | undefined {
  return Deno.build.standalone ? join(dirname(Deno.execPath()), "onnxruntime") : undefined;
}

function modelEvents(log: Logger): ModelEvents & GenerationEvents {
  const about = ({ name, version }: ModelSource) => ({ model: name, version });
  return {
    onModelServes: (model, version, platform, tookMs) =>
      log.info("a model serves", { model, version, platform, tookMs }),
    onModelUnloaded: (model, version) => log.info("a model was unloaded", { model, version }),
    onModelFailed: (model, version, reason) =>
      log.error("a model cannot be served", { model, version, reason }),
    onLoadGivenUp: (model, version, reason) =>
      log.info("a load was given up", { model, version, reason }),
    onInstanceReplaced: (source, reason) =>
      log.error("an instance is replaced", { ...about(source), reason }),
    onInstanceLog: ({ level, model, version, message, fields }) =>
      log[level](message, { ...fields, model, version }),
  };
}
