import assert from "node:assert/strict";
import { parseReport, readReportFile } from "../../lib/bench/report_file.ts";
import { diffReports } from "../../lib/bench/diff.ts";
import { OperationError } from "../../lib/errors.ts";
import { makeReport } from "./made_report.ts";
import version1 from "./report_version_1.json" with { type: "text" };

Deno.test("parseReport() gives back what JSON.stringify() wrote", () => {
  const closed = makeReport({ seconds: 3 }, { hits: null, misses: null });
  const of = makeReport().latency;
  const split = makeReport({}, {
    coalesced: of,
    server: { queue: null, compute: of, cache: of },
    workloads: [{ workload: "a", weight: 0.5, calls: 1, errors: [], latency: of }],
  });
  for (const report of [makeReport({ failing: 2 }), closed, split]) {
    assert.deepEqual(parseReport(JSON.stringify(report), "a.json"), report);
  }
});

Deno.test("parseReport() reads a report of version 1, which told less", () => {
  const report = parseReport(version1, "old.json");
  const { schema, coalesced, server, workloads, latency, calls } = report;
  assert.deepEqual({ schema, coalesced, server, workloads }, {
    ...{ schema: "modelserver-bench/2", coalesced: null, server: null, workloads: null },
  });
  assert.deepEqual([latency.p99Ms, calls], [1.5, 4]);
  // Whatever it names itself, a report is of one version.
  const mixed = JSON.stringify({ ...JSON.parse(version1), server: null });
  assert.throws(() => parseReport(mixed, "old.json"), /Unrecognized key: "server"/);
  const { changes } = diffReports(report, makeReport());
  assert.ok(changes.some(({ figure }) => figure.name === "latency p99"));
});

Deno.test("parseReport() names the file, the field, what it found and what it needs", async (t) => {
  const report = makeReport();
  const [first] = report.series;
  const cases: readonly (readonly [name: string, text: string, message: RegExp])[] = [
    ["no JSON", "{", /^expected JSON: /],
    ["an empty file", "", /^expected JSON: /],
    ["no report", "[]", /^found no schema, need "modelserver-bench\/2" or "modelserver-bench\/1"$/],
    ["null", "null", /^found no schema, need "modelserver-bench\/2" or "modelserver-bench\/1"$/],
    [
      "another version",
      JSON.stringify({ ...report, schema: "modelserver-bench/3" }),
      /^found schema "modelserver-bench\/3", need "modelserver-bench\/2" or "modelserver-bench\/1"$/,
    ],
    [
      "a text for a number",
      JSON.stringify({ ...report, calls: "many" }),
      /^calls: .*expected number, received string$/,
    ],
    [
      "NaN, which JSON writes as null",
      JSON.stringify({ ...report, series: [first, { ...first, p50Ms: NaN }] }),
      /^series\[1\]\.p50Ms: .*expected number, received null$/,
    ],
    [
      "a negative count",
      JSON.stringify({ ...report, errors: [{ code: "INTERNAL", count: -1 }] }),
      /^errors\[0\]\.count: /,
    ],
    [
      "a missing field",
      JSON.stringify({ ...report, latency: { ...report.latency, curve: undefined } }),
      /^latency\.curve: .*expected array, received undefined$/,
    ],
    [
      "an unknown field",
      JSON.stringify({ ...report, options: { ...report.options, later: 1 } }),
      /^options: .*"later"$/,
    ],
    [
      "an unknown field of all",
      JSON.stringify({ ...report, later: 1 }),
      /^Unrecognized key: "later"$/,
    ],
    [
      "an unknown word",
      JSON.stringify({ ...report, options: { ...report.options, loop: "half" } }),
      /^options\.loop: .*"closed"\|"open"$/,
    ],
  ];
  for (const [name, text, message] of cases) {
    await t.step(name, () => {
      assert.throws(() => parseReport(text, "runs/b.json"), (error) => {
        assert.ok(error instanceof OperationError && error.code === "invalid-argument");
        const [start, reason] = error.message.split(/(?<=b\.json): /, 2);
        assert.equal(start, "Cannot read report runs/b.json");
        assert.match(reason, message);
        return true;
      });
    });
  }
});

const mayReadHere = Deno.permissions.querySync({ name: "read", path: "." }).state === "granted";

Deno.test({
  name: "readReportFile() says that there is no file, or that it is none",
  ignore: !mayReadHere,
}, async () => {
  await assert.rejects(() => readReportFile("no-such.json"), {
    code: "failed-precondition",
    message: "Cannot read report no-such.json: there is no such file",
  });
  await assert.rejects(() => readReportFile("lib"), {
    message: "Cannot read report lib: it is a folder, needs a file",
  });
  await assert.rejects(() => readReportFile("deno.json"), {
    message:
      'Cannot read report deno.json: found no schema, need "modelserver-bench/2" or "modelserver-bench/1"',
  });
});
