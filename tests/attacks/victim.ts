import { RUN, type ServerCommand, startServerProcess } from "../../tasks/server_process.ts";
import type { KeeperTimes } from "../../lib/http2/keeper.ts";

/** What `echo_program.ts` is started with, as JSON. */
export interface EchoOptions {
  readonly times?: Partial<KeeperTimes>;
  readonly roundMs?: number;
  readonly messageBytesMax?: number;
}

const program = (file: string, ...args: readonly string[]): ServerCommand => ({
  program: Deno.execPath(),
  args: [...RUN, new URL(file, import.meta.url).pathname, ...args],
});

/** The server as it is, with one thread: so that whoever attacks it has the thread of all others. */
export const MODEL_SERVER: ServerCommand = program("../../server.ts", "--threads", "1");

/** A server with `test.Echo` beside ModelServer, whose times a test chooses. */
export function echoServer(options: EchoOptions = {}): ServerCommand {
  return program("echo_program.ts", JSON.stringify(options));
}

/** The server process of one test, and what it takes of memory. */
export interface Victim extends AsyncDisposable {
  readonly port: number;
  /** Bytes of memory that it has now. */
  readonly residentBytes: number;
  /** The most that it ever had. */
  readonly peakBytes: number;
}

/** Starts a server; it is stopped at the end of the scope. */
export async function startVictim(command: ServerCommand): Promise<Victim> {
  const process = await startServerProcess(command);
  const { pid } = process.child;
  return {
    port: process.port,
    get residentBytes() {
      return readStatus(pid, "VmRSS");
    },
    get peakBytes() {
      return readStatus(pid, "VmHWM");
    },
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** Source: proc_pid_status(5). */
function readStatus(pid: number, field: string): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/status`);
  const kib = new RegExp(`^${field}:\\s*([0-9]+) kB$`, "m").exec(text)?.[1];
  if (kib === undefined) throw new Error(`Cannot read ${field} of process ${pid}: it has ended`);
  return Number(kib) * 1_024;
}
