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
import { runClientThreads } from "./lib/workload/client_threads.ts";
import { readWorkloadFile } from "./lib/workload/file.ts";
import { formatStatistics, summarize } from "./lib/workload/statistics.ts";

type RandomFlags = Extract<ClientFlags, { workload: "random" }>;
type FileFlags = Extract<ClientFlags, { workload: "file" }>;

if (import.meta.main) {
  const outcome = parseClientFlags(Deno.args);
  if (outcome.kind === "exit") exitWith(outcome);
  const { flags } = outcome;
  try {
    const credentials = await readClientCredentials(flags);
    await (flags.workload === "random"
      ? runRandom(flags, credentials)
      : runFile(flags, credentials));
    // Hundreds of threads take seconds to go by themselves, and nothing is left to do.
    Deno.exit(EXIT_SUCCESS);
  } catch (error) {
    if (!(error instanceof OperationError || error instanceof GrpcError)) throw error;
    writeProblem("client", error.message || `status ${codeName((error as GrpcError).code)}`);
    const unavailable = error instanceof GrpcError || error.code === "unavailable";
    Deno.exit(unavailable ? 1 : EXIT_USAGE);
  }
}

async function runRandom(flags: RandomFlags, credentials: ClientCredentials): Promise<void> {
  const { target, threads, requests, seed } = flags;
  await checkServer(flags, credentials);
  using progress = openProgress({ total: threads * requests });
  const results = await runClientThreads({
    spawn: () => new Worker(new URL("./client_thread.ts", import.meta.url), { type: "module" }),
    hostname: target.host,
    port: target.port,
    credentials,
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
  try {
    for await (const text of printedResponses(new ModelServerClient(channel), requests)) {
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
