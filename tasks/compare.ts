/**
 * Compares our server with grpc-js's: the same closed-loop load of cached Predict calls, in turn, as
 * ratios. Both run from their sources under this Deno; ours with its 4 threads, grpc-js with the one
 * that it can have.
 */

import type { LoadResult } from "./closed_load.ts";
import { cells, ratioCell, type Round, runLoad, write } from "./comparison.ts";
import { describeMachine } from "./machine.ts";
import {
  fromSources,
  readLine,
  SERVER_FROM_SOURCES,
  startServerProcess,
} from "./server_process.ts";

const ROUNDS = 5;
const SECONDS = 2;
const CONNECTIONS = 8;

const LOAD = fromSources("load.ts");

write(`${describeMachine()}; ${ROUNDS} rounds of ${SECONDS} s\n\n`);
write(
  "| connections × in flight | ours calls/s | p50 ms | p99 ms | grpc-js calls/s | p50 ms | p99 ms | ratio (min–max) |\n",
);
write("|---|---|---|---|---|---|---|---|\n");

await using ours = await startServerProcess(SERVER_FROM_SOURCES);
await using peer = await startPeer();
for (const inflight of [1, 10]) {
  await load(ours.port, inflight);
  await load(peer.port, inflight);
  const rounds: Round[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push({ ours: await load(ours.port, inflight), peer: await load(peer.port, inflight) });
  }
  const row = [
    `${CONNECTIONS} × ${inflight}`,
    ...cells(rounds.map((each) => each.ours)),
    ...cells(rounds.map((each) => each.peer)),
    ratioCell(rounds.map((each) => each.ours.callsPerSecond / each.peer.callsPerSecond)),
  ];
  write(`| ${row.join(" | ")} |\n`);
}

function load(port: number, inflight: number): Promise<LoadResult> {
  return runLoad(LOAD, { port, connections: CONNECTIONS, inflight, seconds: SECONDS });
}

async function startPeer(): Promise<AsyncDisposable & { readonly port: number }> {
  const [program, ...args] = fromSources("peers/grpc_js_server.ts");
  const child = new Deno.Command(program, { args, stdout: "piped" }).spawn();
  const line = await readLine(child.stdout);
  if (line === undefined) throw new Error("the grpc-js server did not start");
  return {
    port: (JSON.parse(line) as { port: number }).port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
    },
  };
}
