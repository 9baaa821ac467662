import assert from "node:assert/strict";
import { LagMeter } from "../../lib/bench/lag_meter.ts";

Deno.test("LagMeter counts the lags that began in the window, not those of the warm-up", async () => {
  // The clock at the meter's making and at each of its ticks, which are due every 10 ms.
  const clock = [0, 500, 510, 540, 550];
  const seen: number[] = [];
  const over = Promise.withResolvers<void>();
  using lag = new LagMeter({
    nowMs: () => clock.shift() ?? 550,
    fromMs: 500,
    onTick: (tickMs) => {
      seen.push(tickMs);
      if (clock.length === 0) over.resolve();
    },
  });
  await over.promise;
  assert.deepEqual(seen, [500, 510, 540, 550]);
  assert.deepEqual(lag.record, { ticks: 3, lateTicks: 1, maxMs: 20 });
});
