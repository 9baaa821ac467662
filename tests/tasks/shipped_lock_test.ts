import assert from "node:assert/strict";
import { shippedLock } from "../../tasks/shipped_lock.ts";

const LOCK = {
  version: "5",
  specifiers: {
    "npm:@scope/shipped@1.0.0": "1.0.0",
    "npm:tested@2.0.0": "2.0.0_peer@1.0.0",
    "npm:tested-too@1.0.0": "1.0.0",
  },
  npm: {
    "@scope/shipped@1.0.0": { integrity: "a", dependencies: ["both@1.0.0", "circle"] },
    "tested@2.0.0_peer@1.0.0": { integrity: "b", dependencies: ["both@2.0.0", "peer"] },
    "tested-too@1.0.0": { integrity: "c", dependencies: ["circle"] },
    "both@1.0.0": { integrity: "d" },
    "both@2.0.0": { integrity: "e" },
    "circle@1.0.0": { integrity: "f", optionalPeers: ["@scope/shipped"] },
    "peer@1.0.0": { integrity: "g" },
  },
  workspace: { dependencies: ["npm:tested@2.0.0"] },
};

Deno.test("shippedLock() leaves packages out, and what they alone depend on", () => {
  const { specifiers, npm, ...rest } = shippedLock(LOCK, ["tested", "tested-too"]);
  assert.deepEqual(specifiers, { "npm:@scope/shipped@1.0.0": "1.0.0" });
  const { "@scope/shipped@1.0.0": shipped, "both@1.0.0": both, "circle@1.0.0": circle } = LOCK.npm;
  assert.deepEqual(npm, {
    "@scope/shipped@1.0.0": shipped,
    "both@1.0.0": both,
    "circle@1.0.0": circle,
  });
  assert.deepEqual(rest, { version: "5", workspace: LOCK.workspace });
});

Deno.test("shippedLock() leaves nothing out when nothing is to be", () => {
  assert.deepEqual(shippedLock(LOCK, []), LOCK);
});

Deno.test("shippedLock() does not take a package for one whose name starts alike", () => {
  assert.ok("tested-too@1.0.0" in shippedLock(LOCK, ["tested"]).npm);
});

Deno.test("shippedLock() refuses a lock file that it does not understand", () => {
  const npm = { ...LOCK.npm, "peer@1.0.0": { integrity: "g", dependencies: ["unknown"] } };
  assert.throws(() => shippedLock({ ...LOCK, npm }, []), /Cannot find unknown/);
});
