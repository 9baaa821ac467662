/**
 * What a job costs: `deno run -A tests/runtime/job_queue_bench.ts`, with postMessage as the baseline.
 *
 * The instance is a worker that answers each request with itself.
 */
import type { BatchRules } from "../../lib/runtime/batch_plan.ts";
import { JobClient } from "../../lib/runtime/job_client.ts";
import { allocateJobQueue } from "../../lib/runtime/job_queue_memory.ts";
import { JobQueueStatistics } from "../../lib/runtime/job_queue_statistics.ts";
import { JobSupervisor } from "../../lib/runtime/job_supervisor.ts";
import { bytesPayload } from "../../lib/runtime/payload.ts";
import { allocateThreadWakes, ThreadWake } from "../../lib/runtime/thread_wake.ts";
import type { EchoTask } from "./fixtures/echo_worker.ts";

const ECHO = new URL("./fixtures/echo_worker.ts", import.meta.url);
const EACH_ALONE: BatchRules = { maxBatchRows: 1, maxDelayMs: 0, preferredRows: [] };
const BATCHES: BatchRules = { maxBatchRows: 32, maxDelayMs: 0, preferredRows: [] };

// deno-lint-ignore no-console
const print = console.log;

/** Runs so many jobs with so many in flight; ms of each. */
async function run(one: () => Promise<unknown>, jobs: number, inFlight: number): Promise<number[]> {
  const latencies: number[] = [];
  let next = 0;
  const slot = async () => {
    while (next++ < jobs) {
      const startMs = performance.now();
      await one();
      latencies.push(performance.now() - startMs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, slot));
  return latencies;
}

async function measure(name: string, one: () => Promise<unknown>, inFlight: number): Promise<void> {
  const jobs = inFlight === 1 ? 20_000 : 100_000;
  await run(one, jobs / 4, inFlight);
  const startMs = performance.now();
  const latencies = (await run(one, jobs, inFlight)).toSorted((a, b) => a - b);
  const seconds = (performance.now() - startMs) / 1000;
  const at = (share: number) => (1000 * latencies[Math.floor(share * latencies.length)]).toFixed(1);
  const rate = Math.round(jobs / seconds).toLocaleString("en");
  print(
    `${name.padEnd(48)} ${rate.padStart(9)}/s  p50 ${at(0.5).padStart(7)} µs  p99 ${at(0.99)} µs`,
  );
}

async function started(task: EchoTask): Promise<Worker> {
  const worker = new Worker(ECHO, { type: "module" });
  const ready = new Promise((resolve) => worker.onmessage = resolve);
  worker.postMessage(task);
  await ready;
  return worker;
}

async function measureQueue(
  rules: BatchRules,
  { blocking, inFlight, bytes }: { blocking: boolean; inFlight: number; bytes: number },
): Promise<void> {
  const memory = allocateJobQueue({
    slots: 1024,
    arenaBytes: 2 ** 28,
    threads: 1,
    priorityLevels: 1,
    instances: 1,
  });
  const wakes = allocateThreadWakes(1);
  const worker = await started({ memory, wakes, rules, blocking });
  const client = new JobClient(memory, { thread: 0, owner: 2, wake: new ThreadWake(wakes, 0) });
  const payload = new Uint8Array(bytes);
  const job = {
    request: bytesPayload(payload),
    rows: 1,
    group: 0,
    priority: 1,
    deadlineMs: undefined,
    coalesce: undefined,
  };
  const how = `${blocking ? "Atomics.wait" : "waitAsync"}, batches ≤ ${rules.maxBatchRows}`;
  const name = `queue, ${how}, ${bytes} B, ${inFlight} in flight`;
  await measure(name, () => client.submit(job), inFlight);
  const { rows, executions } = JobQueueStatistics.sums(memory);
  if (inFlight > 1) print(`  ${(rows / executions).toFixed(1)} rows a batch`);
  new JobSupervisor(memory, { owner: 1, wakes }).tellClosing();
  client.close();
  worker.terminate();
}

async function measurePostMessage(inFlight: number, bytes: number): Promise<void> {
  const worker = await started({});
  const waiting = new Map<number, () => void>();
  worker.onmessage = ({ data }) => {
    waiting.get(data.id)?.();
    waiting.delete(data.id);
  };
  const payload = new Uint8Array(bytes);
  let id = 0;
  const one = () =>
    new Promise<void>((resolve) => {
      waiting.set(++id, resolve);
      worker.postMessage({ id, payload });
    });
  await measure(`postMessage, ${bytes} B, ${inFlight} in flight`, one, inFlight);
  worker.terminate();
}

print(`Deno ${Deno.version.deno}, ${Deno.build.target}, ${navigator.hardwareConcurrency} cores`);
print(`load ${Deno.loadavg().map((load) => load.toFixed(1)).join(" ")}`);
for (const inFlight of [1, 64]) {
  await measurePostMessage(inFlight, 64);
  for (const blocking of [true, false]) {
    await measureQueue(EACH_ALONE, { blocking, inFlight, bytes: 64 });
  }
}
await measureQueue(BATCHES, { blocking: true, inFlight: 64, bytes: 64 });
await measureQueue(BATCHES, { blocking: true, inFlight: 64, bytes: 65_536 });
await measurePostMessage(64, 65_536);
