/**
 * Measures how the server behaves as connections, messages, threads and time grow: each section prints
 * a table for docs/performance.md. Names of sections as arguments choose some: connections, floats, threads, memory.
 *
 * The load comes from h2load on the same machine, and so takes processors from the server: the columns of
 * processor time say what a request costs either of them, and the last one who was at the end of his.
 * Runs `./server` if it is there, else the sources.
 */

import { describeMachine } from "./machine.ts";
import { h2loadVersion } from "./scale/h2load.ts";
import { type LoadRow, measureRow, tableHead, withLoadedServer } from "./scale/load_table.ts";
import { measureMemory } from "./scale/memory.ts";
import { write, writeRow, writeTable } from "./scale/table.ts";
import { SERVER_FROM_SOURCES, type ServerCommand } from "./server_process.ts";

/** A cache that has no room for the results of long vectors. */
const SMALL_CACHE = ["--cache-bytes", "4KiB"];

const SECTIONS: Readonly<Record<string, (command: ServerCommand) => Promise<void>>> = {
  connections: measureConnections,
  floats: measureFloats,
  threads: measureThreads,
  memory: measureMemory,
};

const wrong = Deno.args.filter((name) => !(name in SECTIONS));
if (wrong.length > 0) {
  throw new Error(`Cannot measure ${wrong}: need some of ${Object.keys(SECTIONS).join(", ")}`);
}
const command = await chooseServer();
const program = command === SERVER_FROM_SOURCES ? "the sources" : "./server";
write(`${describeMachine()}; ${program}, ${await h2loadVersion()}\n`);
for (const [name, measure] of Object.entries(SECTIONS)) {
  if (Deno.args.length === 0 || Deno.args.includes(name)) await measure(command);
}

async function chooseServer(): Promise<ServerCommand> {
  const compiled = new URL("../server", import.meta.url).pathname;
  try {
    await Deno.stat(compiled);
    return { program: compiled, args: [] };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return SERVER_FROM_SOURCES;
  }
}

/** Ten floats from the cache, from ever more connections. */
async function measureConnections(command: ServerCommand): Promise<void> {
  writeTable(tableHead("connections × in flight"), []);
  await withLoadedServer({ command, floats: 10 }, async (server) => {
    for (const connections of [1, 8, 64, 512]) {
      for (const inflight of [1, 10, 100]) {
        writeRow(await measureRow(server, row(connections, inflight)));
      }
    }
  });
}

/** Ever longer vectors. */
async function measureFloats(command: ServerCommand): Promise<void> {
  writeTable(tableHead("floats, connections × in flight"), []);
  const kinds = [
    { floats: 10, cached: true },
    { floats: 1_000, cached: true },
    { floats: 1_000, cached: false },
    { floats: 100_000, cached: true },
    { floats: 100_000, cached: false },
  ];
  for (const { floats, cached } of kinds) {
    const flags = cached ? [] : SMALL_CACHE;
    await withLoadedServer({ command, floats, cached, flags }, async (server) => {
      for (const inflight of [1, 10]) {
        const label = `${floats}${cached ? "" : " not cached"}, ${row(8, inflight).label}`;
        writeRow(await measureRow(server, { ...row(8, inflight), label }));
      }
    });
  }
}

/** One to four serving threads, and as many as the server itself takes for good. */
async function measureThreads(command: ServerCommand): Promise<void> {
  writeTable(tableHead("threads, connections × in flight"), []);
  for (const threads of [1, 2, 3, 4, undefined]) {
    const flags = threads === undefined
      ? []
      : ["--threads", String(threads), "--initial-threads", String(threads)];
    const options = { command, floats: 10, flags, ...(threads === undefined ? {} : { threads }) };
    await withLoadedServer(options, async (server) => {
      for (const [connections, inflight] of [[8, 1], [8, 10], [64, 10]]) {
        const label = `${threads ?? "auto"}, ${row(connections, inflight).label}`;
        writeRow(await measureRow(server, { ...row(connections, inflight), label }));
      }
    });
  }
}

function row(connections: number, inflight: number): LoadRow {
  return { label: `${connections} × ${inflight}`, connections, inflight };
}
