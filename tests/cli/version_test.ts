import assert from "node:assert/strict";
import { VERSION } from "../../lib/cli/version.ts";

Deno.test("VERSION is a semantic version", () => {
  assert.match(VERSION, /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/);
});
