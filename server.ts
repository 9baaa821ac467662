/** The server's composition root: flags to parts, no logic. */

import { readVariable } from "./lib/cli/environment.ts";
import { OperationError } from "./lib/errors.ts";
import { exitWith, writeProblem } from "./lib/cli/exit.ts";
import { type Logger, logServing, moduleLogger, openLogging } from "./lib/cli/logging.ts";
import { EXIT_USAGE } from "./lib/cli/parse_outcome.ts";
import { onReloadSignal } from "./lib/cli/reload_signal.ts";
import { parseServerFlags, type ServerFlags } from "./lib/cli/server_flags.ts";
import { awaitShutdownSignal } from "./lib/cli/shutdown_signal.ts";
import { canSharePort } from "./lib/grpc/listener.ts";
import { isLoopback } from "./lib/security/loopback.ts";
import {
  type LoadedCredentials,
  readServerCredentials,
} from "./lib/security/server_credentials.ts";
import { cacheCounters } from "./lib/serving/shared_state.ts";
import type { ThreadPool } from "./lib/serving/thread_pool.ts";
import { type OpenServer, openServer } from "./server_setup.ts";

if (import.meta.main) {
  const outcome = parseServerFlags(Deno.args, readVariable);
  if (outcome.kind === "exit") exitWith(outcome);
  Deno.exit(await serve(outcome.flags));
}

/** Serves until a signal ends it; returns the exit code. */
async function serve(flags: ServerFlags): Promise<number> {
  using logging = openLog(flags);
  if (logging === undefined) return EXIT_USAGE;
  const log = moduleLogger("server");
  const shutdown = awaitShutdownSignal();
  dropPermissions(flags);
  const threads = canSharePort() ? flags.threads : 1;
  if (threads < flags.threads) log.warn("threads cannot share a port here: serving with one");
  const serving = Promise.withResolvers<void>();
  let server: OpenServer;
  onReloadSignal(() => reload(server.pool, flags, log), serving.promise);
  try {
    const credentials = await readServerCredentials(flags);
    const httpPort = freeHttpPort(flags, log);
    server = await openServer({ ...flags, threads, httpPort }, credentials, log);
    const port = await Promise.race([server.pool.start(), shutdown.then(() => undefined)]);
    if (port === undefined) return stopEarly(server);
    const { servingThreads, httpPort: httpServed } = server.pool;
    logServing({ host: flags.host, port, httpPort: httpServed, threads, serving: servingThreads });
    logCredentials(flags, credentials, log);
    serving.resolve();
    const loaded = await Promise.race([
      server.models.start().then(() => true),
      shutdown.then(() => false),
    ]);
    if (loaded) logModels(server, log);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    log.fatal(error.message);
    return error.code === "invalid-argument" ? EXIT_USAGE : 1;
  }
  const signal = await shutdown;
  log.info("draining", { signal });
  const { pool, models, store } = server;
  // Somebody may wait for a load for longer than calls have to end.
  models.stopLoading();
  const finished = await pool.drain(flags.drainMs);
  await Promise.all([models.close(), store.close()]);
  if (!finished) log.warn("calls were cut off", { drainMs: flags.drainMs });
  log.info("stopped", { ...pool.counters, ...cacheCounters(pool.state) });
  return 0;
}

/** Undefined, once it was said why, when there can be no log files where the flags want some. */
function openLog({ logFormat, logFile }: ServerFlags): Disposable | undefined {
  try {
    return openLogging({ format: logFormat, file: logFile });
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    writeProblem("server", error.message);
    return undefined;
  }
}

/**
 * The binary may read and write any file and load any library, as it cannot be told before which ones its
 * flags and its models' configurations will name. What they name none of it gives up.
 */
function dropPermissions(flags: ServerFlags): void {
  const { logFile, models, store } = flags;
  if (models !== undefined || !Deno.build.standalone) return;
  Deno.permissions.revokeSync({ name: "ffi" });
  // The store's thread is given no more than its file's folder, and may have to be started again at any time.
  if (logFile !== undefined || store.kind === "sqlite") return;
  Deno.permissions.revokeSync({ name: "write" });
  if (!hasCredentials(flags)) {
    Deno.permissions.revokeSync({ name: "read" });
  }
}

/** Reads all files again, for new connections and calls; if one is wrong nothing changes. */
async function reload(pool: ThreadPool, flags: ServerFlags, log: Logger): Promise<void> {
  if (!hasCredentials(flags)) {
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
  const { host, tls, authTokenFile, adminTokenFile } = flags;
  if (hasCredentials(flags)) {
    log.info("credentials loaded", describeCredentials(credentials));
  }
  warnIfExpired(credentials, log);
  if (tls !== undefined || isLoopback(host)) return;
  const what = (authTokenFile ?? adminTokenFile) === undefined ? "calls" : "tokens and calls";
  log.warn(`${what} can be read on the network: serving without TLS`, { host });
}

/** Whether there are files of certificates or tokens. */
function hasCredentials({ tls, authTokenFile, adminTokenFile }: ServerFlags): boolean {
  return [tls, authTokenFile, adminTokenFile].some((given) => given !== undefined);
}

function warnIfExpired({ certificate }: LoadedCredentials, log: Logger): void {
  if (certificate?.expired) log.warn("the certificate has expired", { ...certificate });
}

function describeCredentials(
  { certificate, tokenDigests, adminTokenDigests }: LoadedCredentials,
) {
  return {
    ...certificate,
    ...(tokenDigests === undefined ? {} : { tokens: tokenDigests.length }),
    ...(adminTokenDigests === undefined ? {} : { adminTokens: adminTokenDigests.length }),
  };
}

/** A signal came before the first connection could. */
async function stopEarly({ pool, models, store }: OpenServer): Promise<number> {
  pool.terminate();
  await Promise.all([models.close(), store.close()]);
  return 0;
}

/** The port of REST, or none where nobody has asked for it by name and somebody else has it. */
function freeHttpPort({ host, httpPort, httpPortGiven }: ServerFlags, log: Logger) {
  if (httpPort === undefined || httpPortGiven) return httpPort;
  try {
    Deno.listen({ hostname: host, port: httpPort }).close();
    return httpPort;
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    log.warn("the port of REST is in use: serving without it, --http-port gives another one", {
      httpPort,
    });
    return undefined;
  }
}

function logModels({ models, modelsGiven }: OpenServer, log: Logger): void {
  if (!modelsGiven) return;
  const serving = models.table.generations.map(({ model, version }) => `${model}/${version}`);
  log.info("models are ready", { models: serving });
}
