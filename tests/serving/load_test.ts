import assert from "node:assert/strict";
import { type LoadSample, sampleLoad, wantsThread } from "../../lib/serving/load.ts";

const BEFORE: LoadSample = { atMs: 5_000, usedMs: 700, idleMs: 90_000 };

/** A second later. */
function after(usedMs: number, idleMs: number | undefined): LoadSample {
  const { atMs, usedMs: used, idleMs: idle = 0 } = BEFORE;
  return {
    atMs: atMs + 1_000,
    usedMs: used + usedMs,
    idleMs: idleMs === undefined ? undefined : idle + idleMs,
  };
}

Deno.test("wantsThread() asks for busy threads and an idle processor", async (t) => {
  const cases: readonly [string, number, LoadSample, boolean][] = [
    ["one busy thread, an idle processor", 1, after(950, 900), true],
    ["one busy thread, many idle processors", 1, after(950, 60_000), true],
    ["one busy thread, a client that takes the other processor", 1, after(950, 300), false],
    ["one thread with little to do", 1, after(500, 1_500), false],
    ["two threads that share the work of one", 2, after(950, 1_000), false],
    ["two busy threads", 2, after(1_900, 2_000), true],
    ["one busy thread, nothing known of the machine", 1, after(950, undefined), true],
  ];
  for (const [name, threads, now, wanted] of cases) {
    await t.step(name, () => assert.equal(wantsThread(BEFORE, now, threads), wanted));
  }
});

Deno.test("sampleLoad() counts the time that this process uses", () => {
  const before = sampleLoad();
  while (sampleLoad().usedMs - before.usedMs < 5);
  const now = sampleLoad();
  assert.ok(now.atMs > before.atMs);
  assert.ok((now.idleMs ?? 0) >= (before.idleMs ?? 0));
});
