/** What a closed loop of this process measured. */
export interface ClosedRate {
  readonly callsPerSecond: number;
  /** Of a call, with as many others at once as there were. */
  readonly meanMs: number;
}

/**
 * Makes calls in a closed loop, `inflight` at once, after a warm-up of a quarter of the time.
 *
 * A call that answers at once is not awaited, so that nothing but it is measured.
 */
export async function closedRate(
  call: () => unknown,
  { inflight, durationMs }: { readonly inflight: number; readonly durationMs: number },
): Promise<ClosedRate> {
  await loop(call, inflight, durationMs / 4);
  const startMs = performance.now();
  const calls = await loop(call, inflight, durationMs);
  const elapsedMs = performance.now() - startMs;
  return { callsPerSecond: calls / elapsedMs * 1_000, meanMs: elapsedMs * inflight / calls };
}

async function loop(call: () => unknown, inflight: number, durationMs: number): Promise<number> {
  const endMs = performance.now() + durationMs;
  let calls = 0;
  const one = async () => {
    while (performance.now() < endMs) {
      const answer = call();
      if (answer instanceof Promise) await answer;
      calls++;
    }
  };
  await Promise.all(Array.from({ length: inflight }, one));
  return calls;
}
