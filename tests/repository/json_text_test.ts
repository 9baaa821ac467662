import assert from "node:assert/strict";
import fc from "fast-check";
import { jsonProblem, parseJsonText } from "../../lib/repository/json_text.ts";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

Deno.test("jsonProblem() finds one in exactly the texts that JSON.parse() refuses", () => {
  const text = fc.json().chain((json) =>
    fc.record({
      at: fc.nat(json.length),
      remove: fc.nat(3),
      insert: fc.string({
        unit: fc.constantFrom(...'{}[],:"\\u0e+-. \n\tntl\u0000'),
        maxLength: 3,
      }),
    }).map(({ at, remove, insert }) => json.slice(0, at) + insert + json.slice(at + remove))
  );
  fc.assert(
    fc.property(text, (text) => {
      assert.equal(jsonProblem(text) === undefined, isJson(text), JSON.stringify(text));
    }),
    { numRuns: 2_000 },
  );
});

Deno.test("jsonProblem() names the place and what is needed there", async (t) => {
  const cases: [string, string][] = [
    ["", "line 1, column 1: found the end of the file, needs a value"],
    ['{"a": 1,}', 'line 1, column 9: found "}", needs a key in double quotes'],
    ['{\n  "a" 1}', 'line 2, column 7: found "1", needs ":"'],
    ["[1, 2", 'line 1, column 6: found the end of the file, needs "," or the end of what is open'],
    ['{"a": nul}', 'line 1, column 7: found "nul", needs a value'],
    ["// a\n{}", 'line 1, column 1: found "/", needs a value'],
    ["{} x", 'line 1, column 4: found "x", needs nothing more'],
    ["[1}", 'line 1, column 3: found "}", needs "," or the end of what is open'],
    ["{a: 1}", 'line 1, column 2: found "a", needs a key in double quotes or "}"'],
  ];
  for (const [text, expected] of cases) {
    await t.step(JSON.stringify(text), () => assert.equal(jsonProblem(text), expected));
  }
});

Deno.test("jsonProblem() does not run out of stack", () => {
  const text = "[".repeat(1_000_000);
  assert.ok("problem" in parseJsonText(text));
  assert.match(jsonProblem(text) ?? "", /column 1000001: found the end of the file/);
});
