import assert from "node:assert/strict";
import lock from "../../deno.lock" with { type: "text" };
import { lockedVersion } from "../../tasks/unread_files.ts";

const LOCK = {
  version: "5",
  specifiers: {},
  npm: {
    "once@1.0.0": {},
    "once-more@2.0.0": {},
    "peer@3.0.0_once@1.0.0": {},
    "a@1.0.0": {},
    "a@2.0.0": {},
  },
};

Deno.test("lockedVersion() tells the version of a package that is locked once", () => {
  assert.equal(lockedVersion(LOCK, "once"), "1.0.0");
  assert.equal(lockedVersion(LOCK, "peer"), "3.0.0");
  const message = (count: number) => new RegExp(`the lock file has ${count} of it$`);
  assert.throws(() => lockedVersion(LOCK, "a"), message(2));
  assert.throws(() => lockedVersion(LOCK, "none"), message(0));
});

Deno.test("lockedVersion() finds what the binaries leave files out of", () => {
  for (const name of ["@types/node", "onnxruntime-web", "swagger-ui-dist", "zod"]) {
    assert.match(lockedVersion(JSON.parse(lock), name), /^\d+\.\d+\.\d+$/);
  }
});
