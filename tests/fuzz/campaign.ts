import { Random } from "./random.ts";
import { describe, type FuzzTarget } from "./target.ts";

/** An input that is slower than this, twice in a row, hangs a thread that serves others. */
const HANG_MS = 1_000;

/** Inputs between two turns of the event loop, in which timers fire and lost rejections are told. */
const BATCH_INPUTS = 4_000;

/** Microtasks, then turns of the event loop, that one input may take before it counts as hanging. */
const MICROTASKS_MAX = 100_000;
const TURNS_MAX = 300;

/** More findings than these say little new. */
const FINDINGS_MAX = 5;

/** An input for which something was not true that has to be. */
export interface Finding {
  readonly target: string;
  readonly seed: number;
  readonly index: number;
  readonly input: Uint8Array;
  readonly message: string;
}

/**
 * Runs one target's inputs, by their index, and keeps what it found.
 *
 * Each input depends on the seed and its index alone. Of findings with the same words the first is
 * kept. What is thrown where nobody waits for it, in a
 * microtask or a forgotten promise, counts too.
 */
export class Campaign {
  readonly target: FuzzTarget;
  readonly findings: Finding[] = [];
  inputs = 0;
  inputBytes = 0;
  elapsedMs = 0;
  slowestMs = 0;
  slowestIndex = 0;
  readonly #seed: number;
  readonly #strays: StrayErrors;
  readonly #slow: number[] = [];

  constructor(target: FuzzTarget, seed: number, strays: StrayErrors) {
    this.target = target;
    this.#seed = seed;
    this.#strays = strays;
  }

  /** Whether enough was found that more inputs would say little new. */
  get exhausted(): boolean {
    return this.findings.length >= FINDINGS_MAX;
  }

  /** The input of an index. */
  input(index: number): Uint8Array {
    return this.target.generate(new Random(this.#seed, index));
  }

  /** Runs the next `count` inputs, or fewer when `untilMs` of `performance.now()` comes first. */
  async run(count: number, untilMs: number): Promise<void> {
    const last = this.inputs + count;
    while (this.inputs < last && !this.exhausted && performance.now() < untilMs) {
      await this.#runBatch(Math.min(last, this.inputs + BATCH_INPUTS));
    }
  }

  /** Runs the input of one index alone. */
  async runAt(index: number): Promise<void> {
    this.inputs = index;
    await this.#runBatch(index + 1);
    this.inputs = 1;
  }

  async #runBatch(end: number): Promise<void> {
    const first = this.inputs;
    const beginMs = performance.now();
    for (; this.inputs < end; this.inputs++) {
      const outcome = this.#runOne(this.inputs);
      if (outcome !== undefined) await outcome;
    }
    await turn();
    this.elapsedMs += performance.now() - beginMs;
    const strays = this.#strays.take() !== undefined;
    for (const index of this.#slow.splice(0)) await this.#timeAgain(index);
    if (strays) await this.#attribute(first, end);
  }

  #runOne(index: number): void | Promise<void> {
    const input = this.input(index);
    this.inputBytes += input.length;
    const beginMs = performance.now();
    try {
      const outcome = this.target.run(input);
      if (outcome !== undefined) return this.#watch(outcome, index, beginMs);
    } catch (error) {
      this.#note(index, describe(error));
    }
    this.#time(index, beginMs);
  }

  async #watch(outcome: Promise<void>, index: number, beginMs: number): Promise<void> {
    try {
      await inTime(outcome);
    } catch (error) {
      this.#note(index, describe(error));
    }
    this.#time(index, beginMs);
  }

  #time(index: number, beginMs: number): void {
    const tookMs = performance.now() - beginMs;
    if (tookMs > HANG_MS) this.#slow.push(index);
    if (tookMs <= this.slowestMs) return;
    this.slowestMs = tookMs;
    this.slowestIndex = index;
  }

  /** Once may be the machine's fault. */
  async #timeAgain(index: number): Promise<void> {
    const beginMs = performance.now();
    await this.#runAgain(index);
    const tookMs = performance.now() - beginMs;
    if (tookMs > HANG_MS) this.#note(index, `takes over ${HANG_MS} ms`);
  }

  /** Finds out whose stray error it was by running inputs one by one. */
  async #attribute(first: number, end: number): Promise<void> {
    for (let index = first; index < end && !this.exhausted; index++) {
      await this.#runAgain(index);
      await turn();
      const stray = this.#strays.take();
      if (stray !== undefined) this.#note(index, `thrown at nobody: ${describe(stray)}`);
    }
  }

  async #runAgain(index: number): Promise<void> {
    try {
      await inTime(Promise.resolve(this.target.run(this.input(index))));
    } catch {
      // Noted the first time.
    }
  }

  #note(index: number, message: string): void {
    if (this.exhausted || this.findings.some((finding) => finding.message === message)) return;
    const input = this.input(index);
    this.findings.push({ target: this.target.name, seed: this.#seed, index, input, message });
  }
}

/** Catches errors that nobody waits for, while it lives. */
export class StrayErrors implements Disposable {
  readonly #errors: unknown[] = [];
  readonly #onRejection = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    this.#errors.push(event.reason);
  };
  readonly #onError = (event: ErrorEvent) => {
    event.preventDefault();
    this.#errors.push(event.error);
  };

  constructor() {
    globalThis.addEventListener("unhandledrejection", this.#onRejection);
    globalThis.addEventListener("error", this.#onError);
  }

  /** The first error since the last call, `undefined` for none. */
  take(): unknown {
    return this.#errors.splice(0)[0];
  }

  [Symbol.dispose](): void {
    globalThis.removeEventListener("unhandledrejection", this.#onRejection);
    globalThis.removeEventListener("error", this.#onError);
  }
}

/**
 * Waits for `outcome` by counting steps, not time, so that what hangs here hangs on every machine.
 *
 * @throws what it rejects with, or an Error when it takes more steps than any input needs
 */
export async function inTime(outcome: Promise<void>): Promise<void> {
  let over = false;
  const end = () => void (over = true);
  outcome.then(end, end);
  for (let steps = 0; steps < MICROTASKS_MAX && !over; steps++) await undefined;
  for (let turns = 0; turns < TURNS_MAX && !over; turns++) await turn();
  if (!over) throw new Error(`an input that hangs: nothing came of it in ${TURNS_MAX} turns`);
  await outcome;
}

/** Lets timers fire and lost rejections be told. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
