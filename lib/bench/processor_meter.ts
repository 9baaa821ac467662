import os from "node:os";
import process from "node:process";

const US_PER_MS = 1_000;

/** What processors have done so far: milliseconds of processor time, but for `atMs`. */
export interface ProcessorSample {
  /** When it was taken, on the clock of `performance.now()`. */
  readonly atMs: number;
  /** Of this process, all of its threads together. */
  readonly processMs: number;
  /** Of all processors of the machine, busy or not; `undefined` where that cannot be told. */
  readonly machine: { readonly busyMs: number; readonly allMs: number } | undefined;
}

/** What processors did over a time. */
export interface ProcessorUse {
  readonly elapsedMs: number;
  /** Processor time of this process. */
  readonly processMs: number;
  /** Of the time of all processors, from 0 to 1; `undefined` where that cannot be told. */
  readonly machineBusyShare: number | undefined;
}

/** Takes a sample. */
export function sampleProcessors(): ProcessorSample {
  const { user, system } = process.cpuUsage();
  return {
    atMs: performance.now(),
    processMs: (user + system) / US_PER_MS,
    machine: sampleMachine(),
  };
}

/** What was done from one sample to another. */
export function useBetween(before: ProcessorSample, after: ProcessorSample): ProcessorUse {
  return {
    elapsedMs: after.atMs - before.atMs,
    processMs: after.processMs - before.processMs,
    machineBusyShare: busyShare(before.machine, after.machine),
  };
}

/**
 * Measures what processors do in a run's window, without its warm-up and without the wait for the last
 * answers.
 */
export class ProcessorMeter implements Disposable {
  readonly #sample: () => ProcessorSample;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #start: ProcessorSample | undefined;
  #end: ProcessorSample | undefined;

  constructor(sample: () => ProcessorSample = sampleProcessors) {
    this.#sample = sample;
  }

  /**
   * Begins; once.
   *
   * @param delayMs until the window's start
   * @param lengthMs of the window; Infinity for one that lasts until `stop`
   */
  begin(delayMs: number, lengthMs: number): void {
    this.#timer = setTimeout(() => {
      this.#start = this.#sample();
      if (lengthMs === Infinity) return;
      this.#timer = setTimeout(() => this.#end = this.#sample(), lengthMs);
    }, delayMs);
  }

  /** @returns what was done in the window, as far as it went; `undefined` when it had not started */
  stop(): ProcessorUse | undefined {
    this[Symbol.dispose]();
    if (this.#start === undefined) return undefined;
    return useBetween(this.#start, this.#end ?? this.#sample());
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}

function sampleMachine(): ProcessorSample["machine"] {
  try {
    let busyMs = 0;
    let allMs = 0;
    for (const { times: { idle, user, nice, sys, irq } } of os.cpus()) {
      busyMs += user + nice + sys + irq;
      allMs += user + nice + sys + irq + idle;
    }
    return { busyMs, allMs };
  } catch {
    return undefined; // No permission, or no such file here.
  }
}

function busyShare(
  before: ProcessorSample["machine"],
  after: ProcessorSample["machine"],
): number | undefined {
  if (before === undefined || after === undefined) return undefined;
  const allMs = after.allMs - before.allMs;
  return allMs > 0 ? (after.busyMs - before.busyMs) / allMs : undefined;
}
