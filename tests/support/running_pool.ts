import { allocateSharedMemory, type SharedMemory } from "../../lib/serving/shared_state.ts";
import type { ConnectionRules } from "../../lib/serving/thread_protocol.ts";
import { ThreadPool, type ThreadPoolEvents } from "../../lib/serving/thread_pool.ts";

import { NO_MODEL_EVENTS, noModels } from "./no_models.ts";

/** A server in this process: real threads on a port of the system's choice. */
export interface RunningPool extends AsyncDisposable {
  readonly port: number;
  readonly pool: ThreadPool;
  readonly memory: SharedMemory;
}

/** Options of `startPool`. */
export interface RunningPoolOptions {
  readonly threads?: number;
  readonly cacheEntries?: number;
  readonly messageBytesMax?: number;
  readonly connections?: Partial<ConnectionRules>;
  readonly threadFile?: URL;
  readonly events?: Partial<ThreadPoolEvents>;
}

const THREAD_FILE = new URL("../../server_thread.ts", import.meta.url);

/** Connections may do what they like. */
export const LENIENT: ConnectionRules = {
  connectionsMax: 16_384,
  streamsMax: 100,
  quietMs: Infinity,
  idleMs: Infinity,
  ageMs: Infinity,
};

/** Starts a server; it is drained at the end of the scope. */
export async function startPool(options: RunningPoolOptions = {}): Promise<RunningPool> {
  const { threads = 4, cacheEntries = 10, messageBytesMax = 4_194_304 } = options;
  const memory = allocateSharedMemory({
    threads,
    cacheEntries,
    cacheBytes: 1_048_576,
    coefsMax: messageBytesMax / 4,
  });
  const pool = new ThreadPool({
    spawn: () => new Worker(options.threadFile ?? THREAD_FILE, { type: "module" }),
    threads,
    initialThreads: threads,
    memory,
    hostname: "127.0.0.1",
    port: 0,
    messageBytesMax,
    connections: { ...LENIENT, ...options.connections },
    ...noModels(threads),
    events: {
      ...NO_MODEL_EVENTS,
      onThreadDied: () => {},
      onThreadJoined: () => {},
      onHandlerError: () => {},
      onAcceptFailed: () => {},
      ...options.events,
    },
  });
  const port = await pool.start();
  return {
    port,
    pool,
    memory,
    async [Symbol.asyncDispose]() {
      await pool.drain(2_000);
    },
  };
}
