/** The composition root of `client bench`: flags to parts, no logic. */

import type { BenchAddress } from "./lib/bench/bench_protocol.ts";
import { type BenchOutcome, runBench } from "./lib/bench/bench_run.ts";
import { liveText } from "./lib/bench/live_text.ts";
import type { LoadPlan, LoadWorkload } from "./lib/bench/load_plan.ts";
import { OUTPUTS } from "./lib/bench/outputs.ts";
import { type BenchWorkloadFlags, parseBenchFlags } from "./lib/cli/bench_flags.ts";
import { exitWith, writeOutput } from "./lib/cli/exit.ts";
import { openLiveLine } from "./lib/cli/live_line.ts";
import { EXIT_SUCCESS } from "./lib/cli/parse_outcome.ts";
import { awaitShutdownSignal } from "./lib/cli/shutdown_signal.ts";
import { VERSION } from "./lib/cli/version.ts";
import { OperationError } from "./lib/errors.ts";
import { openChannel } from "./lib/grpc/channel.ts";
import { channelSecurity, readClientCredentials } from "./lib/security/client_credentials.ts";
import { prepareBench } from "./lib/services/bench_callers.ts";
import { readWorkloadFile } from "./lib/workload/file.ts";

/** The exit code of a run without a single call that was answered well. */
const EXIT_NO_ANSWER = 1;

/**
 * Runs `client bench`.
 *
 * @param args behind the word `bench`
 * @returns the exit code
 * @throws {OperationError | GrpcError} what keeps it from starting
 */
export async function benchMain(args: readonly string[]): Promise<number> {
  const outcome = parseBenchFlags(args, navigator.hardwareConcurrency);
  if (outcome.kind === "exit") exitWith(outcome);
  const { target, targetText, output, workload, tls, tokenFile, ...load } = outcome.flags;
  const plan = { ...load, workload: await readWorkload(workload) };
  const credentials = await readClientCredentials({
    ...(tls === undefined ? {} : { tls }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
  });
  const address = { hostname: target.host, port: target.port, credentials };
  await prepare(address, plan);
  const { report, answered } = await measure(targetText, address, plan);
  writeOutput(OUTPUTS[output](report));
  return answered > 0 ? EXIT_SUCCESS : EXIT_NO_ANSWER;
}

async function readWorkload(workload: BenchWorkloadFlags): Promise<LoadWorkload> {
  if (workload.kind !== "file") return workload;
  const { file } = workload;
  const requests = await readWorkloadFile(file);
  if (requests.length > 0) return { kind: "file", file, requests };
  throw new OperationError(
    "invalid-argument",
    `Cannot repeat workload ${file}: it has no requests`,
  );
}

/** Before any thread is started: a missing server is to be told at once. */
async function prepare(address: BenchAddress, plan: LoadPlan): Promise<void> {
  const { hostname, port, credentials } = address;
  const channel = openChannel({ hostname, port, ...channelSecurity(credentials) });
  try {
    await channel.connect();
    await prepareBench(channel, plan);
  } finally {
    channel.close();
  }
}

async function measure(
  target: string,
  address: BenchAddress,
  plan: LoadPlan,
): Promise<BenchOutcome> {
  const interruption = new AbortController();
  awaitShutdownSignal().then(() => interruption.abort());
  using line = openLiveLine();
  line.show("warming up");
  return await runBench({
    spawn: () =>
      new Worker(new URL("./client_bench_thread.ts", import.meta.url), { type: "module" }),
    address,
    plan,
    target,
    client: {
      version: VERSION,
      deno: Deno.version.deno,
      processors: navigator.hardwareConcurrency,
    },
    signal: interruption.signal,
    onSecond: (second) => line.show(liveText(second)),
  });
}
