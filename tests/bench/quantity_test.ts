import assert from "node:assert/strict";
import { formatChange, formatNumber, formatQuantity, type Unit } from "../../lib/bench/quantity.ts";
import { formatRows } from "../../lib/bench/text_table.ts";

Deno.test("formatQuantity() writes three digits and the unit", async (t) => {
  const cases: readonly (readonly [value: number, unit: Unit, text: string])[] = [
    [12_345.6, "calls/s", "12 346 calls/s"],
    [0.5, "calls/s", "0.5 calls/s"],
    [0.04214, "ms", "0.0421 ms"],
    [8, "ms", "8.00 ms"],
    [1234.5, "ms", "1 235 ms"],
    [0.0000001, "ms", "0.000000 ms"],
    [0.031, "share", "3.1 %"],
    [1, "share", "100 %"],
    [0, "share", "0 %"],
    [720_000, "calls", "720 000"],
    [NaN, "ms", "–"],
    [Infinity, "calls/s", "–"],
  ];
  for (const [value, unit, text] of cases) {
    await t.step(text, () => assert.equal(formatQuantity(value, unit), text));
  }
});

Deno.test("formatNumber() and formatChange() keep the sign", () => {
  assert.equal(formatNumber(-1234.5), "-1 235");
  assert.equal(formatChange(0.125), "+12.5 %");
  assert.equal(formatChange(-0.5), "-50 %");
  assert.equal(formatChange(Infinity), "–");
});

Deno.test("formatRows() aligns the first column to the left, the others to the right", () => {
  const rows = [["name", "value", ""], ["a", "1", "<-"], ["longer", "12 000", ""]];
  assert.equal(formatRows(rows), "name     value\na            1  <-\nlonger  12 000\n");
});
