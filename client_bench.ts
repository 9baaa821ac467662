/** The composition root of `client bench`: flags to parts. */

import type { BenchAddress } from "./lib/bench/bench_protocol.ts";
import { STOPPED } from "./lib/bench/bench_threads.ts";
import { type BenchOutcome, runBench } from "./lib/bench/bench_run.ts";
import { exitOfRun, exitOfSlo, exitOfSweep } from "./lib/bench/exit_code.ts";
import { liveText } from "./lib/bench/live_text.ts";
import type {
  LoadPlan,
  LoadWorkload,
  SingleWorkload,
  WorkloadPart,
} from "./lib/bench/load_plan.ts";
import { planAt, type PlanDraft, planOf } from "./lib/bench/plan_draft.ts";
import { OUTPUTS } from "./lib/bench/outputs.ts";
import { readReportFile } from "./lib/bench/report_file.ts";
import { diffReports, regressionsOf } from "./lib/bench/diff.ts";
import { formatDiff, formatRegression } from "./lib/bench/diff_table.ts";
import type { Slo } from "./lib/bench/slo.ts";
import { RATE_START, rateMaxOf, searchSlo } from "./lib/bench/slo_search.ts";
import { sweep } from "./lib/bench/sweep.ts";
import {
  formatSloOutcome,
  formatSloStep,
  formatSweep,
  formatSweepPoint,
  formatWarnings,
} from "./lib/bench/sweep_table.ts";
import { parseBenchFlags } from "./lib/cli/bench_flags.ts";
import type { BenchWorkloadFlags, SingleWorkloadFlags } from "./lib/cli/bench_workload_flags.ts";
import { EXIT_WORSE, parseDiffFlags } from "./lib/cli/diff_flags.ts";
import { exitWith, writeOutput, writeProblem, writeStep } from "./lib/cli/exit.ts";
import { openLiveLine } from "./lib/cli/live_line.ts";
import { EXIT_SUCCESS } from "./lib/cli/parse_outcome.ts";
import { awaitShutdownSignal } from "./lib/cli/shutdown_signal.ts";
import { VERSION } from "./lib/cli/version.ts";
import { OperationError } from "./lib/errors.ts";
import { openChannel } from "./lib/grpc/channel.ts";
import { channelSecurity, readClientCredentials } from "./lib/security/client_credentials.ts";
import { prepareBench } from "./lib/services/bench_callers.ts";
import { readWorkloadFile } from "./lib/workload/file.ts";

/** The word that makes it compare two reports; no target is spelt like it. */
const DIFF = "diff";

const PROCESSORS = navigator.hardwareConcurrency;

/**
 * Runs `client bench`.
 *
 * @param args behind the word `bench`
 * @returns the exit code
 * @throws {OperationError | GrpcError} what keeps it from starting
 */
export async function benchMain(args: readonly string[]): Promise<number> {
  if (args[0] === DIFF) return await diffMain(args.slice(1));
  const outcome = parseBenchFlags(args);
  if (outcome.kind === "exit") exitWith(outcome);
  const { target, targetText, output, search, workload, tls, tokenFile, ...load } = outcome.flags;
  const asked: PlanDraft = { ...load, workload: await readWorkload(workload) };
  const credentials = await readClientCredentials({
    ...(tls === undefined ? {} : { tls }),
    ...(tokenFile === undefined ? {} : { tokenFile }),
  });
  const address = { hostname: target.host, port: target.port, credentials };
  // Until there is something to report, a signal ends the program as it does any.
  const draft = { ...asked, workload: await prepare(address, asked) };
  const interruption = new AbortController();
  awaitShutdownSignal().then(() => interruption.abort());
  const { signal } = interruption;
  const run: Run = (plan) => measure(targetText, address, plan, signal);
  if (search.kind === "sweep") return await sweepMain(search.loads, { draft, run, signal });
  if (search.kind === "slo") return await sloMain(search.slo, { draft, run, signal });
  const { report, answered } = await run(planOf(draft, PROCESSORS));
  writeOutput(OUTPUTS[output](report));
  return exitOfRun(answered);
}

type Run = (plan: LoadPlan) => Promise<BenchOutcome>;

/** What runs that follow each other are made with. */
interface ManyRuns {
  readonly draft: PlanDraft;
  readonly run: Run;
  readonly signal: AbortSignal;
}

async function diffMain(args: readonly string[]): Promise<number> {
  const outcome = parseDiffFlags(args);
  if (outcome.kind === "exit") exitWith(outcome);
  const { before, after, failOver } = outcome.flags;
  const diff = diffReports(await readReportFile(before), await readReportFile(after));
  writeOutput(formatDiff(diff));
  const regressions = failOver === null ? [] : regressionsOf(diff, failOver);
  for (const regression of regressions) writeProblem("client bench", formatRegression(regression));
  return regressions.length > 0 ? EXIT_WORSE : EXIT_SUCCESS;
}

async function sweepMain(
  loads: readonly number[],
  { draft, run, signal }: ManyRuns,
): Promise<number> {
  const outcome = await sweep(loads, {
    run: async (load) => (await run(planAt(draft, load, PROCESSORS))).report,
    onPoint: (point) => writeSteps(formatSweepPoint(point), point.report.warnings),
    signal,
  });
  writeOutput(formatSweep(outcome, draft.loop.kind));
  return exitOfSweep(outcome);
}

async function sloMain(slo: Slo, { draft, run, signal }: ManyRuns): Promise<number> {
  const outcome = await searchSlo(slo, {
    first: draft.loop.kind === "open" ? draft.loop.ratePerSecond : RATE_START,
    rateMax: rateMaxOf(draft.length),
    run: async (rate) => (await run(planAt(draft, rate, PROCESSORS))).report,
    onStep: (step) => writeSteps(formatSloStep(slo, step), step.warnings),
    signal,
  });
  writeOutput(`${formatSloOutcome(slo, outcome)}\n`);
  return exitOfSlo(outcome);
}

/** A run of a search, and its warnings below it. */
function writeSteps(step: string, warnings: readonly string[]): void {
  for (const line of [step, ...formatWarnings(warnings)]) writeStep(line);
}

async function readWorkload(workload: BenchWorkloadFlags): Promise<LoadWorkload> {
  if (workload.kind !== "mix") return await readSingle(workload);
  const parts: WorkloadPart[] = [];
  for (const { workload: single, weight } of workload.parts) {
    parts.push({ workload: await readSingle(single), weight });
  }
  return { kind: "mix", parts };
}

async function readSingle(workload: SingleWorkloadFlags): Promise<SingleWorkload> {
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
async function prepare(address: BenchAddress, draft: PlanDraft): Promise<LoadWorkload> {
  const { hostname, port, credentials } = address;
  const channel = openChannel({ hostname, port, ...channelSecurity(credentials) });
  try {
    await channel.connect();
    return await prepareBench(channel, draft);
  } finally {
    channel.close();
  }
}

async function measure(
  target: string,
  address: BenchAddress,
  plan: LoadPlan,
  signal: AbortSignal,
): Promise<BenchOutcome> {
  // Between the runs of a search too, a signal ends what comes.
  if (signal.aborted) throw new OperationError("unavailable", STOPPED);
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
      processors: PROCESSORS,
    },
    signal,
    onSecond: (second) => line.show(liveText(second)),
  });
}
