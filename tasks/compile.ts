/**
 * Makes `./server` and `./client`, each with the least permissions that it needs, and `./onnxruntime`, which
 * the server needs beside it to serve ONNX files: in the binary its 52 MB would make every start 50 ms slower.
 *
 * The server: the network, the environment variables that stand in its help, those of S3 and of
 * OpenTelemetry, how busy the processors are; to read files, to write them for the models that it fetches, for
 * its log and for the store of invocations, and to load onnxruntime's libraries. Which files cannot be known
 * here, as its flags and its models will name them. It gives up at once what they name none of: without
 * `--models` to load, with another `--store` than SQLite's and without `--log-dir` too to write, and without
 * certificates and tokens too to read. Its serving threads have the network alone, the store's thread its
 * file's folder or Redis's address, and an instance what its model needs, which for a script is what its
 * configuration grants, of what the server has. The client: the network, and files to read a workload,
 * authorities and a token from. Neither starts programs.
 */

import { SERVER_VARIABLES } from "../lib/cli/server_flags.ts";
import { S3_VARIABLES } from "../lib/repository/sources/s3_settings.ts";
import { TELEMETRY_VARIABLES } from "../lib/telemetry/variables.ts";
import { onnxFiles } from "./onnx_files.ts";
import { type LockFile, shippedLock } from "./shipped_lock.ts";
import { lockedVersion, unreadFiles } from "./unread_files.ts";

const ROOT = new URL("..", import.meta.url).pathname;

/** What tests and tasks alone import: 18 MB of each binary, most of it a browser's driver. */
const UNSHIPPED = ["@grpc/grpc-js", "fast-check", "playwright-core"];

/** What the server alone imports, for models, their images, and REST. */
const SERVED = [
  "@jsquash/jpeg",
  "@swc/wasm-typescript",
  "aws4fetch",
  "es-module-lexer",
  "fast-png",
  "hono",
  "ioredis",
  "onnxruntime-common",
  "onnxruntime-node",
  "onnxruntime-web",
  "swagger-ui-dist",
];

/** What the client alone imports. */
const MEASURED = ["cli-progress", "hdr-histogram-js", "pure-rand", "uplot"];

const COMMON = ["compile", "--quiet", "--no-prompt", "--frozen", "--allow-net"];

const lock = await readLock();
const cache = await npmCache();
const onnx = onnxFiles(cache, lockedVersion(lock, "onnxruntime-web"));
const unread = unreadFiles(cache, lock).map((path) => `--exclude=${path}`);
await compile([...UNSHIPPED, ...MEASURED], [
  ...["--allow-read", "--allow-write", "--allow-ffi"],
  `--allow-env=${[...SERVER_VARIABLES, ...S3_VARIABLES, ...TELEMETRY_VARIABLES].join(",")}`,
  "--allow-sys=cpus",
  "--include=server_thread.ts",
  "--include=model_instance.ts",
  "--include=store_thread.ts",
  ...onnx.excluded.map((path) => `--exclude=${path}`),
  ...unread,
  "--output=server",
  "server.ts",
]);
await compile([...UNSHIPPED, ...SERVED], [
  "--allow-read",
  "--allow-sys=cpus",
  "--include=client_thread.ts",
  "--include=client_bench_thread.ts",
  ...unread,
  "--output=client",
  "client.ts",
]);
await Deno.mkdir(`${ROOT}onnxruntime`, { recursive: true });
for (const file of onnx.library) {
  await Deno.copyFile(file, `${ROOT}onnxruntime/${file.slice(file.lastIndexOf("/") + 1)}`);
}

async function npmCache(): Promise<string> {
  const programs = ["server_thread.ts", "model_instance.ts", "store_thread.ts"];
  await run(["cache", "--quiet", `--lock=${ROOT}deno.lock`, "--frozen", ...programs]);
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).npmCache;
}

/** @param unshipped packages of the lock file that this program does not import */
async function compile(unshipped: readonly string[], args: readonly string[]): Promise<void> {
  const file = await Deno.makeTempFile({ prefix: "modelserver-", suffix: ".lock" });
  await Deno.writeTextFile(file, JSON.stringify(shippedLock(lock, unshipped)));
  await run([...COMMON, `--lock=${file}`, ...args]);
  await Deno.remove(file);
}

async function readLock(): Promise<LockFile> {
  return JSON.parse(await Deno.readTextFile(`${ROOT}deno.lock`));
}

async function run(args: readonly string[]): Promise<void> {
  const command = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT });
  const { success, code } = await command.spawn().status;
  if (!success) Deno.exit(code);
}
