/** The client's composition root: flags to parts, no logic. */

import { type ClientFlags, parseClientFlags } from "./lib/cli/client_flags.ts";
import { EXIT_SUCCESS, EXIT_USAGE } from "./lib/cli/parse_outcome.ts";
import { exitWith, writeOutput, writeProblem } from "./lib/cli/exit.ts";
import { openProgress } from "./lib/cli/progress.ts";
import { OperationError } from "./lib/errors.ts";
import { type Channel, openChannel } from "./lib/grpc/channel.ts";
import { codeName, GrpcError } from "./lib/grpc/status.ts";
import {
  channelSecurity,
  type ClientCredentials,
  readClientCredentials,
} from "./lib/security/client_credentials.ts";
import { printedResponses } from "./lib/services/file_workload.ts";
import { ModelServerClient } from "./lib/services/modelserver_client.ts";
import { NumStoreClient } from "./lib/services/numstore_client.ts";
import { runClientThreads } from "./lib/workload/client_threads.ts";
import { readWorkloadFile } from "./lib/workload/file.ts";
import { formatStatistics, summarize } from "./lib/workload/statistics.ts";

type FileFlags = Extract<ClientFlags, { workload: "file" }>;
type MadeFlags = Exclude<ClientFlags, FileFlags>;

/** The word that makes a client put load on a server; no target is spelt like it. */
const BENCH = "bench";

if (import.meta.main) {
  try {
    const code = await (Deno.args[0] === BENCH ? runBench(Deno.args.slice(1)) : run(Deno.args));
    // Hundreds of threads take seconds to go by themselves, and nothing is left to do.
    Deno.exit(code);
  } catch (error) {
    if (!(error instanceof OperationError || error instanceof GrpcError)) throw error;
    writeProblem("client", error.message || `status ${codeName((error as GrpcError).code)}`);
    const unavailable = error instanceof GrpcError || error.code === "unavailable";
    Deno.exit(unavailable ? 1 : EXIT_USAGE);
  }
}

async function run(args: readonly string[]): Promise<number> {
  const outcome = parseClientFlags(args);
  if (outcome.kind === "exit") exitWith(outcome);
  const { flags } = outcome;
  const credentials = await readClientCredentials(flags);
  await (flags.workload === "file" ? runFile(flags, credentials) : runMade(flags, credentials));
  return EXIT_SUCCESS;
}

/** Loaded when it is wanted: the other ways to run a client need not wait for it. */
async function runBench(args: readonly string[]): Promise<number> {
  const { benchMain } = await import("./client_bench.ts");
  return await benchMain(args);
}

async function runMade(flags: MadeFlags, credentials: ClientCredentials): Promise<void> {
  const { target, threads, requests, seed } = flags;
  await checkServer(flags, credentials);
  using progress = openProgress({ total: threads * requests });
  const results = await runClientThreads({
    spawn: () => new Worker(new URL("./client_thread.ts", import.meta.url), { type: "module" }),
    hostname: target.host,
    port: target.port,
    credentials,
    workload: flags.workload === "numstore"
      ? { name: "numstore", keys: flags.keys }
      : { name: "random" },
    threads,
    requests,
    seed,
    onProgress: (done) => progress.update(done),
  });
  const errors = results.reduce((sum, result) => sum + result.errors, 0);
  if (errors > 0) {
    writeProblem("client", `${errors} of ${threads * requests} answers were errors`);
  }
  writeOutput(`${formatStatistics(summarize(results))}\n`);
}

/** Before any thread is started: threads take their time, and a missing server is to be told at once. */
async function checkServer(flags: ClientFlags, credentials: ClientCredentials): Promise<void> {
  const channel = openTarget(flags, credentials);
  try {
    await channel.connect();
  } finally {
    channel.close();
  }
}

async function runFile(flags: FileFlags, credentials: ClientCredentials): Promise<void> {
  const requests = await readWorkloadFile(flags.file);
  const channel = openTarget(flags, credentials);
  const clients = {
    modelServer: new ModelServerClient(channel),
    numStore: new NumStoreClient(channel),
  };
  try {
    for await (const text of printedResponses(clients, requests)) {
      writeOutput(text);
    }
  } finally {
    channel.close();
  }
}

function openTarget({ target }: ClientFlags, credentials: ClientCredentials): Channel {
  const { host: hostname, port } = target;
  return openChannel({ hostname, port, ...channelSecurity(credentials) });
}
