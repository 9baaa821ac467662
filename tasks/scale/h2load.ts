import { percentile } from "../../lib/workload/statistics.ts";
import { endedChildrenMs } from "./process_usage.ts";

/** One load: who is asked what, and how much of it at once. */
export interface H2Load {
  readonly url: string;
  /** A file that holds the body of every request. */
  readonly bodyPath: string;
  readonly connections: number;
  /** Requests in flight on each connection. */
  readonly inflight: number;
  /** Content type of a body that goes over HTTP/1.1; without one it is gRPC's over HTTP/2. */
  readonly http1?: string;
  /** How long, in milliseconds, or how many. */
  readonly length: { readonly durationMs: number } | { readonly requests: number };
}

/** What one load came to. */
export interface H2LoadResult {
  readonly requests: number;
  readonly durationMs: number;
  /** Processor time that h2load used. */
  readonly processorMs: number;
}

/** Response times of one load. */
export interface ResponseTimes {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const MICROSECONDS_PER_MS = 1_000;
const MS_PER_SECOND = 1_000;

/** The threads that h2load gets: half of the processors, as the server needs some too. */
export const H2LOAD_THREADS = Math.max(1, navigator.hardwareConcurrency >> 1);

/**
 * The version of h2load.
 *
 * @throws {Error} which says how to get it, when it is not there.
 */
export async function h2loadVersion(): Promise<string> {
  try {
    const { stdout } = await new Deno.Command("h2load", { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).trim();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error("Cannot measure: no h2load on the PATH; Debian has it in nghttp2-client");
  }
}

/**
 * Runs h2load to its end. No other child of this process may end meanwhile: its time would be h2load's.
 *
 * @throws {Error} when a request failed: then the numbers mean nothing.
 */
export async function runH2load(load: H2Load, logPath?: string): Promise<H2LoadResult> {
  const { url, bodyPath, connections, inflight, length, http1 } = load;
  const args = [
    ...["-c", connections, "-m", inflight, "-t", Math.min(connections, H2LOAD_THREADS)],
    ...("requests" in length ? ["-n", length.requests] : ["-D", `${length.durationMs}ms`]),
    ...["-d", bodyPath, "-H", `content-type: ${http1 ?? "application/grpc"}`],
    ...(http1 === undefined ? ["-H", "te: trailers"] : ["--h1"]),
    ...(logPath === undefined ? [] : [`--log-file=${logPath}`]),
    url,
  ].map(String);
  const beforeMs = endedChildrenMs();
  const { stdout } = await new Deno.Command("h2load", { args, stderr: "inherit" }).output();
  const processorMs = endedChildrenMs() - beforeMs;
  const text = new TextDecoder().decode(stdout);
  const perSecond = Number(/finished in .*, ([\d.]+) req\/s/.exec(text)?.[1]);
  const counts = /requests: .* (\d+) succeeded, (\d+) failed, (\d+) errored/.exec(text);
  const [succeeded, failed, errored] = (counts ?? []).slice(1).map(Number);
  if (!(succeeded > 0) || failed > 0 || errored > 0 || !(perSecond > 0)) {
    throw new Error(`Cannot measure: h2load ${args.join(" ")} had failures\n${text}`);
  }
  return {
    requests: succeeded,
    durationMs: succeeded / perSecond * MS_PER_SECOND,
    processorMs,
  };
}

/** Runs h2load for the time that each request took too, which costs it time to write down. */
export async function measureResponseTimes(load: H2Load): Promise<H2LoadResult & ResponseTimes> {
  const logPath = await Deno.makeTempFile();
  try {
    const result = await runH2load(load, logPath);
    const times = (await Deno.readTextFile(logPath)).trimEnd().split("\n")
      .map((line) => Number(line.slice(line.lastIndexOf("\t") + 1)) / MICROSECONDS_PER_MS);
    const sorted = Float64Array.from(times).sort();
    return {
      ...result,
      p50Ms: percentile(sorted, 50),
      p99Ms: percentile(sorted, 99),
      maxMs: sorted[sorted.length - 1],
    };
  } finally {
    await Deno.remove(logPath);
  }
}
