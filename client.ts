/** The client's composition root: flags to parts, no logic. */

import { type ClientFlags, parseClientFlags } from "./lib/cli/client_flags.ts";
import { EXIT_SUCCESS, EXIT_USAGE } from "./lib/cli/parse_outcome.ts";
import { exitWith, writeOutput, writeProblem } from "./lib/cli/exit.ts";
import { openProgress } from "./lib/cli/progress.ts";
import { OperationError } from "./lib/errors.ts";
import { openChannel } from "./lib/grpc/channel.ts";
import { codeName, GrpcError } from "./lib/grpc/status.ts";
import { printedResponses } from "./lib/services/file_workload.ts";
import { ModelServerClient } from "./lib/services/modelserver_client.ts";
import { NumStoreClient } from "./lib/services/numstore_client.ts";
import { runClientThreads } from "./lib/workload/client_threads.ts";
import { readWorkloadFile } from "./lib/workload/file.ts";
import { formatStatistics, summarize } from "./lib/workload/statistics.ts";

type FileFlags = Extract<ClientFlags, { workload: "file" }>;
type MadeFlags = Exclude<ClientFlags, FileFlags>;

if (import.meta.main) {
  const outcome = parseClientFlags(Deno.args);
  if (outcome.kind === "exit") exitWith(outcome);
  const { flags } = outcome;
  try {
    await (flags.workload === "file" ? runFile(flags) : runMade(flags));
    // Hundreds of threads take seconds to go by themselves, and nothing is left to do.
    Deno.exit(EXIT_SUCCESS);
  } catch (error) {
    if (!(error instanceof OperationError || error instanceof GrpcError)) throw error;
    writeProblem("client", error.message || `status ${codeName((error as GrpcError).code)}`);
    const unavailable = error instanceof GrpcError || error.code === "unavailable";
    Deno.exit(unavailable ? 1 : EXIT_USAGE);
  }
}

async function runMade(flags: MadeFlags): Promise<void> {
  const { target, threads, requests, seed } = flags;
  await checkServer(target);
  using progress = openProgress({ total: threads * requests });
  const results = await runClientThreads({
    spawn: () => new Worker(new URL("./client_thread.ts", import.meta.url), { type: "module" }),
    hostname: target.host,
    port: target.port,
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
async function checkServer({ host, port }: MadeFlags["target"]): Promise<void> {
  const channel = openChannel({ hostname: host, port });
  try {
    await channel.connect();
  } finally {
    channel.close();
  }
}

async function runFile({ target, file }: FileFlags): Promise<void> {
  const requests = await readWorkloadFile(file);
  const channel = openChannel({ hostname: target.host, port: target.port });
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
