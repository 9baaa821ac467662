import { OperationError } from "../errors.ts";
import {
  CACHE_BYTES_MAX,
  CACHE_ENTRIES_MAX,
  CONCURRENT_STREAMS_MAX,
  NUM_STORE_BYTES_DEFAULT,
  NUM_STORE_BYTES_MAX,
  NUM_STORE_CACHE_ENTRIES_DEFAULT,
  NUM_STORE_CACHE_ENTRIES_MAX,
  NUM_STORE_KEYS_DEFAULT,
  NUM_STORE_KEYS_MAX,
  THREADS_MAX,
} from "../limits.ts";
import { parseCommandLine, type Program } from "./command_line.ts";
import { type Flag, flagValue, type GivenArguments, optionalFlagValue } from "./flag.ts";
import { bytesFrom, FILE, HOST, integerFrom, orWord, secondsFrom } from "./flag_kind.ts";
import { LOG_FLAGS, type LogFlags, readLogFlags } from "./log_flags.ts";
import { MODEL_FLAGS, type ModelFlags, readModelFlags } from "./model_flags.ts";
import type { ParseOutcome } from "./parse_outcome.ts";
import { PIPELINE_FLAGS, type PipelineFlags, readPipelineFlags } from "./pipeline_flags.ts";
import { readStoreFlags, STORE_FLAGS, type StoreFlags } from "./store_flags.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const MS_PER_SECOND = 1000;

/** The largest TCP port. */
const PORT_MAX = 65_535;

/** The least memory that a cache of one small entry fits in: a page. */
const CACHE_BYTES_MIN = 4 * KIB;

/** The least memory for NumStore's keys: one of the longest, and some more. */
const NUM_STORE_BYTES_MIN = 4 * KIB;

/** The least message limit: requests of ten floats and error texts must fit. */
const MESSAGE_BYTES_MIN = KIB;

/** The largest message limit: gRPC's length field reaches 4 GiB, and a message is in memory whole. */
const MESSAGE_BYTES_MAX = GIB;

/** The longest drain; an orchestrator kills after seconds or minutes. */
const DRAIN_SECONDS_MAX = 3600;

/** The most connections: a Linux process cannot have more open files than this without special rights. */
const CONNECTIONS_MAX = 1_048_576;

/** The most calls of one connection: what a thread may buffer for each is then 17 GB, which is enough. */
const STREAMS_MAX = 65_535;

/** The longest time that a connection may be given: a month. */
const CONNECTION_SECONDS_MAX = 2_678_400;

/** The word for as many threads as pay on this machine. */
const AUTO = "auto";

/** What `server` runs with. */
export interface ServerFlags extends LogFlags, ModelFlags, PipelineFlags, StoreFlags {
  /** Address to listen on, an IPv6 one without brackets. */
  readonly host: string;
  /** TCP port; 0 for any free one. */
  readonly port: number;
  /** Serving threads. */
  readonly threads: number;
  /** How many of them serve from the start; `auto` for one fewer than processors. */
  readonly initialThreads: number | typeof AUTO;
  readonly cacheEntries: number;
  /** Memory of the cache that all threads share. */
  readonly cacheBytes: number;
  /** Keys that NumStore may hold, memory for them, and factorials in its cache. */
  readonly numStoreKeys: number;
  readonly numStoreBytes: number;
  readonly numStoreCacheEntries: number;
  /** The longest request message that is accepted. */
  readonly maxMessageBytes: number;
  /** Connections of all threads together. */
  readonly maxConnections: number;
  /** Calls that one connection may have at once. */
  readonly maxStreams: number;
  /** Times of a connection in milliseconds, Infinity where the flag says 0: see `ConnectionRules`. */
  readonly keepaliveMs: number;
  readonly idleMs: number;
  readonly connectionAgeMs: number;
  /** How long a shutdown waits for calls in progress. */
  readonly drainMs: number;
  /** PEM files to serve TLS with; without them connections are not encrypted. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  /** A file of the tokens of which callers need one; without it everybody may call. */
  readonly authTokenFile?: string;
  /** A file of the tokens of which those need one who load and unload models; it lets them call, too. */
  readonly adminTokenFile?: string;
}

