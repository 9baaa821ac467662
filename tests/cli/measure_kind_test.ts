import assert from "node:assert/strict";
import type { FlagKind } from "../../lib/cli/flag_kind.ts";
import {
  ascendingIntegers,
  durationFrom,
  objectiveFor,
  PERCENT,
} from "../../lib/cli/measure_kind.ts";

/** Texts and what a kind makes of them; undefined for what is none of it. */
type Cases = readonly (readonly [text: string, value: unknown])[];

async function check(t: Deno.TestContext, kind: FlagKind<unknown>, cases: Cases): Promise<void> {
  for (const [text, value] of cases) {
    await t.step(JSON.stringify(text), () => assert.deepEqual(kind.parse(text), value));
  }
}

Deno.test("durationFrom() reads microseconds to minutes as milliseconds", async (t) => {
  const kind = durationFrom(1, 3_600_000);
  assert.equal(kind.expected, "a time from 1ms to 60m, as a number with us, ms, s or m");
  await check(t, kind, [
    ["2ms", 2],
    ["1500us", 1.5],
    ["0.5s", 500],
    ["10s", 10_000],
    ["1.5m", 90_000],
    ["60m", 3_600_000],
    ["61m", undefined],
    ["999us", undefined],
    ["2", undefined],
    ["", undefined],
    ["ms", undefined],
    ["-1s", undefined],
    ["1e3ms", undefined],
    ["1.ms", undefined],
    ["1.2.3s", undefined],
    [" 2ms", undefined],
    ["2 ms", undefined],
    ["2h", undefined],
  ]);
  assert.match(durationFrom(0.25, 1500).expected, /^a time from 250us to 1500ms, /);
});

Deno.test("PERCENT reads a share", async (t) => {
  await check(t, PERCENT, [
    ["5%", 0.05],
    ["0%", 0],
    ["12.5%", 0.125],
    ["250%", 2.5],
    ["5", undefined],
    ["%", undefined],
    ["-5%", undefined],
    ["5%%", undefined],
    ["5 %", undefined],
  ]);
});

Deno.test("objectiveFor() reads a figure and a time", async (t) => {
  const kind = objectiveFor(["p50", "p99.9"]);
  assert.equal(kind.expected, "FIGURE=TIME such as p99=2ms, with the figure p50, p99.9");
  await check(t, kind, [
    ["p50=2ms", { figure: "p50", limitMs: 2 }],
    ["p99.9=250us", { figure: "p99.9", limitMs: 0.25 }],
    ["p99=2ms", undefined],
    ["p50", undefined],
    ["p50=", undefined],
    ["=2ms", undefined],
    ["p50=0ms", undefined],
    ["p50=2", undefined],
    ["p50=2ms=3ms", undefined],
  ]);
});

Deno.test("ascendingIntegers() reads a list", async (t) => {
  await check(t, ascendingIntegers(1, 100, 4), [
    ["1", [1]],
    ["1,2,4,100", [1, 2, 4, 100]],
    ["1,2,3,4,5", undefined],
    ["0,1", undefined],
    ["1,101", undefined],
    ["2,2", undefined],
    ["4,2", undefined],
    ["1,", undefined],
    ["", undefined],
    ["1, 2", undefined],
    ["1.5", undefined],
    ["1,x", undefined],
  ]);
});
