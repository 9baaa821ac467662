import assert from "node:assert/strict";
import fc from "fast-check";
import { Code } from "../../lib/grpc/status.ts";
import { formatTimeout, parseTimeout } from "../../lib/grpc/timeout.ts";

Deno.test("parseTimeout() reads every unit", async (t) => {
  const cases: [text: string, timeoutMs: number][] = [
    ["1H", 3_600_000],
    ["2M", 120_000],
    ["3S", 3_000],
    ["4m", 4],
    ["500u", 0.5],
    ["250000n", 0.25],
    ["0m", 0],
    ["00000007S", 7_000],
    ["99999999H", 99_999_999 * 3_600_000],
  ];
  for (const [text, timeoutMs] of cases) {
    await t.step(text, () => assert.ok(Math.abs(parseTimeout(text) - timeoutMs) < 1e-9));
  }
});

Deno.test("parseTimeout() refuses anything else with INTERNAL", async (t) => {
  const texts = [
    "",
    "S",
    "1",
    "1s",
    "-1S",
    "+1S",
    "1.5S",
    "100000000S",
    " 1S",
    "1S ",
    "1S\n",
    "١S",
  ];
  for (const text of [...texts, "x".repeat(10_000)]) {
    await t.step(JSON.stringify(text.slice(0, 20)), () => {
      assert.throws(() => parseTimeout(text), (error: Error & { code: Code }) => {
        assert.equal(error.code, Code.INTERNAL);
        assert.ok(error.message.length < 200);
        return true;
      });
    });
  }
});

Deno.test("formatTimeout() takes the finest unit and is never zero", async (t) => {
  const cases: [timeoutMs: number, text: string][] = [
    [0, "1n"],
    [-5, "1n"],
    [1e-7, "1n"],
    [1, "1000000n"],
    [100, "100000u"],
    [99.9999, "99999900n"],
    [1_000, "1000m"],
    [1_000.001, "1001m"],
    [99_999.999, "100000m"],
    [100_000, "100000m"],
    [3_600_000 * 24 * 365, "31536000S"],
    [1e300, "99999999H"],
    [Infinity, "99999999H"],
  ];
  for (const [timeoutMs, text] of cases) {
    await t.step(`${timeoutMs} ms`, () => assert.equal(formatTimeout(timeoutMs), text));
  }
});

Deno.test("A timeout that went over the wire is no shorter, and longer by a rounding at most", () => {
  const timeouts = fc.double({ min: 1e-6, max: 3.5e14, noNaN: true });
  fc.assert(fc.property(timeouts, (timeoutMs) => {
    const text = formatTimeout(timeoutMs);
    assert.match(text, /^[1-9][0-9]{0,7}[HMSmun]$/);
    const parsedMs = parseTimeout(text);
    assert.ok(parsedMs >= timeoutMs * (1 - 1e-12), `${parsedMs} of ${timeoutMs}`);
    assert.ok(parsedMs <= timeoutMs * (1 + 1e-3) + 1e-6, `${parsedMs} of ${timeoutMs}`);
  }));
});
