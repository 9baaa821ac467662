/**
 * Compares our client with grpc-js's: cached Predict calls in a closed loop over one connection to our
 * server, in turn, as ratios. The server and each client are processes of their own; grpc-js runs under
 * this Deno, and on Node where that is there.
 */

import type { LoadResult } from "./closed_load.ts";
import { cells, median, ratioCell, type Round, runLoad, write } from "./comparison.ts";
import { describeMachine } from "./machine.ts";
import { fromSources, SERVER_FROM_SOURCES, startServerProcess } from "./server_process.ts";

const ROUNDS = 5;
const SECONDS = 1;

const OURS = fromSources("load.ts");
const PEER_FILE = "peers/grpc_js_client.ts";

const HEADER = [
  "grpc-js on",
  "in flight",
  ...["ours, calls/s", "p50 ms", "p99 ms", "CPU µs a call"],
  ...["grpc-js, calls/s", "p50 ms", "p99 ms", "CPU µs a call"],
  ...["ratio of calls/s (min–max)", "of CPU (min–max)"],
];

const bundle = await Deno.makeTempFile({ suffix: ".mjs" });
try {
  write(`${describeMachine()}; ${ROUNDS} rounds of ${SECONDS} s\n\n`);
  writeRow(HEADER);
  writeRow(HEADER.map(() => "---"));
  await using server = await startServerProcess(SERVER_FROM_SOURCES);
  await compare(server.port, `Deno ${Deno.version.deno}`, fromSources(PEER_FILE));
  const node = await nodeVersion();
  if (node !== undefined && await bundlePeer(bundle)) {
    await compare(server.port, `Node ${node}`, ["node", bundle]);
  }
} finally {
  await Deno.remove(bundle);
}

async function compare(port: number, runtime: string, peer: readonly string[]): Promise<void> {
  for (const inflight of [1, 32]) {
    const load = (command: readonly string[]) =>
      runLoad(command, { port, connections: 1, inflight, seconds: SECONDS });
    const rounds: Round[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({ ours: await load(OURS), peer: await load(peer) });
    }
    writeRow([
      runtime,
      String(inflight),
      ...columns(rounds.map((each) => each.ours)),
      ...columns(rounds.map((each) => each.peer)),
      ratioCell(rounds.map((each) => each.ours.callsPerSecond / each.peer.callsPerSecond)),
      ratioCell(rounds.map((each) => each.peer.cpuUs / each.ours.cpuUs)),
    ]);
  }
}

function columns(results: readonly LoadResult[]): string[] {
  return [...cells(results), median(results.map(({ cpuUs }) => cpuUs)).toFixed(1)];
}

function writeRow(row: readonly string[]): void {
  write(`| ${row.join(" | ")} |\n`);
}

async function nodeVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await new Deno.Command("node", { args: ["--version"] }).output();
    return new TextDecoder().decode(stdout).trim().slice(1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Node knows neither types nor Deno's packages. @returns false, having said why, when it cannot be done */
async function bundlePeer(file: string): Promise<boolean> {
  const [program, ...args] = fromSources(PEER_FILE, ["bundle", "--quiet", "--output", file]);
  const { success } = await new Deno.Command(program, { args, stderr: "inherit" }).output();
  return success;
}
