import { JobClient } from "../../lib/runtime/job_client.ts";
import type { Job } from "../../lib/runtime/job_client.ts";
import type { BatchRules } from "../../lib/runtime/batch_plan.ts";
import { allocateJobQueue, type JobQueueLimits } from "../../lib/runtime/job_queue_memory.ts";
import { type JobExecutor, JobRunner } from "../../lib/runtime/job_runner.ts";
import { JobSupervisor } from "../../lib/runtime/job_supervisor.ts";
import { bytesPayload } from "../../lib/runtime/payload.ts";
import { allocateThreadWakes, ThreadWake } from "../../lib/runtime/thread_wake.ts";

export const LIMITS: JobQueueLimits = {
  slots: 16,
  arenaBytes: 8192,
  threads: 2,
  priorityLevels: 3,
  instances: 2,
};

export const EACH_ALONE: BatchRules = { maxBatchRows: 1, maxDelayMs: 0, preferredRows: [] };

/** Who takes part, by the names that they have as owners of the lock. */
export const SUPERVISOR = 1;
export const CLIENTS = 10;
export const RUNNERS = 20;

/** A queue whose threads are all this one, which no waiting blocks. */
export class QueueSetUp implements AsyncDisposable {
  readonly memory;
  readonly wakes;
  readonly supervisor: JobSupervisor;
  readonly #clients: JobClient[] = [];
  readonly #runs: Promise<void>[] = [];
  /** Runners that do not block do not keep an event loop alive. */
  readonly #keepAlive = setInterval(() => {}, 1_000_000);

  constructor(limits: Partial<JobQueueLimits> = {}) {
    const all = { ...LIMITS, ...limits };
    this.memory = allocateJobQueue(all);
    this.wakes = allocateThreadWakes(all.threads);
    this.supervisor = new JobSupervisor(this.memory, { owner: SUPERVISOR, wakes: this.wakes });
  }

  client(thread = 0, owner = CLIENTS + thread): JobClient {
    const wake = new ThreadWake(this.wakes, thread);
    const client = new JobClient(this.memory, { thread, owner, wake });
    this.#clients.push(client);
    return client;
  }

  /** Starts a runner. */
  run(
    executor: JobExecutor,
    rules: Partial<BatchRules> = {},
    instance = 0,
    owner = RUNNERS + instance,
  ): Promise<void> {
    const runner = new JobRunner(this.memory, {
      instance,
      owner,
      rules: { ...EACH_ALONE, ...rules },
      executor,
      wakes: this.wakes,
      blocking: false,
    });
    const run = runner.run();
    this.#runs.push(run);
    return run;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.supervisor.failAll("unavailable", "The test is over");
    this.supervisor.tellClosing();
    await Promise.all(this.#runs);
    for (const client of this.#clients) client.close();
    while (this.#clients.some((client) => client.pending > 0)) await turn();
    clearInterval(this.#keepAlive);
  }
}

/** Lets the event loop turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** A job of a request that is a text, or so many bytes. */
export function jobOf(request: string | number, job: Partial<Job> = {}): Job {
  const bytes = typeof request === "string"
    ? new TextEncoder().encode(request)
    : new Uint8Array(request).fill(request);
  return {
    request: bytesPayload(bytes),
    rows: 1,
    group: 0,
    priority: 1,
    deadlineMs: undefined,
    coalesce: undefined,
    ...job,
  };
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes.slice());
}

/** Answers each request with itself in capitals, and remembers the batches. */
export class Capitals implements JobExecutor {
  readonly batches: string[][] = [];

  execute(requests: readonly Uint8Array[]) {
    const texts = requests.map(textOf);
    this.batches.push(texts);
    return texts.map((text) => bytesPayload(new TextEncoder().encode(text.toUpperCase())));
  }
}

/** Holds each batch until the test lets it go on. */
export class Held extends Capitals {
  readonly #gates: PromiseWithResolvers<void>[] = [];
  #begun = Promise.withResolvers<void>();

  override execute(requests: readonly Uint8Array[]) {
    const gate = Promise.withResolvers<void>();
    this.#gates.push(gate);
    const answers = super.execute(requests);
    this.#begun.resolve();
    return gate.promise.then(() => answers) as never;
  }

  /** Resolves once a batch waits to go on. */
  async begun(): Promise<void> {
    while (this.#gates.length === 0) {
      await this.#begun.promise;
      this.#begun = Promise.withResolvers();
    }
  }

  /** Lets the batch that was begun first go on. */
  async go(): Promise<void> {
    await this.begun();
    this.#gates.shift()?.resolve();
  }
}