const host: Flag<string> = {
  name: "--host",
  placeholder: "address",
  summary: "address to listen on",
  kind: HOST,
  fallback: "0.0.0.0",
  variable: "MODELSERVER_HOST",
};
const port: Flag<number> = {
  name: "--port",
  placeholder: "number",
  summary: "TCP port to listen on, 0 for any free one",
  kind: integerFrom(0, PORT_MAX),
  fallback: "5440",
  variable: "MODELSERVER_PORT",
};
const threads: Flag<number> = {
  name: "--threads",
  placeholder: "count",
  summary: "serving threads",
  kind: integerFrom(1, THREADS_MAX),
  fallback: "4",
  variable: "MODELSERVER_THREADS",
};
const initialThreads: Flag<number | typeof AUTO> = {
  name: "--initial-threads",
  placeholder: "count",
  summary: "threads that serve from the start; others join under load",
  kind: orWord(integerFrom(1, THREADS_MAX), AUTO),
  fallback: AUTO,
  variable: "MODELSERVER_INITIAL_THREADS",
};
const cacheEntries: Flag<number> = {
  name: "--cache-entries",
  placeholder: "count",
  summary: "most results in the cache",
  kind: integerFrom(1, CACHE_ENTRIES_MAX),
  fallback: "10",
  variable: "MODELSERVER_CACHE_ENTRIES",
};
const cacheBytes: Flag<number> = {
  name: "--cache-bytes",
  placeholder: "bytes",
  summary: "memory of the cache",
  kind: bytesFrom(CACHE_BYTES_MIN, CACHE_BYTES_MAX),
  fallback: "64MiB",
  variable: "MODELSERVER_CACHE_BYTES",
};
const numStoreKeys: Flag<number> = {
  name: "--numstore-keys",
  placeholder: "count",
  summary: "most keys of NumStore",
  kind: integerFrom(1, NUM_STORE_KEYS_MAX),
  fallback: String(NUM_STORE_KEYS_DEFAULT),
  variable: "MODELSERVER_NUMSTORE_KEYS",
};
const numStoreBytes: Flag<number> = {
  name: "--numstore-bytes",
  placeholder: "bytes",
  summary: "memory of NumStore's keys",
  kind: bytesFrom(NUM_STORE_BYTES_MIN, NUM_STORE_BYTES_MAX),
  fallback: `${NUM_STORE_BYTES_DEFAULT / MIB}MiB`,
  variable: "MODELSERVER_NUMSTORE_BYTES",
};
const numStoreCacheEntries: Flag<number> = {
  name: "--numstore-cache-entries",
  placeholder: "count",
  summary: "most factorials in NumStore's cache",
  kind: integerFrom(1, NUM_STORE_CACHE_ENTRIES_MAX),
  fallback: String(NUM_STORE_CACHE_ENTRIES_DEFAULT),
  variable: "MODELSERVER_NUMSTORE_CACHE_ENTRIES",
};
const maxMessageBytes: Flag<number> = {
  name: "--max-message-bytes",
  placeholder: "bytes",
  summary: "longest request message",
  kind: bytesFrom(MESSAGE_BYTES_MIN, MESSAGE_BYTES_MAX),
  fallback: "4MiB",
  variable: "MODELSERVER_MAX_MESSAGE_BYTES",
};
const maxConnections: Flag<number> = {
  name: "--max-connections",
  placeholder: "count",
  summary: "most connections at once",
  kind: integerFrom(1, CONNECTIONS_MAX),
  fallback: "16384",
  variable: "MODELSERVER_MAX_CONNECTIONS",
};
const maxStreams: Flag<number> = {
  name: "--max-streams",
  placeholder: "count",
  summary: "most calls at once on a connection",
  kind: integerFrom(1, STREAMS_MAX),
  fallback: String(CONCURRENT_STREAMS_MAX),
  variable: "MODELSERVER_MAX_STREAMS",
};
const keepaliveSeconds: Flag<number> = {
  name: "--keepalive-seconds",
  placeholder: "seconds",
  summary: "quiet after which a client is asked whether it lives, 0 for never",
  kind: secondsFrom(0, CONNECTION_SECONDS_MAX),
  fallback: "60",
  variable: "MODELSERVER_KEEPALIVE_SECONDS",
};
const idleSeconds: Flag<number> = {
  name: "--idle-seconds",
  placeholder: "seconds",
  summary: "how long a connection may be without a call, 0 for ever",
  kind: secondsFrom(0, CONNECTION_SECONDS_MAX),
  fallback: "1800",
  variable: "MODELSERVER_IDLE_SECONDS",
};
const maxConnectionAgeSeconds: Flag<number> = {
  name: "--max-connection-age-seconds",
  placeholder: "seconds",
  summary: "age at which a client is asked to connect anew, 0 for never",
  kind: secondsFrom(0, CONNECTION_SECONDS_MAX),
  fallback: "0",
  variable: "MODELSERVER_MAX_CONNECTION_AGE_SECONDS",
};
const drainSeconds: Flag<number> = {
  name: "--drain-seconds",
  placeholder: "seconds",
  summary: "how long a shutdown waits for calls in progress",
  kind: secondsFrom(0, DRAIN_SECONDS_MAX),
  fallback: "5",
  variable: "MODELSERVER_DRAIN_SECONDS",
};
const tlsCert: Flag<string> = {
  name: "--tls-cert",
  placeholder: "file",
  summary: "serve TLS with this certificate chain in PEM; needs --tls-key",
  kind: FILE,
  variable: "MODELSERVER_TLS_CERT",
};
const tlsKey: Flag<string> = {
  name: "--tls-key",
  placeholder: "file",
  summary: "the certificate's private key in PEM",
  kind: FILE,
  variable: "MODELSERVER_TLS_KEY",
};
const authTokenFile: Flag<string> = {
  name: "--auth-token-file",
  placeholder: "file",
  summary: "let only those call who show one of its tokens, one a line",
  kind: FILE,
  variable: "MODELSERVER_AUTH_TOKEN_FILE",
};

