const ORIGIN_MS = performance.timeOrigin;

/**
 * Milliseconds on a clock that all threads of this process share: `performance.timeOrigin + performance.now()`.
 *
 * Each thread counts on a clock that never jumps, from an origin that it read off the wall clock. Twelve workers
 * on Deno 2.7.11 were within 3 µs of their main thread, which is as well as it can be asked over a futex; a
 * float64 tells 0.25 µs apart. Should the wall clock be set between the starts of two threads they may differ by as
 * much. So times of other threads are good for deadlines, waits and figures, and decide on no order.
 */
export function sharedNowMs(): number {
  return ORIGIN_MS + performance.now();
}

/** The shared clock's time of one on this thread's `performance.now()`. */
export function sharedTimeMs(ownMs: number): number {
  return ORIGIN_MS + ownMs;
}
