import { type NewJob } from "../../lib/runtime/job_table.ts";

/** A job as an object. */
export interface NaiveJob {
  readonly slot: number;
  state: "queued" | "running" | "ended";
  level: number;
  readonly key: string | undefined;
  readonly rows: number;
  readonly waiting: Set<number>;
  requestBlocks: number;
  responseBlocks: number;
}

/** What a `JobTable` is to hold, in arrays and objects. */
export class NaiveJobs {
  readonly lines: NaiveJob[][];
  readonly rings: number[][];
  readonly jobs = new Map<number, NaiveJob>();
  readonly #slots: number;

  constructor(slots: number, levels: number, threads: number) {
    this.#slots = slots;
    this.lines = Array.from({ length: levels + 1 }, () => []);
    this.rings = Array.from({ length: threads }, () => []);
  }

  get isFull(): boolean {
    return this.jobs.size >= this.#slots;
  }

  in(state: NaiveJob["state"]): NaiveJob[] {
    return [...this.jobs.values()].filter((job) => job.state === state)
      .toSorted((one, other) => one.slot - other.slot);
  }

  find(key: string): NaiveJob | undefined {
    return [...this.jobs.values()].find((job) => job.key === key && job.state !== "ended");
  }

  add(slot: number, { rows, priority, thread }: NewJob, key: string | undefined, blocks: number) {
    const job: NaiveJob = {
      slot,
      state: "queued",
      level: priority,
      key,
      rows,
      waiting: new Set([thread]),
      requestBlocks: blocks,
      responseBlocks: 0,
    };
    this.jobs.set(slot, job);
    this.lines[priority].push(job);
  }

  join(job: NaiveJob, { thread, priority }: NewJob): void {
    job.waiting.add(thread);
    if (job.state !== "queued" || priority >= job.level) return;
    this.#unline(job);
    job.level = priority;
    this.lines[priority].push(job);
  }

  leave(job: NaiveJob, thread: number): void {
    if (job.state === "ended") return;
    job.waiting.delete(thread);
    if (job.state === "running" || job.waiting.size > 0) return;
    this.#unline(job);
    this.jobs.delete(job.slot);
  }

  start(job: NaiveJob): void {
    this.#unline(job);
    job.state = "running";
  }

  requeue(job: NaiveJob): void {
    job.state = "queued";
    this.lines[job.level].unshift(job);
  }

  end(job: NaiveJob, responseBlocks: number): void {
    if (job.state === "queued") this.#unline(job);
    job.state = "ended";
    job.requestBlocks = 0;
    job.responseBlocks = responseBlocks;
    if (job.waiting.size === 0) this.jobs.delete(job.slot);
    for (const thread of job.waiting) this.rings[thread].push(job.slot);
  }

  pickUp(thread: number): void {
    const slot = this.rings[thread].shift();
    const job = slot === undefined ? undefined : this.jobs.get(slot);
    if (job === undefined) return;
    job.waiting.delete(thread);
    if (job.waiting.size === 0) this.jobs.delete(job.slot);
  }

  get usedBlocks(): number {
    let used = 0;
    for (const { requestBlocks, responseBlocks } of this.jobs.values()) {
      used += requestBlocks + responseBlocks;
    }
    return used;
  }

  #unline(job: NaiveJob): void {
    const line = this.lines[job.level];
    line.splice(line.indexOf(job), 1);
  }
}
