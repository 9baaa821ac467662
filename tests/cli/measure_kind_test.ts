import assert from "node:assert/strict";
import type { FlagKind } from "../../lib/cli/flag_kind.ts";
import { ascendingIntegers, objectiveFor, PERCENT } from "../../lib/cli/measure_kind.ts";

/** Texts and what a kind makes of them; undefined for what is none of it. */
type Cases = readonly (readonly [text: string, value: unknown])[];

async function check(t: Deno.TestContext, kind: FlagKind<unknown>, cases: Cases): Promise<void> {
  for (const [text, value] of cases) {
    await t.step(JSON.stringify(text), () => assert.deepEqual(kind.parse(text), value));
  }
}

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
  const limit: FlagKind<number> = {
    expected: "whole ms",
    parse: (text) => /^\d+ms$/.test(text) ? parseInt(text) : undefined,
  };
  const kind = objectiveFor(["p50", "p99.9"], limit);
  assert.equal(
    kind.expected,
    "FIGURE=TIME such as p99=2ms, with the figure p50, p99.9, and whole ms",
  );
  await check(t, kind, [
    ["p50=2ms", { figure: "p50", limitMs: 2 }],
    ["p99.9=250ms", { figure: "p99.9", limitMs: 250 }],
    ["p99=2ms", undefined],
    ["p50", undefined],
    ["p50=", undefined],
    ["=2ms", undefined],
    ["2ms", undefined],
    ["p50=2", undefined],
    ["p50=2ms=3ms", undefined],
    ["", undefined],
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
