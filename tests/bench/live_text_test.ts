import assert from "node:assert/strict";
import { liveText } from "../../lib/bench/live_text.ts";

Deno.test("liveText() tells a second in a line, hits only where they are told", () => {
  const second = { second: 2, calls: 1_234, errors: 5, p50Ms: 0.1234, p99Ms: 12, hitRate: null };
  assert.equal(liveText(second), "3 s  1234 calls  p50 0.123 ms  p99 12.000 ms  5 errors");
  assert.match(liveText({ ...second, hitRate: 0.5 }), / {2}50\.0 % hits$/);
});
