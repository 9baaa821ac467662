/**
 * Compares our server with grpc-js's: the same closed-loop load of cached Predict calls, in turn, as
 * ratios. Both run from their sources under this Deno; ours with its 4 threads, grpc-js with the one
 * that it can have.
 */

import type { LoadResult } from "./load.ts";
import { describeMachine } from "./machine.ts";
import { readLine, RUN, SERVER_FROM_SOURCES, startServerProcess } from "./server_process.ts";

const ROUNDS = 5;
const SECONDS = 2;
const CONNECTIONS = 8;

const write = (text: string) => Deno.stdout.writeSync(new TextEncoder().encode(text));
const file = (name: string) => new URL(name, import.meta.url).pathname;

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
  const results: { ours: LoadResult; peer: LoadResult }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    results.push({ ours: await load(ours.port, inflight), peer: await load(peer.port, inflight) });
  }
  const ratios = results.map((each) => each.ours.callsPerSecond / each.peer.callsPerSecond);
  const row = [
    `${CONNECTIONS} × ${inflight}`,
    ...cells(results.map((each) => each.ours)),
    ...cells(results.map((each) => each.peer)),
    `${median(ratios).toFixed(1)} (${Math.min(...ratios).toFixed(1)}–${
      Math.max(...ratios).toFixed(1)
    })`,
  ];
  write(`| ${row.join(" | ")} |\n`);
}

function cells(results: readonly LoadResult[]): string[] {
  return [
    Math.round(median(results.map(({ callsPerSecond }) => callsPerSecond))).toString(),
    median(results.map(({ p50Ms }) => p50Ms)).toFixed(3),
    median(results.map(({ p99Ms }) => p99Ms)).toFixed(3),
  ];
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

async function load(port: number, inflight: number): Promise<LoadResult> {
  const args = [
    ...RUN,
    file("load.ts"),
    ...[port, CONNECTIONS, inflight, SECONDS].map(String),
  ];
  const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" })
    .output();
  if (!success) throw new Error(`the load on port ${port} failed`);
  return JSON.parse(new TextDecoder().decode(stdout)) as LoadResult;
}

async function startPeer(): Promise<AsyncDisposable & { readonly port: number }> {
  const args = [...RUN, file("peers/grpc_js_server.ts")];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
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
