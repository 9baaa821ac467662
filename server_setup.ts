/** What a server is made of, put together from its flags. */

import { dirname, join } from "node:path";
import { readVariable } from "./lib/cli/environment.ts";
import { OperationError } from "./lib/errors.ts";
import { type Logger, moduleLogger } from "./lib/cli/logging.ts";
import type { ServerFlags } from "./lib/cli/server_flags.ts";
import { SERVER_ABOUT } from "./lib/inference/server_about.ts";
import type { ModelSource } from "./lib/inference/model.ts";
import { COEFS_MAX_LIMIT } from "./lib/model/linear_model.ts";
import { NO_PERMISSIONS } from "./lib/no_permissions.ts";
import type { LoadWeights } from "./lib/pipeline/pipeline_host.ts";
import { WorkerBoard } from "./lib/pipeline/worker_board.ts";
import type { ModelCommand, ModelCommandResult } from "./lib/runtime/model_commands.ts";
import { PIPELINE_MODEL } from "./lib/platforms/pipeline_network.ts";
import { ModelStatisticsRow } from "./lib/runtime/model_statistics.ts";
import { allocateThreadWakes } from "./lib/runtime/thread_wake.ts";
import type { ServerCredentials } from "./lib/serving/thread_protocol.ts";
import { allocateSharedMemory, SUPERVISOR_OWNER } from "./lib/serving/shared_state.ts";
import { StoreWatch } from "./lib/serving/store_watch.ts";
import { ThreadPool, type ThreadPoolEvents } from "./lib/serving/thread_pool.ts";
import { StoreHost } from "./lib/store/store_host.ts";
import type { InstanceHandle } from "./lib/supervision/instance.ts";
import type { GenerationContext, GenerationEvents } from "./lib/supervision/live_generation.ts";
import { Models } from "./lib/supervision/models.ts";
import type { ModelEvents } from "./lib/supervision/model_supervisor.ts";
import type { TraceSettings } from "./lib/telemetry/trace_settings.ts";
import { asksForTraces, type TelemetryVariable } from "./lib/telemetry/variables.ts";

const FLOAT32_BYTES = 4;

/** Instances' names as owners of locks; serving threads count from 1 and never get here. */
const INSTANCE_OWNERS_FROM = 1_000_000_000;

/** A server that does not serve yet. */
export interface OpenServer {
  readonly pool: ThreadPool;
  readonly models: Models;
  /** What keeps invocations; to be closed behind the pool. */
  readonly store: StoreHost;
  /** Whether there is a folder of models. */
  readonly modelsGiven: boolean;
}

/** What its threads run, where not the server's own files. */
export interface ServerFiles {
  readonly thread?: URL;
  readonly instance?: URL;
}

const FILES: Required<ServerFiles> = {
  thread: new URL("./server_thread.ts", import.meta.url),
  instance: new URL("./model_instance.ts", import.meta.url),
};

/** Puts a server together; `pool.start` and then `models.start` let it serve. */
export async function openServer(
  flags: ServerFlags,
  credentials: ServerCredentials,
  log: Logger,
  given: ServerFiles = {},
): Promise<OpenServer> {
  const files = { ...FILES, ...given };
  const wakes = allocateThreadWakes(flags.threads);
  const making = generationMaking(flags, wakes, files);
  const models = await openModels(flags, making, (table) => pool.serveModels(table));
  const board = WorkerBoard.allocate(flags.pipelineWorkers);
  const pipeline = await openPipeline(flags, making, board, models);
  const tracing = asksForTraces(readTelemetryVariable) ? await openTracing() : undefined;
  const run = (command: ModelCommand) =>
    command.kind === "loadWeights" ? pipeline(command) : models.run(command);
  const watch = new StoreWatch(moduleLogger("store"));
  const store = openStoreHost(flags, watch);
  const events = poolEvents({ models, run, watch, log });
  const pool = openPool({
    flags,
    credentials,
    wakes,
    models,
    board,
    tracing,
    store,
    files,
    events,
  });
  return { pool, models, store, modelsGiven: flags.models !== undefined };
}

/** One that somebody has asked for is opened at once, so that they hear what is wrong with it. */
function openStoreHost(flags: ServerFlags, watch: StoreWatch): StoreHost {
  const host = new StoreHost({
    url: flags.store,
    options: flags.storeOptions,
    spawn: (permissions) =>
      new Worker(new URL("./store_thread.ts", import.meta.url), {
        type: "module",
        deno: { permissions },
      }),
    onOpened: (store) => watch.onOpened(store),
    onDown: (store, reason) => watch.onDown(store, reason),
  });
  if (flags.storeGiven) host.need();
  return host;
}

/** How to trace, as the environment says; its modules are loaded by servers that trace. */
async function openTracing(): Promise<TraceSettings | undefined> {
  const log = moduleLogger("tracing");
  const { readTraceSettings } = await import("./lib/telemetry/trace_settings.ts");
  const { settings, warnings } = readTraceSettings(readTelemetryVariable, SERVER_ABOUT.name);
  for (const warning of warnings) log.warn(warning);
  if (settings !== undefined) {
    const { destination, sampler } = settings;
    const to = destination.kind === "otlp" ? new URL(destination.url).host : destination.kind;
    log.info("inferences are traced", { to, ...sampler });
  }
  return settings;
}

