import type { BenchAddress } from "./bench_protocol.ts";
import { cutShortWarning } from "./cut_short.ts";
import { BEGIN_AHEAD_MS, type BenchThreadHandle, runBenchThreads } from "./bench_threads.ts";
import {
  type LoadPlan,
  type LoadWorkload,
  nameOf,
  partsOf,
  type RequestChoice,
} from "./load_plan.ts";
import { ProcessorMeter } from "./processor_meter.ts";
import { type BenchReport, type LoadOptions, REPORT_SCHEMA } from "./report.ts";
import { RunTally, type RunTotals, type SecondSeen } from "./run_tally.ts";
import type { ThreadResult } from "./thread_load.ts";
import { warningsOf } from "./warnings.ts";
import { WorkloadCount, type WorkloadTotals } from "./workload_count.ts";

const MS_PER_SECOND = 1_000;

/** One run of a load, and who is told of it. */
export interface BenchRunOptions {
  readonly spawn: () => BenchThreadHandle;
  readonly address: BenchAddress;
  readonly plan: LoadPlan;
  /** What the report calls the server. */
  readonly target: string;
  readonly client: BenchReport["client"];
  /** Ends the run early; it still has a report. */
  readonly signal: AbortSignal;
  readonly onSecond?: (second: SecondSeen) => void;
}

/** A run's report, and how many calls were answered without an error. */
export interface BenchOutcome {
  readonly report: BenchReport;
  readonly answered: number;
}

/**
 * Makes one run and reports what it measured.
 *
 * @throws {OperationError} `unavailable` when a thread cannot connect.
 */
export async function runBench(options: BenchRunOptions): Promise<BenchOutcome> {
  const { plan, client, onSecond = () => {} } = options;
  const tally = new RunTally(plan.threads, onSecond);
  let startedAt = new Date();
  using meter = new ProcessorMeter();
  const threads = await runBenchThreads({
    ...options,
    onBegin: () => {
      startedAt = new Date();
      const lengthMs = plan.length.kind === "duration" ? plan.length.durationMs : Infinity;
      meter.begin(BEGIN_AHEAD_MS + plan.warmupMs, lengthMs);
    },
    onSecond: (record) => tally.add(record),
  });
  const totals = tally.totals();
  const warnings = warningsOf({
    inflight: plan.loop.kind === "closed" ? plan.loop.inflight : null,
    threads,
    errors: totals.errors,
    use: meter.stop(),
    processors: client.processors,
  });
  const report = buildReport(options, { startedAt, totals, threads, warnings });
  return { report: withCut(report, options), answered: totals.answered };
}

/** A run that the signal ended says so first. */
function withCut(report: BenchReport, { signal, plan }: BenchRunOptions): BenchReport {
  const cut = signal.aborted ? cutShortWarning(plan.length, report) : undefined;
  return cut === undefined ? report : { ...report, warnings: [cut, ...report.warnings] };
}

interface Measured {
  readonly startedAt: Date;
  readonly totals: RunTotals;
  readonly threads: readonly ThreadResult[];
  readonly warnings: readonly string[];
}

function buildReport(
  { plan, address, target, client }: BenchRunOptions,
  { startedAt, totals: { answered: _, inTime, workloads, ...totals }, threads, warnings }: Measured,
): BenchReport {
  const elapsedMs = Math.max(...threads.map((thread) => thread.elapsedMs));
  return {
    schema: REPORT_SCHEMA,
    startedAt: startedAt.toISOString(),
    target,
    client,
    options: loadOptions(plan, address),
    elapsedMs,
    offeredPerSecond: offeredPerSecond(plan, threads, elapsedMs),
    achievedPerSecond: elapsedMs === 0 ? 0 : inTime * MS_PER_SECOND / elapsedMs,
    ...totals,
    workloads: workloadsOf(plan, workloads),
    bytesSent: threads.reduce((sum, { bytesSent }) => sum + bytesSent, 0),
    bytesReceived: threads.reduce((sum, { bytesReceived }) => sum + bytesReceived, 0),
    warnings,
  };
}

/** `null` where there is but one; those that no thread has told of had no calls. */
function workloadsOf(
  { workload }: LoadPlan,
  totals: readonly WorkloadTotals[],
): BenchReport["workloads"] {
  if (workload.kind !== "mix") return null;
  return workload.parts.map(({ workload, weight }, index) => ({
    workload: nameOf(workload),
    weight,
    ...totals[index] ?? new WorkloadCount().totals(),
  }));
}

/** Calls that were due, over the time in which they were; `null` in a closed loop. */
function offeredPerSecond(
  { loop, length }: LoadPlan,
  threads: readonly ThreadResult[],
  elapsedMs: number,
): number | null {
  if (loop.kind === "closed") return null;
  // A number of calls ends with an answer, some time after the last of them was due.
  if (length.kind === "requests" || elapsedMs === 0) return loop.ratePerSecond;
  const due = threads.reduce((sum, { schedule }) => sum + (schedule?.due ?? 0), 0);
  return due * MS_PER_SECOND / elapsedMs;
}

function loadOptions(
  { workload, loop, length, ...plan }: LoadPlan,
  { credentials }: BenchAddress,
): LoadOptions {
  const choice = choiceOf(workload);
  return {
    workload: textOf(workload),
    loop: loop.kind,
    connections: plan.connections,
    inflight: loop.kind === "closed" ? loop.inflight : null,
    ratePerSecond: loop.kind === "open" ? loop.ratePerSecond : null,
    arrivals: loop.kind === "open" ? loop.arrivals : null,
    durationMs: length.kind === "duration" ? length.durationMs : null,
    requests: length.kind === "requests" ? length.requests : null,
    warmupMs: plan.warmupMs,
    threads: plan.threads,
    seed: plan.seed,
    deadlineMs: plan.deadlineMs,
    inputs: choice?.inputs ?? null,
    distinct: choice?.distinct ?? null,
    zipf: choice?.zipf ?? null,
    tls: credentials.tls !== undefined,
  };
}

/** As the flag would have it, but that a name of any kind stands for itself. */
function textOf(workload: LoadWorkload): string {
  if (workload.kind !== "mix") return nameOf(workload);
  return workload.parts.map(({ workload, weight }) => `${nameOf(workload)}:${weight}`).join(",");
}

/** Of all methods: the flags are the same for each, but that keys have no floats. */
function choiceOf(workload: LoadWorkload): RequestChoice | undefined {
  const choices = partsOf(workload).flatMap(({ workload }) =>
    "choice" in workload ? [workload.choice] : []
  );
  return choices.find(({ inputs }) => inputs !== undefined) ?? choices[0];
}
