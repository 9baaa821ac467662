import assert from "node:assert/strict";
import fc from "fast-check";
import { isSampled } from "../../lib/telemetry/sampler.ts";
import { newSpanId, newTraceId } from "../../lib/telemetry/span_ids.ts";
import { readTraceParent } from "../../lib/telemetry/trace_parent.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

Deno.test("readTraceParent() takes what W3C Trace Context takes", () => {
  for (
    const [flags, sampled] of [["00", false], ["01", true], ["02", false], ["ff", true]] as const
  ) {
    assert.deepEqual(readTraceParent(`00-${TRACE}-${SPAN}-${flags}`), {
      traceId: TRACE,
      spanId: SPAN,
      sampled,
    });
  }
  assert.equal(readTraceParent(`cc-${TRACE}-${SPAN}-01-more`)?.sampled, true);
  const zeros = "0".repeat(32);
  for (
    const wrong of [
      undefined,
      "",
      `00-${TRACE}-${SPAN}`,
      `00-${TRACE}-${SPAN}-01-more`,
      `ff-${TRACE}-${SPAN}-01`,
      `cc-${TRACE}-${SPAN}-01.more`,
      `00-${zeros}-${SPAN}-01`,
      `00-${TRACE}-${zeros.slice(16)}-01`,
      `00-${TRACE.toUpperCase()}-${SPAN}-01`,
      `00-${TRACE}-${SPAN}-01, 00-${TRACE}-${SPAN}-01`,
      ` 00-${TRACE}-${SPAN}-01`,
    ]
  ) assert.equal(readTraceParent(wrong), undefined, `${wrong}`);
});

Deno.test("readTraceParent() reads back any ids, and throws for no text", () => {
  const flags = fc.boolean();
  fc.assert(fc.property(flags, (sampled) => {
    const parent = { traceId: newTraceId(), spanId: newSpanId(), sampled };
    const text = `00-${parent.traceId}-${parent.spanId}-0${sampled ? 1 : 0}`;
    assert.deepEqual(readTraceParent(text), parent);
  }));
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 80 }), (text) => {
    readTraceParent(text);
  }));
});

Deno.test("ids are not repeated, and as long as they have to be", () => {
  const ids = Array.from({ length: 10_000 }, newTraceId);
  assert.equal(new Set(ids).size, ids.length);
  assert.ok(ids.every((id) => /^[0-9a-f]{32}$/.test(id)));
  assert.match(newSpanId(), /^[0-9a-f]{16}$/);
});

Deno.test("isSampled() goes by the parent, else by the last bits of the trace's id", () => {
  const traceOf = (digits: string) => `${"7".repeat(18)}${digits.padEnd(14, "0")}`;
  for (
    const [digits, ratio, sampled] of [
      ["8", 0.5, true],
      ["7fffffffffffff", 0.5, false],
      ["c", 0.25, true],
      ["bfffffffffffff", 0.25, false],
      ["0", 1, true],
      ["ffffffffffffff", 0, false],
    ] as const
  ) {
    assert.equal(isSampled({ parentBased: false, ratio }, traceOf(digits), undefined), sampled);
    for (const parentSampled of [true, false]) {
      const parent = { traceId: traceOf(digits), spanId: SPAN, sampled: parentSampled };
      assert.equal(isSampled({ parentBased: true, ratio }, parent.traceId, parent), parentSampled);
      assert.equal(isSampled({ parentBased: false, ratio }, parent.traceId, parent), sampled);
    }
  }
});
