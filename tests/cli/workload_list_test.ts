import assert from "node:assert/strict";
import fc from "fast-check";
import { parseWorkloadList, type WorkloadName } from "../../lib/cli/workload_list.ts";

const named = (name: string, weight = 1): WorkloadName => ({ name, weight, isFile: false });
const quoted = (name: string, weight = 1): WorkloadName => ({ name, weight, isFile: true });

Deno.test("parseWorkloadList() reads names, weights and quotes", async (t) => {
  const cases: readonly (readonly [text: string, expected: readonly WorkloadName[]])[] = [
    ["random", [named("random")]],
    ["random:3,numstore:1,w.json:2", [named("random", 3), named("numstore"), named("w.json", 2)]],
    ["a.json:0.5,b.json", [named("a.json", 0.5), named("b.json")]],
    ["a:b.json:2", [named("a:b.json", 2)]],
    ["C:\\loads\\w.json", [named("C:\\loads\\w.json")]],
    ["./12:30/w.json:4", [named("./12:30/w.json", 4)]],
    ['"a,b:7":2,random', [quoted("a,b:7", 2), named("random")]],
    ['"random",random', [quoted("random"), named("random")]],
    ['"say ""hi"".json"', [quoted('say "hi".json')]],
  ];
  for (const [text, expected] of cases) {
    await t.step(text, () => assert.deepEqual(parseWorkloadList(text, "--workload"), expected));
  }
});

Deno.test("parseWorkloadList() reads back any name that is in quotes", () => {
  const name = fc.string({ minLength: 1 });
  const weight = fc.integer({ min: 1, max: 1e6 });
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 1, maxLength: 5 }), weight, (names, weight) => {
      const text = names.map((name) => `"${name.replaceAll('"', '""')}":${weight}`).join();
      const expected = names.map((name) => quoted(name, weight));
      assert.deepEqual(parseWorkloadList(text, "--workload"), expected);
    }),
  );
});

Deno.test("parseWorkloadList() says what is wrong, and the rule", async (t) => {
  const rule =
    /expected NAME or NAME:WEIGHT, with commas between several; a file's name with a comma, /;
  const cases: readonly (readonly [text: string, found: RegExp, needed: RegExp])[] = [
    ["random:0", /with the weight "0": /, /; a weight is a number from 0\.001 to 1000000$/],
    ["random:-1", /with the weight "-1": /, rule],
    ["random:", /with the weight "": /, rule],
    ["random:x,numstore", /with the weight "x": /, rule],
    ["w.json:1e3", /with the weight "1e3": /, rule],
    ["C:w.json", /with the weight "w\.json": /, rule],
    ['"w.json":x', /with the weight "x": /, rule],
    ["random,", /with a workload without a name: /, rule],
    [",", /with a workload without a name: /, rule],
    [":3", /with a workload without a name: /, rule],
    ['"w.json', /with a quote that is out of place: /, rule],
    ['a"b', /with a quote that is out of place: /, rule],
    ['""', /with a quote that is out of place: /, rule],
    ['"a"b', /with a quote that is out of place: /, rule],
    ["random:1,random:2", /with "random" twice: /, /expected each workload once$/],
    [
      Array.from({ length: 17 }, (_, i) => `${i}.json`).join(),
      /with more than 16 workloads: /,
      /expected at most 16$/,
    ],
  ];
  for (const [text, found, needed] of cases) {
    await t.step(text.slice(0, 40), () => {
      assert.throws(() => parseWorkloadList(text, "--workload"), (error: Error) => {
        assert.ok(error.message.startsWith(`--workload is ${JSON.stringify(text)}, `));
        assert.match(error.message, found);
        assert.match(error.message, needed);
        return true;
      });
    });
  }
});
