/**
 * Compares `client bench` with h2load: cached Predict calls of ten floats on one server, in the same shape
 * of load, in turn, as ratios. Processes are those that users have, so what is measured is all of the
 * client: its threads, its histograms, its clock. The sides take turns in going first.
 *
 * h2load needs no more than to count; it says how much a server on this machine has to give beside it.
 */

import { runClientBench } from "./client_bench.ts";
import { median, ratioCell, write } from "./comparison.ts";
import { describeMachine } from "./machine.ts";
import { h2loadVersion, runH2load } from "./scale/h2load.ts";
import { type LoadedServer, withLoadedServer } from "./scale/load_table.ts";
import { writeRow, writeTable } from "./scale/table.ts";
import { SERVER_FROM_SOURCES } from "./server_process.ts";

const ROUNDS = 5;
const ROUND_MS = 2_000;
const MS_PER_SECOND = 1_000;

/** Connections, and calls in flight on each. */
const SHAPES: readonly (readonly [connections: number, inflight: number])[] = [[8, 1], [8, 10]];

write(`${describeMachine()}; ${await h2loadVersion()}; ${ROUNDS} rounds of ${ROUND_MS} ms\n`);
writeTable([
  "connections × in flight",
  "client bench, calls/s",
  "h2load, calls/s",
  "ratio (min–max)",
], []);
await withLoadedServer({ command: SERVER_FROM_SOURCES, floats: 10 }, async (server) => {
  for (const [connections, inflight] of SHAPES) await compare(server, connections, inflight);
});

async function compare(server: LoadedServer, connections: number, inflight: number): Promise<void> {
  const sides = {
    ours: () => oursPerSecond(server, connections, inflight),
    peer: () => peerPerSecond(server, connections, inflight),
  };
  const rounds: { ours: number; peer: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const result = { ours: 0, peer: 0 };
    const order = round % 2 === 0 ? ["ours", "peer"] as const : ["peer", "ours"] as const;
    for (const side of order) result[side] = await sides[side]();
    rounds.push(result);
  }
  writeRow([
    `${connections} × ${inflight}`,
    Math.round(median(rounds.map(({ ours }) => ours))).toString(),
    Math.round(median(rounds.map(({ peer }) => peer))).toString(),
    ratioCell(rounds.map(({ ours, peer }) => ours / peer), 2),
  ]);
}

async function oursPerSecond(
  { server: { port } }: LoadedServer,
  connections: number,
  inflight: number,
): Promise<number> {
  const run = { port, connections, inflight, durationMs: ROUND_MS };
  return (await runClientBench(run)).achievedPerSecond;
}

async function peerPerSecond(
  { url, bodyPath }: LoadedServer,
  connections: number,
  inflight: number,
): Promise<number> {
  const { requests, durationMs } = await runH2load({
    ...{ url, bodyPath, connections, inflight },
    length: { durationMs: ROUND_MS },
  });
  return requests / durationMs * MS_PER_SECOND;
}
