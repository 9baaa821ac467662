import os from "node:os";
import process from "node:process";

const MICROSECONDS_PER_MS = 1_000;

/** Share of the serving threads' processors that has to be in use before one more thread may help. */
const BUSY_SHARE_MIN = 0.8;

/** Share of a processor that has to be idle: with less, a thread would take it from whoever sends the load. */
const IDLE_SHARE_MIN = 0.75;

/** What processors have done so far. Milliseconds of processor time, but for `atMs`. */
export interface LoadSample {
  /** When it was taken, on the clock of `performance.now()`. */
  readonly atMs: number;
  /** Time that this process has used, all of its threads together. */
  readonly usedMs: number;
  /** Time that the machine's processors were idle; `undefined` where that cannot be told. */
  readonly idleMs: number | undefined;
}

/** Takes a sample. */
export function sampleLoad(): LoadSample {
  const { user, system } = process.cpuUsage();
  return {
    atMs: performance.now(),
    usedMs: (user + system) / MICROSECONDS_PER_MS,
    idleMs: idleMs(),
  };
}

function idleMs(): number | undefined {
  try {
    return os.cpus().reduce((sum, { times }) => sum + times.idle, 0);
  } catch {
    return undefined; // No permission, or no such file here.
  }
}

/**
 * Whether one more serving thread would find a processor, and work for it.
 *
 * More threads than processors only make each request wait for a switch between them.
 *
 * @param threads how many serve now
 */
export function wantsThread(before: LoadSample, now: LoadSample, threads: number): boolean {
  const elapsedMs = now.atMs - before.atMs;
  if (elapsedMs <= 0) return false;
  if (now.usedMs - before.usedMs < BUSY_SHARE_MIN * threads * elapsedMs) return false;
  if (now.idleMs === undefined || before.idleMs === undefined) return true;
  return now.idleMs - before.idleMs >= IDLE_SHARE_MIN * elapsedMs;
}
