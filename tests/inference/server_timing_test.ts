import assert from "node:assert/strict";
import { formatServerTiming } from "../../lib/inference/server_timing.ts";

Deno.test("formatServerTiming() names what took time, in milliseconds to three decimals", async (t) => {
  const cases: [queueMs: number, computeMs: number, cacheMs: number, text: string][] = [
    [0, 0, 0, ""],
    [0.0004, 0, 0.0004, ""],
    [0.0005, 0, 0, "queue;dur=0.001"],
    [0.012, 1.204, 0.003, "queue;dur=0.012, compute;dur=1.204, cache;dur=0.003"],
    [0, 1.20449, 0, "compute;dur=1.204"],
    [0, 0, 0.1 + 0.2, "cache;dur=0.3"],
    [12_345.6789, 0, 2, "queue;dur=12345.679, cache;dur=2"],
    [0, 86_400_000, 0, "compute;dur=86400000"],
  ];
  for (const [queueMs, computeMs, cacheMs, text] of cases) {
    await t.step(`${queueMs} ${computeMs} ${cacheMs}`, () => {
      assert.equal(formatServerTiming({ queueMs, computeMs, cacheMs }), text);
    });
  }
});
