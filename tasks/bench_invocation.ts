/**
 * Measures Invocation through the whole server, with each store: invocations a second of the mock next to the saves
 * of the same runs that the store makes by itself, on a thread without a server; and how long GET of an id takes,
 * alone and while runs are invoked.
 *
 * Redis is Debian's `redis-server`, left out where it is not installed. The load runs on the machine of the server
 * and takes processors from it, so figures are ratios of what was measured in turn.
 */

import type { Run } from "../lib/invocation/run.ts";
import { openStore } from "../lib/store/open_store.ts";
import { LocalStore } from "../lib/store/local_store.ts";
import type { StoreSync } from "../lib/store/store_options.ts";
import { parseStoreUrl } from "../lib/store/store_url.ts";
import { percentile } from "../lib/workload/statistics.ts";
import { closedRate } from "./bench_models/closed_rate.ts";
import { runClientBench } from "./client_bench.ts";
import { median, ratioCell, write } from "./comparison.ts";
import { describeMachine } from "./machine.ts";
import { writeRow, writeTable } from "./scale/table.ts";
import { SERVER_FROM_SOURCES, startServerProcess } from "./server_process.ts";

const ROUNDS = 3;
const ROUND_MS = 3_000;
const SHAPE = { connections: 8, inflight: 10 } as const;
const IN_FLIGHT = SHAPE.connections * SHAPE.inflight;

/** Ids that are invoked over and over, each with the content that `client bench` makes of ten floats. */
const IDS = 1_000;
const CONTENT = Array.from({ length: 10 }, (_, i) => Math.fround(i / 7)).join(",");

/** One store, and how it is asked for. */
interface Contender {
  readonly name: string;
  readonly url: string;
  readonly sync?: StoreSync;
}

/** One round of a contender. */
interface Round {
  readonly invokesPerSecond: number;
  readonly savesPerSecond: number;
  readonly alone: readonly [p50Ms: number, p99Ms: number];
  readonly underWrites: readonly [p50Ms: number, p99Ms: number];
}

const folder = await Deno.makeTempDir({ prefix: "modelserver-invocation-" });
const redis = await startRedis();
try {
  write(`${describeMachine()}; deno task bench:invocation, median of ${ROUNDS} rounds\n`);
  writeTable([
    "store",
    `Invoke/s, ${SHAPE.connections} × ${SHAPE.inflight}`,
    `bare saves/s, ${IN_FLIGHT} at once`,
    "ratio (min–max)",
    "GET p50 ms",
    "p99 ms",
    "under writes: p50 ms",
    "p99 ms",
  ], []);
  for (const contender of contenders()) await measure(contender);
} finally {
  redis?.child.kill();
  await redis?.child.status;
  await Deno.remove(folder, { recursive: true });
}

function contenders(): readonly Contender[] {
  const sqlite = (["full", "normal"] as const).map((sync) => (
    { name: `sqlite, sync ${sync}`, url: `sqlite:${folder}/${sync}.sqlite`, sync }
  ));
  const remote = redis === undefined ? [] : [
    { name: "redis, appendfsync everysec", url: `redis://127.0.0.1:${redis.port}` },
  ];
  return [{ name: "memory", url: "memory" }, ...sqlite, ...remote];
}

async function measure(contender: Contender): Promise<void> {
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const savesPerSecond = await bareRate(contender);
    rounds.push({ savesPerSecond, ...await servedRates(contender) });
  }
  const middle = (of: (round: Round) => number) => median(rounds.map(of));
  writeRow([
    contender.name,
    middle(({ invokesPerSecond }) => invokesPerSecond).toFixed(0),
    middle(({ savesPerSecond }) => savesPerSecond).toFixed(0),
    ratioCell(rounds.map((round) => round.invokesPerSecond / round.savesPerSecond), 2),
    middle(({ alone }) => alone[0]).toFixed(2),
    middle(({ alone }) => alone[1]).toFixed(2),
    middle(({ underWrites }) => underWrites[0]).toFixed(2),
    middle(({ underWrites }) => underWrites[1]).toFixed(2),
  ]);
}

/** Saves a second of the store on this thread. */
async function bareRate({ url, sync = "full" }: Contender): Promise<number> {
  const options = { sync, ttlMs: undefined, rowsMax: undefined, timeoutMs: 30_000 };
  const store = new LocalStore(await openStore(parseStoreUrl(url), options));
  let number = 0;
  const save = () => store.save(runOf(number++ % IDS));
  const rate = await closedRate(save, { inflight: IN_FLIGHT, durationMs: ROUND_MS });
  await store.close();
  return rate.callsPerSecond;
}

async function servedRates({ url, sync }: Contender): Promise<Omit<Round, "savesPerSecond">> {
  const flags = ["--host", "127.0.0.1", "--http-port", "0", "--store", url];
  const syncFlags = sync === undefined ? [] : ["--store-sync", sync];
  await using server = await startServerProcess(SERVER_FROM_SOURCES, [...flags, ...syncFlags]);
  const { port, httpPort } = server;
  const bench = () =>
    runClientBench({
      port,
      ...SHAPE,
      durationMs: ROUND_MS,
      flags: ["--method", "invoke", "--distinct", `${IDS}`],
    });
  const { achievedPerSecond } = await bench();
  const alone = await getFor(`http://127.0.0.1:${httpPort}`, ROUND_MS);
  let ended = false;
  const load = bench().finally(() => ended = true);
  const underWrites = await getFor(`http://127.0.0.1:${httpPort}`, Infinity, () => ended);
  await load;
  return { invokesPerSecond: achievedPerSecond, alone, underWrites };
}

/** One after the other, with a pause: what a reader waits for, not what readers do to each other. */
async function getFor(
  root: string,
  durationMs: number,
  isEnded = () => false,
): Promise<readonly [number, number]> {
  const times: number[] = [];
  const endMs = performance.now() + durationMs;
  for (let id = 0; performance.now() < endMs && !isEnded(); id++) {
    const startMs = performance.now();
    const response = await fetch(`${root}/invocation/${id % IDS}`);
    await response.text();
    if (!response.ok) throw new Error(`Cannot measure: GET answered ${response.status}`);
    times.push(performance.now() - startMs);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const sorted = Float64Array.from(times).sort();
  return [percentile(sorted, 50), percentile(sorted, 99)];
}

function runOf(id: number): Run {
  return {
    input: { id, content: CONTENT, metadata: [] },
    output: { id: 1, metadata: [{ key: "accuracy", value: "0.9" }] },
  };
}

/** @returns undefined where there is no Redis to start */
async function startRedis(): Promise<{ port: number; child: Deno.ChildProcess } | undefined> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const disk = ["--dir", folder, "--save", "", "--appendonly", "yes"];
  try {
    const child = new Deno.Command("redis-server", {
      args: ["--port", String(port), "--bind", "127.0.0.1", ...disk],
      stdout: "null",
    }).spawn();
    while (!await isListening(port)) await new Promise((resolve) => setTimeout(resolve, 10));
    return { port, child };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
