import assert from "node:assert/strict";
import page from "../../docs/bench-report.md" with { type: "text" };
import { parseReport } from "../../lib/bench/report_file.ts";
import { reportOf } from "./report_fixture.ts";

const FILE = "docs/bench-report.md";

/** The example of the page. */
function example(): string {
  const [, json] = /```json\n(.*?)```/s.exec(page) ?? [];
  assert.ok(json !== undefined, `${FILE} has no example`);
  return json;
}

Deno.test("docs/bench-report.md has an example that is a report", () => {
  const report = parseReport(example(), FILE);
  const { calls, errors, latency, series } = report;
  const failed = errors.reduce((sum, { count }) => sum + count, 0);
  assert.equal(latency.count + failed, calls);
  assert.equal(series.reduce((sum, second) => sum + second.calls, 0), calls);
});

Deno.test("docs/bench-report.md tells what each field of a report is", () => {
  const told = new Set(
    [...page.matchAll(/^\| (.*?) \|/gm)].flatMap(([, names]) =>
      [...names.matchAll(/`([^`]+)`/g)].map(([, name]) => name.split(".")[0])
    ),
  );
  assert.deepEqual(Object.keys(reportOf()).filter((name) => !told.has(name)), []);
});
