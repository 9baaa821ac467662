/**
 * Makes `./server` and `./client`, each with the least permissions that it needs.
 *
 * The server: the network, the environment variables that stand in its help, how busy the processors are,
 * and files, as it cannot be known here which ones its flags will name; it gives that up at once when they
 * name none, and its serving threads never have it. The client: the network, and files to read a workload,
 * authorities and a token from. Neither writes files nor starts programs.
 */

import { SERVER_VARIABLES } from "../lib/cli/server_flags.ts";
import { type LockFile, shippedLock } from "./shipped_lock.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** What tests and tasks alone import: 18 MB of each binary, most of it a browser's driver. */
const UNSHIPPED = ["@grpc/grpc-js", "fast-check", "playwright-core"];

const lock = await Deno.makeTempFile({ prefix: "modelserver-", suffix: ".lock" });
await Deno.writeTextFile(lock, JSON.stringify(shippedLock(await readLock(), UNSHIPPED)));

const COMMON = [
  "compile",
  "--quiet",
  "--no-prompt",
  `--lock=${lock}`,
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
  "--allow-sys=cpus",
  "--include=client_thread.ts",
  "--include=client_bench_thread.ts",
  "--output=client",
  "client.ts",
]);
await Deno.remove(lock);

async function readLock(): Promise<LockFile> {
  return JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
}

async function compile(args: readonly string[]): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT });
  const { success, code } = await command.spawn().status;
  if (!success) Deno.exit(code);
}
