import assert from "node:assert/strict";
import { mayRunPrograms } from "../support/permissions.ts";

Deno.test({
  name: "writeProblem() keeps to one line what a peer or a file name may hold",
  ignore: !mayRunPrograms,
}, async () => {
  const file = new URL("../../lib/cli/exit.ts", import.meta.url);
  const code = `import { writeProblem } from "${file}";
    writeProblem("client", "a\\nb\\u001b[31m\\u0000\\u009b" + "x".repeat(5_000));`;
  const { stderr } = await new Deno.Command(Deno.execPath(), { args: ["eval", code] }).output();
  const text = new TextDecoder().decode(stderr);
  assert.ok(text.startsWith("client: a\\nb\\u001b[31m\\u0000\\u009bxxx"), text.slice(0, 80));
  assert.equal(text.indexOf("\n"), text.length - 1);
  assert.ok(text.length < 1_100);
});
