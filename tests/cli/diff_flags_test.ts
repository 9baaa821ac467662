import assert from "node:assert/strict";
import { parseDiffFlags } from "../../lib/cli/diff_flags.ts";
import { EXIT_SUCCESS, EXIT_USAGE } from "../../lib/cli/parse_outcome.ts";

Deno.test("parseDiffFlags() reads two files and what fails", async (t) => {
  const cases: readonly (readonly [args: readonly string[], failOver: number | null])[] = [
    [["a.json", "b.json"], null],
    [["a.json", "b.json", "--fail-over", "5%"], 0.05],
    [["--fail-over=0%", "a.json", "b.json"], 0],
    [["a.json", "b.json", "--fail-over", "never"], null],
  ];
  for (const [args, failOver] of cases) {
    await t.step(args.join(" "), () => {
      const flags = { before: "a.json", after: "b.json", failOver };
      assert.deepEqual(parseDiffFlags(args), { kind: "run", flags });
    });
  }
});

Deno.test("parseDiffFlags() says what is wrong", async (t) => {
  const cases: readonly (readonly [args: readonly string[], message: string])[] = [
    [["a.json"], "missing required argument 'AFTER'"],
    [["a", "b", "c"], 'unexpected argument "c", expected at most 2 beside the flags'],
    [
      ["a", "b", "--fail-over", "5"],
      '--fail-over is "5", expected a percentage such as 5%, or never',
    ],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), () => {
      const outcome = parseDiffFlags(args);
      assert.ok(outcome.kind === "exit" && outcome.code === EXIT_USAGE);
      assert.equal(outcome.stderr.split("\n")[0], `client bench diff: ${message}`);
    });
  }
});

Deno.test("parseDiffFlags() has a help", () => {
  const outcome = parseDiffFlags(["--help"]);
  assert.ok(outcome.kind === "exit" && outcome.code === EXIT_SUCCESS);
  assert.match(outcome.stdout, /^Usage: client bench diff \[options\] <BEFORE> <AFTER>\n/);
});
