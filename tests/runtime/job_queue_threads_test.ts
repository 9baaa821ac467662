import assert from "node:assert/strict";
import { allocateJobQueue, type JobQueueLimits } from "../../lib/runtime/job_queue_memory.ts";
import { JobQueueStatistics } from "../../lib/runtime/job_queue_statistics.ts";
import { JobSupervisor } from "../../lib/runtime/job_supervisor.ts";
import type { BatchRules } from "../../lib/runtime/batch_plan.ts";
import { allocateThreadWakes, ThreadWake } from "../../lib/runtime/thread_wake.ts";
import { JobClient } from "../../lib/runtime/job_client.ts";
import { mayStartWorkers, StartedWorker } from "../lock/started_worker.ts";
import type { ClientReport, ClientTask } from "./fixtures/client_worker.ts";
import type { RunnerTask } from "./fixtures/runner_worker.ts";
import { contentOf } from "./job_table_content.ts";
import { jobOf } from "./queue_setup.ts";
import { bytesPayload } from "../../lib/runtime/payload.ts";

const CLIENT = new URL("./fixtures/client_worker.ts", import.meta.url);
const RUNNER = new URL("./fixtures/runner_worker.ts", import.meta.url);
const HANG = -1;

class Threads {
  readonly memory;
  readonly wakes;
  readonly supervisor;
  readonly #stack: DisposableStack;

  constructor(stack: DisposableStack, limits: Partial<JobQueueLimits> = {}) {
    const all = { slots: 64, arenaBytes: 65_536, threads: 2, priorityLevels: 2, instances: 2 };
    this.memory = allocateJobQueue({ ...all, ...limits });
    this.wakes = allocateThreadWakes(2);
    this.supervisor = new JobSupervisor(this.memory, { owner: 1, wakes: this.wakes });
    this.#stack = stack;
  }

  async runner(instance: number, owner: number, rules: BatchRules, blocking = true) {
    const { memory, wakes } = this;
    const task = { memory, wakes, instance, owner, rules, blocking } satisfies RunnerTask;
    const worker = this.#stack.use(new StartedWorker(RUNNER, task));
    assert.equal(await worker.next(), "ready");
    return worker;
  }

  async client(task: Omit<ClientTask, "memory" | "wakes">) {
    const worker = this.#stack.use(
      new StartedWorker(CLIENT, { ...task, memory: this.memory, wakes: this.wakes }),
    );
    assert.equal(await worker.next(), "ready");
    return worker;
  }
}

function sumOf({ done, wrong, cancelled, expired, full, unavailable }: ClientReport): number {
  return done + wrong + cancelled + expired + full + unavailable;
}

for (
  const { name, rules, limits, blocking } of [
    {
      name: "each alone",
      rules: { maxBatchRows: 1, maxDelayMs: 0, preferredRows: [] },
      limits: {},
      blocking: true,
    },
    {
      name: "batches",
      rules: { maxBatchRows: 16, maxDelayMs: 1, preferredRows: [4, 8] },
      limits: {},
      blocking: true,
    },
    {
      name: "batches on living event loops",
      rules: { maxBatchRows: 16, maxDelayMs: 2, preferredRows: [] },
      limits: {},
      blocking: false,
    },
    {
      name: "too little room",
      rules: { maxBatchRows: 16, maxDelayMs: 0, preferredRows: [] },
      limits: { slots: 24, arenaBytes: 1500 },
      blocking: true,
    },
  ]
) {
  Deno.test({
    name:
      `a job queue loses, tears and swaps nothing among 2 serving threads and 2 instances: ${name}`,
    ignore: !mayStartWorkers,
    async fn() {
      using stack = new DisposableStack();
      const threads = new Threads(stack, limits);
      const runners = [];
      for (const instance of [0, 1]) {
        runners.push(await threads.runner(instance, 20 + instance, rules, blocking));
      }
      const jobs = 2000;
      const clients = [];
      for (const thread of [0, 1]) {
        const owner = 10 + thread;
        clients.push(
          await threads.client({ thread, owner, jobs, inFlight: 20, requests: 30 + thread }),
        );
      }
      const sums = { done: 0, expired: 0, cancelled: 0, rejected: 0 };
      for (const client of clients) {
        const report = await client.next() as ClientReport;
        assert.deepEqual(report.other, []);
        assert.equal(report.wrong + report.unavailable, 0);
        assert.equal(sumOf(report), jobs);
        assert.ok(report.done > 0 && report.cancelled > 0);
        sums.done += report.done;
        sums.expired += report.expired;
        sums.cancelled += report.cancelled;
        sums.rejected += report.full;
      }
      threads.supervisor.tellClosing();
      for (const runner of runners) {
        const { largest } = await runner.next() as { largest: number };
        assert.ok(largest >= 1 && largest <= rules.maxBatchRows);
      }
      assert.deepEqual(threads.supervisor.counts(), { queued: 0, running: 0, ended: 0 });
      assert.equal(contentOf(threads.memory.table).usedBlocks, 0);
      const counted = JobQueueStatistics.sums(threads.memory);
      const { done, expired, cancelled, rejected, submitted, executions, rows, batches } = counted;
      assert.deepEqual({ done, expired, cancelled, rejected }, sums);
      assert.equal(submitted, 2 * jobs);
      assert.equal(batches.reduce((sum, { count }) => sum + count, 0), executions);
      assert.equal(batches.reduce((sum, { rows, count }) => sum + rows * count, 0), rows);
    },
  });
}