const adminTokenFile: Flag<string> = {
  name: "--admin-token-file",
  placeholder: "file",
  summary: "let only those load and unload models who show one of its tokens",
  kind: FILE,
  variable: "MODELSERVER_ADMIN_TOKEN_FILE",
};

const SERVER: Program = {
  name: "server",
  summary: "Serves models over gRPC and REST.",
  positionals: [],
  flags: [
    host,
    port,
    threads,
    initialThreads,
    cacheEntries,
    cacheBytes,
    numStoreKeys,
    numStoreBytes,
    numStoreCacheEntries,
    maxMessageBytes,
    maxConnections,
    maxStreams,
    keepaliveSeconds,
    idleSeconds,
    maxConnectionAgeSeconds,
    drainSeconds,
    ...LOG_FLAGS,
    tlsCert,
    tlsKey,
    authTokenFile,
    adminTokenFile,
    ...MODEL_FLAGS,
    ...PIPELINE_FLAGS,
    ...STORE_FLAGS,
  ],
};

/** The environment variables that `parseServerFlags` asks for: all that the server may read. */
export const SERVER_VARIABLES: readonly string[] = SERVER.flags.flatMap(({ variable }) =>
  variable === undefined ? [] : [variable]
);

/**
 * The server's flags, from its arguments, else the environment's `MODELSERVER_…`, else the defaults.
 *
 * Nothing is written or read: the composition root acts on the outcome. See `parseCommandLine`.
 *
 * @param args without the program's name
 * @param env such as `(name) => Deno.env.get(name)`; asked only for the names in the help
 *
 * @example
 * ```ts
 * import { parseServerFlags } from "./server_flags.ts";
 * const outcome = parseServerFlags(["--port", "0"], () => undefined);
 * if (outcome.kind !== "run" || outcome.flags.port !== 0) throw new Error("Wrong outcome");
 * ```
 */
export function parseServerFlags(
  args: readonly string[],
  env: (name: string) => string | undefined,
): ParseOutcome<ServerFlags> {
  return parseCommandLine(SERVER, args, env, buildFlags);
}

function buildFlags(given: GivenArguments): ServerFlags {
  return {
    host: flagValue(host, given),
    port: flagValue(port, given),
    threads: flagValue(threads, given),
    initialThreads: flagValue(initialThreads, given),
    cacheEntries: flagValue(cacheEntries, given),
    cacheBytes: flagValue(cacheBytes, given),
    numStoreKeys: flagValue(numStoreKeys, given),
    numStoreBytes: flagValue(numStoreBytes, given),
    numStoreCacheEntries: flagValue(numStoreCacheEntries, given),
    maxMessageBytes: flagValue(maxMessageBytes, given),
    maxConnections: flagValue(maxConnections, given),
    maxStreams: flagValue(maxStreams, given),
    keepaliveMs: msOrForever(flagValue(keepaliveSeconds, given)),
    idleMs: msOrForever(flagValue(idleSeconds, given)),
    connectionAgeMs: msOrForever(flagValue(maxConnectionAgeSeconds, given)),
    drainMs: flagValue(drainSeconds, given) * MS_PER_SECOND,
    ...readLogFlags(given),
    ...securityFlags(given),
    ...readModelFlags(given),
    ...readPipelineFlags(given),
    ...readStoreFlags(given),
  };
}

function securityFlags(
  given: GivenArguments,
): Pick<ServerFlags, "tls" | "authTokenFile" | "adminTokenFile"> {
  const certFile = optionalFlagValue(tlsCert, given);
  const keyFile = optionalFlagValue(tlsKey, given);
  const tokenFile = optionalFlagValue(authTokenFile, given);
  const adminFile = optionalFlagValue(adminTokenFile, given);
  if ((certFile === undefined) !== (keyFile === undefined)) {
    const [found, needed] = certFile === undefined ? [tlsKey, tlsCert] : [tlsCert, tlsKey];
    const { source } = given.texts.get(found.name) ?? { source: found.name };
    throw new OperationError("invalid-argument", `${source} is given, and ${needed.name} is not`);
  }
  return {
    ...(certFile === undefined || keyFile === undefined ? {} : { tls: { certFile, keyFile } }),
    ...(tokenFile === undefined ? {} : { authTokenFile: tokenFile }),
    ...(adminFile === undefined ? {} : { adminTokenFile: adminFile }),
  };
}

function msOrForever(seconds: number): number {
  return seconds === 0 ? Infinity : seconds * MS_PER_SECOND;
}
