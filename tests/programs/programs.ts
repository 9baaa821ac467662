import { RUN, type ServerCommand } from "../../tasks/server_process.ts";
import { mayRunPrograms } from "../support/permissions.ts";

/** The two programs, in one of the forms that they come in. */
export interface Programs {
  readonly name: string;
  readonly server: ServerCommand;
  readonly client: ServerCommand;
  /** Whether they are not there, or may not be started. */
  readonly missing: boolean;
}

const path = (file: string) => new URL(`../../${file}`, import.meta.url).pathname;

const fromSources = (file: string): ServerCommand => ({
  program: Deno.execPath(),
  args: [...RUN, path(file)],
});

/** Compiled ones run in an empty folder with an empty environment: they need nothing around them. */
const compiled = (file: string, emptyFolder: string): ServerCommand => ({
  program: path(file),
  args: [],
  env: { PATH: "" },
  cwd: emptyFolder,
});

function exists(file: string): boolean {
  try {
    return Deno.statSync(path(file)).isFile;
  } catch {
    return false;
  }
}

const emptyFolder = mayRunPrograms ? Deno.makeTempDirSync({ prefix: "modelserver-empty-" }) : "";
if (mayRunPrograms) addEventListener("unload", () => Deno.removeSync(emptyFolder));

/** The programs from their sources, and compiled where `deno task compile` has made them. */
export const ALL_PROGRAMS: readonly Programs[] = [
  {
    name: "sources",
    server: fromSources("server.ts"),
    client: fromSources("client.ts"),
    missing: !mayRunPrograms,
  },
  {
    name: "binaries",
    server: compiled("server", emptyFolder),
    client: compiled("client", emptyFolder),
    missing: !mayRunPrograms || !exists("server") || !exists("client"),
  },
];

/** What a program did until it ended. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export async function run(
  { program, args, env = {}, cwd }: ServerCommand,
  more: readonly string[],
  moreEnv: Record<string, string> = {},
): Promise<Finished> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args, ...more],
    env: { ...env, ...moreEnv },
    clearEnv: env.PATH === "",
    ...(cwd === undefined ? {} : { cwd }),
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