/** Of a server that may not read it, as of one for which it is not set: tracing is no reason to fail. */
function readTelemetryVariable(name: TelemetryVariable): string | undefined {
  try {
    return readVariable(name);
  } catch (error) {
    if (error instanceof OperationError || error instanceof Deno.errors.NotCapable) {
      return undefined;
    }
    throw error;
  }
}

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
interface GenerationMaking {
  readonly context: GenerationContext;
  readonly nextId: () => number;
  readonly spawn: (permissions: Deno.PermissionOptionsObject) => InstanceHandle;
  readonly events: ModelEvents & GenerationEvents;
}

function generationMaking(
  { threads }: ServerFlags,
  wakes: SharedArrayBuffer,
  { instance }: Required<ServerFiles>,
): GenerationMaking {
  let ownerLast = INSTANCE_OWNERS_FROM;
  let idLast = 0;
  const events = modelEvents(moduleLogger("models"));
  const nextOwner = () => ++ownerLast;
  return {
    context: { nextOwner, owner: SUPERVISOR_OWNER, threads, wakes, events },
    nextId: () => ++idLast,
    spawn: (permissions) => new Worker(instance, { type: "module", deno: { permissions } }),
    events,
  };
}

/** What takes the Pipeline's uploads, where it has workers. */
async function openPipeline(
  { pipelineWorkers: workers, pipelineQueue: queueMax }: ServerFlags,
  { context, nextId, spawn }: GenerationMaking,
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
    spawn: () => spawn(NO_PERMISSIONS),
    replace: (model, load) => models.replace(model, load),
    events: {
      onWeightsRefused: (nnId, workers, refused, reason) =>
        log.warn("weights were refused", { nnId, workers, refused, reason }),
      onUploadFailed: (reason) => log.error("an upload failed", { reason }),
    },
  });
  return (command) => host.run(command);
}

async function openModels(
  { models: given, pipelineWorkers }: ServerFlags,
  { context, nextId, spawn, events }: GenerationMaking,
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
        spawn: () =>
          spawn(
            instancePermissions(model.config.platform, {
              name: model.name,
              folder: version.folder,
              options: model.config.options,
            }, libraryFolder),
          ),
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

/** What a pool is made of. */
interface PoolParts {
  readonly flags: ServerFlags;
  readonly credentials: ServerCredentials;
  readonly wakes: SharedArrayBuffer;
  readonly models: Models;
  readonly board: SharedArrayBuffer;
  readonly tracing: TraceSettings | undefined;
  readonly store: StoreHost;
  readonly files: Required<ServerFiles>;
  readonly events: ThreadPoolEvents;
}

function openPool(
  { flags, credentials, wakes, models, board, tracing, store, files, events }: PoolParts,
): ThreadPool {
  const { threads, cacheEntries, cacheBytes, maxMessageBytes } = flags;
  // One processor is left to the kernel's share of the work, and to whoever else is on the machine.
  const initialThreads = flags.initialThreads === "auto"
    ? Math.max(1, navigator.hardwareConcurrency - 1)
    : flags.initialThreads;
  const coefsMax = Math.min(COEFS_MAX_LIMIT, Math.floor(maxMessageBytes / FLOAT32_BYTES));
  return new ThreadPool({
    spawn: () =>
      new Worker(files.thread, {
        type: "module",
        // All that a serving thread needs: it reads no files, whatever this one may.
        deno: { permissions: { net: "inherit" } },
      }),
    threads,
    initialThreads: Math.min(threads, initialThreads),
    memory: allocateSharedMemory({
      threads,
      cacheEntries,
      cacheBytes,
      coefsMax,
      numStore: {
        keys: flags.numStoreKeys,
        bytes: flags.numStoreBytes,
        cacheEntries: flags.numStoreCacheEntries,
      },
    }),
    hostname: flags.host,
    port: flags.port,
    messageBytesMax: maxMessageBytes,
    connections: {
      connectionsMax: flags.maxConnections,
      streamsMax: flags.maxStreams,
      quietMs: flags.keepaliveMs,
      idleMs: flags.idleMs,
      ageMs: flags.connectionAgeMs,
    },
    credentials,
    models: () => models.table,
    modelMemory: { linearStatistics: ModelStatisticsRow.allocate(threads + 1), wakes },
    pipeline: { workers: flags.pipelineWorkers, queueMax: flags.pipelineQueue, board },
    httpPort: flags.httpPort,
    tracing,
    store,
    invocation: {
      model: flags.invocationModel,
      storeTimeoutMs: flags.storeOptions.timeoutMs,
      needsStore: flags.storeGiven,
    },
    events,
  });
}

/** Who is told what happens to the threads, and does what they ask for. */
interface EventParts {
  readonly models: Models;
  /** Carries out what serving threads ask for; never rejects. */
  readonly run: (command: ModelCommand) => Promise<ModelCommandResult>;
  readonly watch: StoreWatch;
  readonly log: Logger;
}

function poolEvents({ models, run, watch, log }: EventParts): ThreadPoolEvents {
  return {
    onThreadDied: (thread, reason, lockRecovered) =>
      log.error("a serving thread died", { thread, reason, lockRecovered }),
    onThreadGone: (owner, row) => models.forgetThread(owner, row),
    onThreadJoined: (thread, serving) => log.info("one more thread serves", { thread, serving }),
    onAcceptFailed: (thread, reason) =>
      log.error("a thread cannot take connections", { thread, reason }),
    onHandlerError: (path, error) => log.error("a handler failed", { path, error }),
    onSpansLost: (thread, lost, reason) =>
      log.warn("traces were lost", { thread, inferences: lost, reason }),
    onModelCommand: run,
    onStoreFails: (reason) => watch.onStoreFails(reason),
    onStoreWorks: () => watch.onStoreWorks(),
  };
}
