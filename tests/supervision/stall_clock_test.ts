import assert from "node:assert/strict";
import { StallClock } from "../../lib/supervision/stall_clock.ts";

/** A look: when, whether it stands still, and how often anything was run. */
type Look = readonly [nowMs: number, isStandstill: boolean, executions: number];

const CASES: Readonly<Record<string, readonly [readonly Look[], boolean]>> = {
  "jobs in line and nothing run for longer than the limit": [
    [[0, true, 3], [60, true, 3], [101, true, 3]],
    true,
  ],
  "… not for as long": [[[0, true, 3], [100, true, 3]], false],
  "… with something run in between": [[[0, true, 3], [60, true, 4], [120, true, 4]], false],
  "callers who give up and come again": [
    [[0, true, 3], [60, true, 3], [70, false, 3], [90, true, 3], [140, true, 3]],
    true,
  ],
  "nothing in line for long": [[[0, true, 3], [10, false, 3], [500, true, 3]], false],
};

Deno.test("StallClock.look()", async (t) => {
  for (const [name, [looks, expected]] of Object.entries(CASES)) {
    await t.step(name, () => {
      const clock = new StallClock(100);
      const outcomes = looks.map((look) => clock.look(...look));
      assert.deepEqual(outcomes, looks.map((_, i) => expected && i === looks.length - 1));
    });
  }
});