Deno.test({
  name: "an instance that hangs is fenced off and terminated, and its neighbours' jobs are done",
  ignore: !mayStartWorkers,
  async fn() {
    using stack = new DisposableStack();
    const threads = new Threads(stack, { instances: 1 });
    const rules = { maxBatchRows: 8, maxDelayMs: 0, preferredRows: [] };
    const client = new JobClient(threads.memory, {
      thread: 0,
      owner: 10,
      wake: new ThreadWake(threads.wakes, 0),
    });
    const requests = [1, HANG, 3].map((word) => new Uint8Array(Int32Array.of(word).buffer));
    const jobs = requests.map((bytes) =>
      client.submit(jobOf("", { request: bytesPayload(bytes) }))
    );
    for (const owner of [20, 21]) {
      const worker = await threads.runner(0, owner, rules);
      // The batch of all three, then the one alone, that hangs; those before it are done quickly.
      while (threads.supervisor.counts().queued > (owner === 20 ? 0 : 1)) await turn();
      while (!(Number(threads.supervisor.runningMs(0)) > 20)) await turn();
      worker.terminate();
      assert.ok(threads.supervisor.fence(0) > 0);
    }
    const last = await threads.runner(0, 22, rules);
    const outcomes = await Promise.all(jobs);
    assert.deepEqual(outcomes.map(({ kind }) => kind), ["done", "failed", "done"]);
    assert.ok(outcomes[1].kind === "failed" && outcomes[1].code === "unavailable");
    client.close();
    threads.supervisor.tellClosing();
    await last.next();
    assert.equal(threads.supervisor.isEmpty(), true);
  },
});

Deno.test({
  name: "a serving thread that is terminated leaves nothing in the queue, and the others go on",
  ignore: !mayStartWorkers,
  async fn() {
    using stack = new DisposableStack();
    const threads = new Threads(stack);
    const rules = { maxBatchRows: 4, maxDelayMs: 0, preferredRows: [] };
    const runner = await threads.runner(0, 20, rules);
    const doomed = await threads.client({
      thread: 0,
      owner: 10,
      jobs: 1_000_000_000,
      inFlight: 20,
      requests: 30,
    });
    const other = await threads.client({
      thread: 1,
      owner: 11,
      jobs: 3000,
      inFlight: 20,
      requests: 30,
    });
    while (JobQueueStatistics.sums(threads.memory).done < 500) await turn();
    // It may run on for a moment: what it does from then on is refused.
    threads.supervisor.dropThread(0);
    doomed.terminate();
    const report = await other.next() as ClientReport;
    assert.equal(report.wrong + report.unavailable, 0);
    assert.equal(sumOf(report), 3000);
    threads.supervisor.tellClosing();
    await runner.next();
    assert.equal(threads.supervisor.isEmpty(), true);
    assert.equal(contentOf(threads.memory.table).usedBlocks, 0);
  },
});

function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
