/**
 * Makes `./server` and `./client`, each with the least permissions that it needs, and `./onnxruntime`, which
 * the server needs beside it to serve ONNX files: in the binary its 52 MB would make every start 50 ms slower.
 *
 * The server: the network, the environment variables that stand in its help, how busy the processors are,
 * and files, as it cannot be known here which ones its flags will name; it gives that up at once when they
 * name none, and its serving threads never have it. The client: the network, and files to read a workload,
 * authorities and a token from. Neither writes files nor starts programs.
 */

import { SERVER_VARIABLES } from "../lib/cli/server_flags.ts";
import imports from "../imports.json" with { type: "json" };
import { onnxFiles } from "./onnx_files.ts";
import { type LockFile, shippedLock } from "./shipped_lock.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** What tests and tasks alone import: 18 MB of each binary, most of it a browser's driver. */
const UNSHIPPED = ["@grpc/grpc-js", "fast-check", "playwright-core"];

/** What the server alone imports. */
const MODELS = [
  "@swc/wasm-typescript",
  "es-module-lexer",
  "onnxruntime-common",
  "onnxruntime-node",
  "onnxruntime-web",
];

const COMMON = ["compile", "--quiet", "--no-prompt", "--frozen", "--allow-net"];

const onnx = onnxFiles(await npmCache(), imports.imports["onnxruntime-web"].split("@")[1]);
await compile(UNSHIPPED, [
  "--allow-read",
  `--allow-env=${SERVER_VARIABLES.join(",")}`,
  "--allow-sys=cpus",
  "--include=server_thread.ts",
  ...onnx.excluded.map((path) => `--exclude=${path}`),
  "--output=server",
  "server.ts",
]);
await compile([...UNSHIPPED, ...MODELS], [
  "--allow-read",
  "--allow-sys=cpus",
  "--include=client_thread.ts",
  "--include=client_bench_thread.ts",
  "--output=client",
  "client.ts",
]);
await Deno.mkdir(`${ROOT}onnxruntime`, { recursive: true });
for (const file of onnx.library) {
  await Deno.copyFile(file, `${ROOT}onnxruntime/${file.slice(file.lastIndexOf("/") + 1)}`);
}

async function npmCache(): Promise<string> {
  const args = ["cache", "--quiet", `--lock=${ROOT}deno.lock`, "--frozen", "lib/platforms/onnx.ts"];
  await run(args);
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).npmCache;
}

/** @param unshipped packages of the lock file that this program does not import */
async function compile(unshipped: readonly string[], args: readonly string[]): Promise<void> {
  const lock = await Deno.makeTempFile({ prefix: "modelserver-", suffix: ".lock" });
  await Deno.writeTextFile(lock, JSON.stringify(shippedLock(await readLock(), unshipped)));
  await run([...COMMON, `--lock=${lock}`, ...args]);
  await Deno.remove(lock);
}

async function readLock(): Promise<LockFile> {
  return JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
}

async function run(args: readonly string[]): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT });
  const { success, code } = await command.spawn().status;
  if (!success) Deno.exit(code);
}
