/** A server that runs as a process of its own. */
export interface ServerProcess extends AsyncDisposable {
  readonly port: number;
  /** Of REST; undefined where no flag asked for it. */
  readonly httpPort: number | undefined;
  readonly child: Deno.ChildProcess;
  /** Everything that it logs until its end. */
  readonly log: Promise<string>;
  /** The same, line by line as it comes; for one reader. */
  readonly logLines: AsyncIterable<string>;
}

/** How to start a server: a compiled one, or the sources under this Deno. */
export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

const SERVER_FILE = new URL("../server.ts", import.meta.url).pathname;

const LOCKED: readonly string[] = [
  `--lock=${new URL("../deno.lock", import.meta.url).pathname}`,
  "--frozen",
];

/** Runs a program of this project as the tasks do. */
export const RUN: readonly string[] = ["run", ...LOCKED, "-A"];

/** The command line of a file of this folder under the Deno that runs this. */
export function fromSources(
  file: string,
  [command, ...flags]: readonly string[] = ["run", "-A"],
): string[] {
  const path = new URL(file, import.meta.url).pathname;
  return [Deno.execPath(), command, ...LOCKED, ...flags, path];
}

/** The server's sources, run by the Deno that runs this. */
export const SERVER_FROM_SOURCES: ServerCommand = {
  program: Deno.execPath(),
  args: [...RUN, SERVER_FILE],
};

/**
 * Starts a server on a free port and waits until it serves; it is stopped at the end of the scope.
 *
 * @throws {Error} when it ends without saying that it serves.
 */
export async function startServerProcess(
  { program, args, env = {}, cwd }: ServerCommand,
  flags: readonly string[] = [],
): Promise<ServerProcess> {
  const child = new Deno.Command(program, {
    args: [...args, "--port", "0", "--http-port", "off", "--log-format", "json", ...flags],
    env,
    clearEnv: env.PATH === "",
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [whole, live] = child.stderr.tee();
  const log = new Response(whole).text();
  const line = await readLine(child.stdout);
  if (line === undefined) throw new Error(`Cannot start ${program}: ${await log}`);
  const { port, httpPort } = JSON.parse(line) as { port: number; httpPort?: number };
  return {
    log,
    logLines: linesOf(live),
    port,
    httpPort,
    child,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended already.
      }
      await child.status;
      await log;
    },
  };
}

/** The first line of a stream, which is then cancelled; `undefined` when the stream has none. */
export async function readLine(stream: ReadableStream<Uint8Array>): Promise<string | undefined> {
  for await (const line of linesOf(stream)) return line;
  return undefined;
}

/** The lines of a stream that end in a line break, without it. */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    const lines = `${text}${chunk}`.split("\n");
    text = lines.pop() ?? "";
    yield* lines;
  }
}
