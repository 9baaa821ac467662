import assert from "node:assert/strict";
import { mayRunPrograms } from "../support/permissions.ts";
import { startPool } from "../support/running_pool.ts";

/**
 * The conformance suite of HTTP/2 servers, `github.com/summerwind/h2spec/cmd/h2spec`, where it is on
 * the PATH. `.ci/run` builds it where Go is there.
 */
async function isInstalled(): Promise<boolean> {
  if (!mayRunPrograms) return false;
  try {
    return (await new Deno.Command("h2spec", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

Deno.test({
  name: "h2spec passes every case in strict mode",
  ignore: !await isInstalled(),
}, async () => {
  await using server = await startPool();
  const args = ["--host", "127.0.0.1", "--port", `${server.port}`, "--strict", "--timeout", "2"];
  const { stdout } = await new Deno.Command("h2spec", { args }).output();
  const text = new TextDecoder().decode(stdout);
  const summary = /^(\d+) tests, (\d+) passed, (\d+) skipped, (\d+) failed$/m.exec(text);
  assert.ok(summary !== null, text);
  const [, tests, passed] = summary;
  assert.ok(Number(tests) >= 146, summary[0]);
  assert.equal(passed, tests, text);
});
