import assert from "node:assert/strict";
import { cutShortWarning } from "../../lib/bench/cut_short.ts";

const TEN_SECONDS = { kind: "duration", durationMs: 10_000 } as const;
const THOUSAND = { kind: "requests", requests: 1_000 } as const;

Deno.test("cutShortWarning() says how much was measured", () => {
  assert.equal(
    cutShortWarning(TEN_SECONDS, { elapsedMs: 1_432, calls: 9 }),
    "Ended by a signal after 1.4 s of 10 s",
  );
  assert.equal(
    cutShortWarning(THOUSAND, { elapsedMs: 1_432, calls: 501 }),
    "Ended by a signal after 501 of 1000 calls",
  );
});

Deno.test("cutShortWarning() says that nothing was measured during the warm-up", () => {
  for (const length of [TEN_SECONDS, THOUSAND]) {
    assert.equal(
      cutShortWarning(length, { elapsedMs: 0, calls: 0 }),
      "Ended by a signal during the warm-up: nothing was measured",
    );
  }
});

Deno.test("cutShortWarning() says nothing of a run that was over", () => {
  assert.equal(cutShortWarning(TEN_SECONDS, { elapsedMs: 10_000, calls: 9 }), undefined);
  assert.equal(cutShortWarning(THOUSAND, { elapsedMs: 3, calls: 1_000 }), undefined);
});
