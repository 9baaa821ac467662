import assert from "node:assert/strict";
import docs from "../../docs/invocation.md" with { type: "text" };
import { STORE_FLAGS } from "../../lib/cli/store_flags.ts";

Deno.test("docs/invocation.md has every flag of the store, its variable and its default", () => {
  const rows = docs.split("\n").map((line) => line.split("|").map((cell) => cell.trim()));
  const told = rows.filter(([, flag]) => flag?.startsWith("`--")).map((row) => row.slice(1, 4));
  assert.deepEqual(
    told,
    STORE_FLAGS.map(({ name, variable, fallback }) => [
      `\`${name}\``,
      `\`${variable}\``,
      fallback === undefined ? "—" : `\`${fallback}\``,
    ]),
  );
});
