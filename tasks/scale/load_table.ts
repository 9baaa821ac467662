import { openChannel } from "../../lib/grpc/channel.ts";
import { ModelServerClient } from "../../lib/services/modelserver_client.ts";
import { modelServerMethods } from "../../lib/services/modelserver_contract.ts";
import { type ServerCommand, type ServerProcess, startServerProcess } from "../server_process.ts";
import { grpcBody } from "./grpc_body.ts";
import {
  type H2Load,
  H2LOAD_THREADS,
  type H2LoadResult,
  measureResponseTimes,
  runH2load,
} from "./h2load.ts";
import { processorMs } from "./process_usage.ts";

/** A server with coefficients, and a body for the requests to it. */
export interface LoadedServer {
  readonly server: ServerProcess;
  readonly url: string;
  readonly bodyPath: string;
  readonly bodyBytes: number;
  /** The processors that its serving threads can use. */
  readonly processors: number;
}

/** How a server is started for a load. */
export interface LoadedServerOptions {
  readonly command: ServerCommand;
  readonly floats: number;
  readonly flags?: readonly string[];
  readonly threads?: number;
  /** Whether the second and all later answers must come from the cache, or none may. */
  readonly cached?: boolean;
}

/** One row: how many connections, and how many requests in flight on each. */
export interface LoadRow {
  readonly label: string;
  readonly connections: number;
  readonly inflight: number;
}

const ROUNDS = 3;
const ROUND_MS = 1_500;
const WARM_UP_MS = 1_000;
const MICROSECONDS_PER_MS = 1_000;
const MS_PER_SECOND = 1_000;
const BYTES_PER_MB = 1e6;

/** The share of what it can use from which on a process is at its limit. */
const LIMIT_SHARE = 0.9;

/** The server's threads unless a flag says otherwise. */
const THREADS_DEFAULT = 4;

/**
 * Runs `use` with a server that has coefficients and has answered one request; stops it afterwards.
 *
 * @throws {Error} when the answers are not from where they should be.
 */
export async function withLoadedServer(
  { command, floats, flags = [], threads = THREADS_DEFAULT, cached = true }: LoadedServerOptions,
  use: (server: LoadedServer) => Promise<void>,
): Promise<void> {
  await using server = await startServerProcess(command, flags);
  const vector = Float32Array.from({ length: floats }, (_, i) => (i % 100) / 100);
  const channel = openChannel({ hostname: "127.0.0.1", port: server.port });
  const client = new ModelServerClient(channel);
  await client.setCoefs(vector);
  await client.predict(vector);
  const { cache_hit: cacheHit, error } = await client.predict(vector);
  channel.close();
  if (error !== "" || cacheHit !== cached) {
    throw new Error(`Cannot measure: cacheHit is ${cacheHit}, need ${cached}${error}`);
  }
  const bodyPath = await Deno.makeTempFile();
  try {
    const body = grpcBody(modelServerMethods().predict.request, { inputs: vector });
    await Deno.writeFile(bodyPath, body);
    await use({
      server,
      url: `http://127.0.0.1:${server.port}${modelServerMethods().predict.path}`,
      bodyPath,
      bodyBytes: body.length,
      processors: Math.min(threads, navigator.hardwareConcurrency),
    });
  } finally {
    await Deno.remove(bodyPath);
  }
}

/** What stands over a table of rows from `measureRow`. */
export function tableHead(first: string): string[] {
  return [
    first,
    "requests/s",
    "MB/s in",
    "p50 ms",
    "p99 ms",
    "max ms",
    "server µs",
    "h2load µs",
    "limit",
  ];
}

/**
 * Puts a load on a server, after a warm-up: the median of ROUNDS rates, the processor time that a
 * request takes in both processes, and response times of one more round.
 */
export async function measureRow(
  { server, url, bodyPath, bodyBytes, processors }: LoadedServer,
  { label, connections, inflight }: LoadRow,
): Promise<string[]> {
  const { pid } = server.child;
  const load: H2Load = {
    ...{ url, bodyPath, connections, inflight },
    length: { durationMs: WARM_UP_MS },
  };
  await runH2load(load);
  const round = { ...load, length: { durationMs: ROUND_MS } };
  const rounds: (H2LoadResult & { readonly serverMs: number })[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const beforeMs = processorMs(pid);
    const result = await runH2load(round);
    rounds.push({ ...result, serverMs: processorMs(pid) - beforeMs });
  }
  const { p50Ms, p99Ms, maxMs } = await measureResponseTimes(round);
  const perSecond = rounds.map(({ requests, durationMs }) => requests / durationMs * MS_PER_SECOND)
    .sort((a, b) => a - b)[ROUNDS >> 1];
  const sum = (of: (each: typeof rounds[number]) => number) =>
    rounds.reduce((total, each) => total + of(each), 0);
  const requests = sum((each) => each.requests);
  const durationMs = sum((each) => each.durationMs);
  const serverMs = sum((each) => each.serverMs);
  const h2loadMs = sum((each) => each.processorMs);
  return [
    label,
    Math.round(perSecond).toLocaleString("en").replaceAll(",", " "),
    (perSecond * bodyBytes / BYTES_PER_MB).toFixed(1),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    maxMs.toFixed(1),
    (serverMs / requests * MICROSECONDS_PER_MS).toFixed(1),
    (h2loadMs / requests * MICROSECONDS_PER_MS).toFixed(1),
    limitOf(
      serverMs / durationMs / processors,
      h2loadMs / durationMs / Math.min(connections, H2LOAD_THREADS),
      (serverMs + h2loadMs) / durationMs / navigator.hardwareConcurrency,
    ),
  ];
}

/** Who kept the rate from being higher, by the shares that were used of what each could use. */
function limitOf(server: number, h2load: number, machine: number): string {
  if (server >= LIMIT_SHARE) return h2load >= LIMIT_SHARE ? "both" : "server";
  if (h2load >= LIMIT_SHARE) return "h2load";
  // Each waits for the other's turn on a processor, or for an answer.
  return machine >= LIMIT_SHARE ? "processors" : "waiting";
}
