/** What a server is made of, put together from its flags. */

import { readVariable } from "./lib/cli/environment.ts";
import { OperationError } from "./lib/errors.ts";
import { type Logger, moduleLogger } from "./lib/cli/logging.ts";
import type { ServerFlags } from "./lib/cli/server_flags.ts";
import { SERVER_ABOUT } from "./lib/inference/server_about.ts";
import { COEFS_MAX_LIMIT } from "./lib/model/linear_model.ts";
import { WorkerBoard } from "./lib/pipeline/worker_board.ts";
import type { ModelCommand, ModelCommandResult } from "./lib/runtime/model_commands.ts";
import { ModelStatisticsRow } from "./lib/runtime/model_statistics.ts";
import { allocateThreadWakes } from "./lib/runtime/thread_wake.ts";
import type { ServerCredentials } from "./lib/serving/thread_protocol.ts";
import { allocateSharedMemory } from "./lib/serving/shared_state.ts";
import { StoreWatch } from "./lib/serving/store_watch.ts";
import { ThreadPool, type ThreadPoolEvents } from "./lib/serving/thread_pool.ts";
import { StoreHost } from "./lib/store/store_host.ts";
import type { Models } from "./lib/supervision/models.ts";
import type { TraceSettings } from "./lib/telemetry/trace_settings.ts";
import { asksForTraces, type TelemetryVariable } from "./lib/telemetry/variables.ts";
import { generationMaking, openModels, openPipeline } from "./server_models.ts";

const FLOAT32_BYTES = 4;

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
  const making = generationMaking(flags, wakes, files.instance);
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
