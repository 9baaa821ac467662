/** The server's composition root: flags to parts, no logic. */

import { readVariable } from "./lib/cli/environment.ts";
import { OperationError } from "./lib/errors.ts";
import { exitWith } from "./lib/cli/exit.ts";
import { type Logger, logServing, moduleLogger, openLogging } from "./lib/cli/logging.ts";
import { EXIT_USAGE } from "./lib/cli/parse_outcome.ts";
import { onReloadSignal } from "./lib/cli/reload_signal.ts";
import { parseServerFlags, type ServerFlags } from "./lib/cli/server_flags.ts";
import { awaitShutdownSignal } from "./lib/cli/shutdown_signal.ts";
import { canSharePort } from "./lib/grpc/listener.ts";
import { COEFS_MAX_LIMIT } from "./lib/model/linear_model.ts";
import { isLoopback } from "./lib/security/loopback.ts";
import {
  type LoadedCredentials,
  readServerCredentials,
} from "./lib/security/server_credentials.ts";
import { allocateSharedMemory, cacheCounters } from "./lib/serving/shared_state.ts";
import { ThreadPool } from "./lib/serving/thread_pool.ts";

const FLOAT32_BYTES = 4;

if (import.meta.main) {
  const outcome = parseServerFlags(Deno.args, readVariable);
  if (outcome.kind === "exit") exitWith(outcome);
  Deno.exit(await serve(outcome.flags));
}

/** Serves until a signal ends it; returns the exit code. */
async function serve(flags: ServerFlags): Promise<number> {
  using _logging = openLogging({ format: flags.logFormat });
  const log = moduleLogger("server");
  const shutdown = awaitShutdownSignal();
  dropReadPermission(flags);
  const threads = canSharePort() ? flags.threads : 1;
  if (threads < flags.threads) log.warn("threads cannot share a port here: serving with one");
  const serving = Promise.withResolvers<void>();
  let pool: ThreadPool;
  onReloadSignal(() => reload(pool, flags, log), serving.promise);
  try {
    const credentials = await readServerCredentials(flags);
    pool = openPool({ ...flags, threads }, credentials, log);
    const port = await Promise.race([pool.start(), shutdown.then(() => undefined)]);
    if (port === undefined) return stopEarly(pool);
    logServing({ host: flags.host, port, threads, serving: pool.servingThreads });
    logCredentials(flags, credentials, log);
    serving.resolve();
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    log.fatal(error.message);
    return error.code === "invalid-argument" ? EXIT_USAGE : 1;
  }
  const signal = await shutdown;
  log.info("draining", { signal });
  const finished = await pool.drain(flags.drainMs);
  if (!finished) log.warn("calls were cut off", { drainMs: flags.drainMs });
  log.info("stopped", { ...pool.counters, ...cacheCounters(pool.state) });
  return 0;
}

/** The binary may read any file, as it cannot be told before which ones the flags will name. */
function dropReadPermission({ tls, authTokenFile }: ServerFlags): void {
  if (tls !== undefined || authTokenFile !== undefined || !Deno.build.standalone) return;
  Deno.permissions.revokeSync({ name: "read" });
}

/** Reads all files again, for new connections and calls; if one is wrong nothing changes. */
async function reload(pool: ThreadPool, flags: ServerFlags, log: Logger): Promise<void> {
  if (flags.tls === undefined && flags.authTokenFile === undefined) {
    return log.info("nothing to reload: there are neither certificates nor tokens");
  }
  try {
    const credentials = await readServerCredentials(flags);
    const failures = await pool.renew(credentials);
    for (const reason of failures) log.error("a thread keeps its old credentials", { reason });
    if (failures.length > 0) return;
    log.info("reloaded", describeCredentials(credentials));
    warnIfExpired(credentials, log);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    log.error(`${error.message}; the old credentials stay in use`);
  }
}

function logCredentials(flags: ServerFlags, credentials: LoadedCredentials, log: Logger): void {
  const { host, tls, authTokenFile } = flags;
  if (tls !== undefined || authTokenFile !== undefined) {
    log.info("credentials loaded", describeCredentials(credentials));
  }
  warnIfExpired(credentials, log);
  if (tls !== undefined || isLoopback(host)) return;
  const what = authTokenFile === undefined ? "calls" : "tokens and calls";
  log.warn(`${what} can be read on the network: serving without TLS`, { host });
}

function warnIfExpired({ certificate }: LoadedCredentials, log: Logger): void {
  if (certificate?.expired) log.warn("the certificate has expired", { ...certificate });
}

function describeCredentials({ certificate, tokenDigests }: LoadedCredentials) {
  return {
    ...certificate,
    ...(tokenDigests === undefined ? {} : { tokens: tokenDigests.length }),
  };
}

/** A signal came before the first connection could. */
function stopEarly(pool: ThreadPool): number {
  pool.terminate();
  return 0;
}

function openPool(flags: ServerFlags, credentials: LoadedCredentials, log: Logger): ThreadPool {
  const { threads, cacheEntries, cacheBytes, maxMessageBytes } = flags;
  // One processor is left to the kernel's share of the work, and to whoever else is on the machine.
  const initialThreads = flags.initialThreads === "auto"
    ? Math.max(1, navigator.hardwareConcurrency - 1)
    : flags.initialThreads;
  const coefsMax = Math.min(COEFS_MAX_LIMIT, Math.floor(maxMessageBytes / FLOAT32_BYTES));
  return new ThreadPool({
    spawn: () =>
      new Worker(new URL("./server_thread.ts", import.meta.url), {
        type: "module",
        // All that a serving thread needs: it reads no files, whatever this one may.
        deno: { permissions: { net: "inherit" } },
      }),
    threads,
    initialThreads: Math.min(threads, initialThreads),
    memory: allocateSharedMemory({ threads, cacheEntries, cacheBytes, coefsMax }),
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
    events: {
      onThreadDied: (thread, reason, lockRecovered) =>
        log.error("a serving thread died", { thread, reason, lockRecovered }),
      onThreadJoined: (thread, serving) => log.info("one more thread serves", { thread, serving }),
      onAcceptFailed: (thread, reason) =>
        log.error("a thread cannot take connections", { thread, reason }),
      onHandlerError: (path, error) => log.error("a handler failed", { path, error }),
    },
  });
}
