import assert from "node:assert/strict";
import { ProcessorMeter, type ProcessorSample } from "../../lib/bench/processor_meter.ts";

/** Samples one after the other, of which each but the first three is wrong; resolves at the second. */
function samples(): { readonly take: () => ProcessorSample; readonly second: Promise<void> } {
  const second = Promise.withResolvers<void>();
  let taken = 0;
  const take = () => {
    taken++;
    if (taken === 2) second.resolve();
    const machine = { busyMs: 150 * taken, allMs: 200 * taken };
    return { atMs: 100 * taken, processMs: 50 * taken, machine };
  };
  return { take, second: second.promise };
}

Deno.test("ProcessorMeter measures from the start of a window to its end, not what follows", async () => {
  const { take, second } = samples();
  using meter = new ProcessorMeter(take);
  meter.begin(1, 1);
  await second;
  assert.deepEqual(meter.stop(), { elapsedMs: 100, processMs: 50, machineBusyShare: 0.75 });
  // It is still what it was: nothing is measured after the end.
  assert.deepEqual(meter.stop(), { elapsedMs: 100, processMs: 50, machineBusyShare: 0.75 });
});

Deno.test("ProcessorMeter tells nothing of a window that has not started", () => {
  const { take } = samples();
  const meter = new ProcessorMeter(take);
  assert.equal(meter.stop(), undefined);
  meter.begin(3_600_000, Infinity);
  assert.equal(meter.stop(), undefined);
});

Deno.test("ProcessorMeter measures until it is stopped where the window has no end", async () => {
  const started = Promise.withResolvers<void>();
  const { take } = samples();
  using meter = new ProcessorMeter(() => {
    started.resolve();
    return { ...take(), machine: undefined };
  });
  meter.begin(0, Infinity);
  await started.promise;
  assert.deepEqual(meter.stop(), { elapsedMs: 100, processMs: 50, machineBusyShare: undefined });
});
