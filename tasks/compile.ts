/**
 * Makes `./server` and `./client`, each with the least permissions that it needs.
 *
 * The server: the network, the environment variables that stand in its help, how busy the processors are,
 * and files, as it cannot be known here which ones its flags will name; it gives that up at once when they
 * name none, and its serving threads never have it. The client: the network, and files to read a workload,
 * authorities and a token from. Neither writes files nor starts programs.
 */

import { SERVER_VARIABLES } from "../lib/cli/server_flags.ts";

const ROOT = new URL("..", import.meta.url).pathname;

const COMMON = [
  "compile",
  "--quiet",
  "--no-prompt",
  "--lock=deno.lock",
  "--frozen",
  "--allow-net",
];

await compile([
  ...COMMON,
  "--allow-read",
  `--allow-env=${SERVER_VARIABLES.join(",")}`,
  "--allow-sys=cpus",
  "--include=server_thread.ts",
  "--output=server",
  "server.ts",
]);
await compile([
  ...COMMON,
  "--allow-read",
  "--include=client_thread.ts",
  "--include=client_bench_thread.ts",
  "--output=client",
  "client.ts",
]);

async function compile(args: readonly string[]): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT });
  const { success, code } = await command.spawn().status;
  if (!success) Deno.exit(code);
}
