import assert from "node:assert/strict";

const ROOT = new URL("../../", import.meta.url);

/** What the server is granted of the environment; reading any other name throws. */
const VARIABLES = [
  "MODELSERVER_HOST",
  "MODELSERVER_PORT",
  "MODELSERVER_THREADS",
  "MODELSERVER_INITIAL_THREADS",
  "MODELSERVER_CACHE_ENTRIES",
  "MODELSERVER_CACHE_BYTES",
  "MODELSERVER_NUMSTORE_KEYS",
  "MODELSERVER_NUMSTORE_BYTES",
  "MODELSERVER_NUMSTORE_CACHE_ENTRIES",
  "MODELSERVER_MAX_MESSAGE_BYTES",
  "MODELSERVER_MAX_CONNECTIONS",
  "MODELSERVER_MAX_STREAMS",
  "MODELSERVER_KEEPALIVE_SECONDS",
  "MODELSERVER_IDLE_SECONDS",
  "MODELSERVER_MAX_CONNECTION_AGE_SECONDS",
  "MODELSERVER_DRAIN_SECONDS",
  "MODELSERVER_LOG_FORMAT",
  "MODELSERVER_LOG_DIR",
  "MODELSERVER_LOG_FILE_BYTES",
  "MODELSERVER_LOG_FILES",
  "MODELSERVER_TLS_CERT",
  "MODELSERVER_TLS_KEY",
  "MODELSERVER_AUTH_TOKEN_FILE",
  "MODELSERVER_ADMIN_TOKEN_FILE",
  "MODELSERVER_HTTP_PORT",
  "MODELSERVER_MODELS",
  "MODELSERVER_MODEL_MODE",
  "MODELSERVER_MODEL_CACHE",
  "MODELSERVER_PIPELINE_WORKERS",
  "MODELSERVER_PIPELINE_QUEUE",
  "MODELSERVER_INVOCATION_MODEL",
  "MODELSERVER_STORE",
  "MODELSERVER_DATA_DIR",
  "MODELSERVER_STORE_SYNC",
  "MODELSERVER_STORE_TTL",
  "MODELSERVER_STORE_MAX_ROWS",
  "MODELSERVER_STORE_TIMEOUT_SECONDS",
];

/** Everything that runs before and beside the serving itself. */
const PROGRAM = `
  import { parseServerFlags } from "./lib/cli/server_flags.ts";
  import { parseClientFlags } from "./lib/cli/client_flags.ts";
  import { logServing, moduleLogger, openLogging } from "./lib/cli/logging.ts";
  import { openProgress } from "./lib/cli/progress.ts";
  import { formatText } from "./lib/protobuf/text_format.ts";
  import { parseWorkloadFile } from "./lib/workload/file.ts";
  import { randomWorkload } from "./lib/workload/random.ts";
  const env = (name) => Deno.env.get(name);
  for (const args of [["--help"], ["--version"], ["--nope"], ["--port"], ["x"]]) {
    parseServerFlags(args, env);
    parseClientFlags(args);
  }
  const { flags } = parseServerFlags([], env);
  using _ = openLogging({ format: flags.logFormat });
  moduleLogger("test").info("hello", { error: new Error("x") });
  const terminal = { isTerminal: () => true, writeSync: (bytes) => bytes.length };
  using progress = openProgress({ total: 2, terminal });
  progress.update(1);
  parseWorkloadFile('{"requests": []}', "w");
  [...randomWorkload({ seed: 1, thread: 1, requests: 9 })];
  if (typeof formatText !== "function") throw new Error("Not loaded");
  logServing({ host: flags.host, port: flags.port, threads: flags.threads, serving: 1 });
`;

Deno.test("the command line needs no permission but its own variables", {
  ignore: Deno.permissions.querySync({ name: "run" }).state !== "granted",
}, async () => {
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--no-lock", `--allow-env=${VARIABLES}`, "-"],
    cwd: ROOT,
    env: { MODELSERVER_PORT: "1234", MODELSERVER_LOG_FORMAT: "json" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(PROGRAM));
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(code, 0, err);
  assert.equal(JSON.parse(out).message, "serving on 0.0.0.0:1234");
  assert.equal(JSON.parse(err).message, "hello");
});
