import {
  HEAD,
  INSTANCE,
  INSTANCE_WORDS,
  type JobQueueViews,
  WAKE_WORDS,
} from "./job_queue_layout.ts";

/** More rows than are ever queued: a watcher that was woken is not woken again. */
const NEVER = 2 ** 31 - 1;

/**
 * Which instances sleep, and which of them is woken for a job.
 *
 * While jobs are in line, one instance is the watcher, unless all are at work: it has been woken to take a
 * batch, or waits for one to fill up. A job wakes it only when the rows are there that it waits for; whoever
 * takes a batch and leaves jobs in line makes an idle instance the next watcher. So no job is left lying,
 * none wakes more than one instance, and no two race for the same.
 *
 * ```text
 *             a job, no watcher                takes a batch
 *   ┌──────┐ ──────────────────► ┌─────────┐ ───────────────► ┌─────────┐
 *   │ idle │                     │ watcher │                  │ at work │ ──┐ takes the next batch
 *   └──────┘ ◄────────────────── └─────────┘ ◄─────────────── └─────────┘ ◄─┘
 *       ▲      the line is empty       jobs are in line, but no batch yet │
 *       └─────────────────────────────────────────────────────────────────┘
 *                   the line is empty, or there is a watcher
 * ```
 *
 * Each instance sleeps on a word of its own, so that no wake-up goes to another. The caller holds the
 * lock, but for `flush`.
 */
export class InstanceRoster {
  readonly #header: JobQueueViews["header"];
  readonly #instances: JobQueueViews["instances"];
  readonly #wakes: JobQueueViews["wakes"];
  readonly #count: number;
  /** Instances whose words have changed and who have not been told. */
  readonly #untold: number[] = [];

  constructor({ header, instances, wakes }: JobQueueViews) {
    this.#header = header;
    this.#instances = instances;
    this.#wakes = wakes;
    this.#count = instances.length / INSTANCE_WORDS;
  }

  /** The owner that runs as this instance; 0 if there is none. */
  ownerOf(instance: number): number {
    return this.#instances[instance * INSTANCE_WORDS + INSTANCE.owner];
  }

  setOwner(instance: number, owner: number): void {
    this.#instances[instance * INSTANCE_WORDS + INSTANCE.owner] = owner;
  }

  /** A job has come into line. @param urgent whether it makes a batch whatever else is in line */
  jobCame(urgent: boolean): void {
    const header = this.#header;
    if (header[HEAD.watcher] === 0) return this.#appoint();
    if (!urgent && header[HEAD.queuedRows] < header[HEAD.watchRows]) return;
    if (header[HEAD.watchRows] === NEVER) return;
    header[HEAD.watchRows] = NEVER;
    this.#wake(header[HEAD.watcher] - 1);
  }

  /** So many rows have left the line without being run: the watcher waits for as many less in all. */
  rowsWent(rows: number): void {
    const header = this.#header;
    if (header[HEAD.watchRows] !== NEVER) header[HEAD.watchRows] -= rows;
  }

  /**
   * The instance waits for a batch to fill up, if nobody else does.
   *
   * @param rows how many more in line wake it
   * @returns false, and the instance is idle, if there is a watcher already
   */
  watch(instance: number, rows: number): boolean {
    const header = this.#header;
    const watcher = header[HEAD.watcher];
    if (watcher !== 0 && watcher !== instance + 1) {
      this.#setIdle(instance, 1);
      return false;
    }
    this.#setIdle(instance, 0);
    header[HEAD.watcher] = instance + 1;
    header[HEAD.watchRows] = Math.min(NEVER - 1, header[HEAD.queuedRows] + rows);
    return true;
  }

  /** The instance is at work: if jobs are in line, another one is to watch. */
  work(instance: number): void {
    this.#setIdle(instance, 0);
    this.#resign(instance);
  }

  /** The instance has nothing to do, the line being empty. */
  rest(instance: number): void {
    this.#resign(instance);
    this.#setIdle(instance, 1);
  }

  /** The instance is no more. */
  leave(instance: number): void {
    this.setOwner(instance, 0);
    this.work(instance);
  }

  /** Wakes all that sleep, to look again. */
  wakeAll(): void {
    for (let instance = 0; instance < this.#count; instance++) this.#wake(instance);
  }

  /** What the instance's word is now: it sleeps as long as it stays so. */
  wordOf(instance: number): number {
    return Atomics.load(this.#wakes, instance * WAKE_WORDS);
  }

  /** Puts this thread to sleep, not holding the lock, until the word has changed or the time is over. */
  sleep(instance: number, word: number, ms: number): void {
    Atomics.wait(this.#wakes, instance * WAKE_WORDS, word, ms);
  }

  /** … without blocking the thread. */
  async sleepAsync(instance: number, word: number, ms: number): Promise<void> {
    const wait = Atomics.waitAsync(this.#wakes, instance * WAKE_WORDS, word, ms);
    if (wait.async) await wait.value;
  }

  /** Tells those whose words have changed. After the lock is released, so that they do not wait for it. */
  flush(): void {
    for (const instance of this.#untold) {
      // All: a thread that was fenced off may still sleep on the same word.
      Atomics.notify(this.#wakes, instance * WAKE_WORDS);
    }
    this.#untold.length = 0;
  }

  #resign(instance: number): void {
    const header = this.#header;
    if (header[HEAD.watcher] === instance + 1) header[HEAD.watcher] = 0;
    if (header[HEAD.watcher] === 0 && header[HEAD.queued] > 0) this.#appoint();
  }

  /** Makes an idle instance the watcher, if there is one. */
  #appoint(): void {
    for (let instance = 0; instance < this.#count; instance++) {
      if (this.#instances[instance * INSTANCE_WORDS + INSTANCE.idle] === 0) continue;
      this.#setIdle(instance, 0);
      this.#header[HEAD.watcher] = instance + 1;
      this.#header[HEAD.watchRows] = NEVER;
      this.#wake(instance);
      return;
    }
  }

  #wake(instance: number): void {
    Atomics.add(this.#wakes, instance * WAKE_WORDS, 1);
    this.#untold.push(instance);
  }

  #setIdle(instance: number, idle: 0 | 1): void {
    this.#instances[instance * INSTANCE_WORDS + INSTANCE.idle] = idle;
  }
}
