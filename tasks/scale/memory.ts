import { readLine, RUN, type ServerCommand, startServerProcess } from "../server_process.ts";
import { runH2load } from "./h2load.ts";
import { withLoadedServer } from "./load_table.ts";
import { openFilesMax, residentKib } from "./process_usage.ts";
import { writeTable } from "./table.ts";

const CONNECTIONS = 10_000;
/** Each is a process that has to hold half of the connections. */
const HOLDERS = 2;
/** Files that a process has open beside its connections. */
const OTHER_FILES = 200;
const MILLIONS = 10;
const MILLION = 1_000_000;

/** Memory is read when it has not fallen for this many rounds, as the heap gives back in its own time. */
const ROUND_MS = 1_000;
const STEADY_ROUNDS = 4;
const ROUNDS_MAX = 20;

/** Measures the memory that idle connections hold, and whether it grows with the requests. */
export async function measureMemory(command: ServerCommand): Promise<void> {
  const files = openFilesMax(Deno.pid);
  if (files < CONNECTIONS + OTHER_FILES) {
    throw new Error(
      `Cannot hold ${CONNECTIONS} connections: ${files} open files allowed, need ${
        CONNECTIONS + OTHER_FILES
      } (ulimit -n)`,
    );
  }
  const rows: string[][] = [];
  for (const kind of ["greeted", "called"]) rows.push(await measureIdle(command, kind));
  writeTable(
    [
      `${CONNECTIONS} connections`,
      "server before, MB",
      "with them, MB",
      "KiB each",
      "when they are gone, MB",
      "with them again, MB",
    ],
    rows,
  );
  await measureGrowth(command);
}

async function measureIdle(command: ServerCommand, kind: string): Promise<string[]> {
  await using server = await startServerProcess(command);
  const { pid } = server.child;
  const before = await steadyResidentKib(pid);
  const held: number[] = [];
  const left: number[] = [];
  for (let i = 0; i < 2; i++) {
    {
      await using _holders = await holdConnections(server.port, kind);
      held.push(await steadyResidentKib(pid));
    }
    left.push(await steadyResidentKib(pid));
  }
  return [
    kind === "called" ? "idle after a call" : "idle after the prefaces",
    megabytes(before),
    megabytes(held[0]),
    ((held[0] - before) / CONNECTIONS).toFixed(1),
    megabytes(left[0]),
    megabytes(held[1]),
  ];
}

/** Opens all connections, from processes of their own; they close at the end of the scope. */
async function holdConnections(port: number, kind: string): Promise<AsyncDisposable> {
  const script = new URL("idle_connections.ts", import.meta.url).pathname;
  const args = [...RUN, script, String(port), String(CONNECTIONS / HOLDERS), kind];
  const holders = Array.from(
    { length: HOLDERS },
    () =>
      new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" })
        .spawn(),
  );
  for (const { stdout } of holders) {
    if (await readLine(stdout) === undefined) throw new Error("Cannot hold connections");
  }
  return {
    async [Symbol.asyncDispose]() {
      for (const { stdin } of holders) await stdin.close();
      await Promise.all(holders.map(({ status }) => status));
    },
  };
}

async function measureGrowth(command: ServerCommand): Promise<void> {
  await withLoadedServer({ command, floats: 10 }, async ({ server, url, bodyPath }) => {
    const load = { url, bodyPath, connections: 8, inflight: 10, length: { requests: MILLION } };
    const cells: string[] = [];
    for (let i = 0; i < MILLIONS; i++) {
      await runH2load(load);
      cells.push(megabytes(residentKib(server.child.pid)));
    }
    writeTable(["million requests", ...cells.map((_, i) => String(i + 1))], [[
      "resident MB",
      ...cells,
    ]]);
  });
}

/** Resident memory once it no longer falls. */
async function steadyResidentKib(pid: number): Promise<number> {
  let least = residentKib(pid);
  let steady = 0;
  for (let round = 0; round < ROUNDS_MAX && steady < STEADY_ROUNDS; round++) {
    await new Promise((resolve) => setTimeout(resolve, ROUND_MS));
    const now = residentKib(pid);
    steady = now < least ? 0 : steady + 1;
    least = Math.min(least, now);
  }
  return residentKib(pid);
}

function megabytes(kib: number): string {
  return (kib * 1_024 / 1e6).toFixed(0);
}
