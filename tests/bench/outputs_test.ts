import assert from "node:assert/strict";
import { OUTPUTS } from "../../lib/bench/outputs.ts";
import { benchReportSchema } from "../../lib/bench/report_schema.ts";
import { distributionOf, reportOf } from "./report_fixture.ts";

Deno.test("OUTPUTS.json is the report, and fits its schema", () => {
  const report = reportOf({ hits: distributionOf([1]), misses: distributionOf([]) });
  const text = OUTPUTS.json(report);
  assert.deepEqual(JSON.parse(text), report);
  assert.deepEqual(benchReportSchema.parse(JSON.parse(text)), report);
  assert.ok(text.endsWith("}\n"));
});

Deno.test("benchReportSchema refuses other reports", async (t) => {
  const cases: [string, object][] = [
    ["the version before", { ...reportOf(), schema: "modelserver-bench/1" }],
    ["a field too many", { ...reportOf(), extra: 1 }],
    ["half of what a server tells", { ...reportOf(), server: { queue: null } }],
    ["a missing field", { ...reportOf(), calls: undefined }],
    ["a negative time", { ...reportOf(), elapsedMs: -1 }],
  ];
  for (const [what, report] of cases) {
    await t.step(what, () => assert.ok(!benchReportSchema.safeParse(report).success));
  }
});

Deno.test("OUTPUTS.table has the server's own times, coalesced calls, and each of several workloads", () => {
  const fast = distributionOf([0.012]);
  const text = OUTPUTS.table(reportOf({
    hits: distributionOf([1, 2, 3]),
    misses: distributionOf([4, 5, 6, 7]),
    coalesced: distributionOf([8]),
    server: { queue: fast, compute: distributionOf([1, 2]), cache: null },
    workloads: [
      { workload: "random", weight: 3, calls: 8, errors: [], latency: distributionOf([1, 2]) },
      {
        workload: "w.json",
        weight: 1,
        calls: 2,
        errors: [{ code: "UNAVAILABLE", count: 1 }, { code: "CANCELLED", count: 1 }],
        latency: distributionOf([]),
      },
    ],
  }));
  assert.ok(
    text.includes(`
hits 37.5 %       1.00  2.00  2.00  3.00  3.00   3.00    3.00  3.00
misses 50 %       4.00  5.50  5.00  7.00  7.00   7.00    7.00  7.00
coalesced 12.5 %  8.00  8.00  8.00  8.00  8.00   8.00    8.00  8.00

server, ms       min    mean     p50     p90     p99   p99.9  p99.99     max
queue 10 %    0.0120  0.0120  0.0120  0.0120  0.0120  0.0120  0.0120  0.0120
compute 20 %    1.00    1.50    1.00    2.00    2.00    2.00    2.00    2.00

workload  share  calls  p50 ms  p99 ms  errors
random     80 %      8    1.00    2.00       0
w.json     20 %      2       –       –       2
`),
    text,
  );
});

Deno.test("OUTPUTS.table of a closed loop has one row of latencies, and none of errors", () => {
  assert.equal(
    OUTPUTS.table(reportOf()),
    `predict on 127.0.0.1:5440, closed loop over 8 connections, 1 call at once on each, 2 threads, seed 7

10 calls in 10 s: 1 calls/s answered
1 234 bytes sent, 56 789 bytes received

ms        min  mean   p50   p90   p99  p99.9  p99.99   max
latency  1.00  5.50  5.00  9.00  10.0   10.0    10.0  10.0

no errors
`,
  );
});

Deno.test("OUTPUTS.table of an open loop tells due from sent, hits from misses, errors and warnings", () => {
  const { options } = reportOf();
  const text = OUTPUTS.table(reportOf({
    options: {
      ...options,
      loop: "open",
      inflight: null,
      ratePerSecond: 1_000,
      arrivals: "poisson",
      connections: 1,
      threads: 1,
    },
    offeredPerSecond: 1_234_567,
    achievedPerSecond: 999.6,
    service: distributionOf([0.0123]),
    hits: distributionOf([1, 2, 3]),
    misses: distributionOf([1_000]),
    errors: [{ code: "UNAVAILABLE", count: 1_234 }, { code: "INTERNAL", count: 5 }],
    warnings: ["Mind this", "And that"],
  }));
  assert.equal(
    text,
    `predict on 127.0.0.1:5440, open loop of 1000 calls/s (poisson) over 1 connection, 1 thread, seed 7

10 calls in 10 s: 1 234 567 calls/s offered, 1 000 calls/s answered
1 234 bytes sent, 56 789 bytes received

ms              min    mean     p50     p90     p99   p99.9  p99.99     max
from due       1.00    5.50    5.00    9.00    10.0    10.0    10.0    10.0
from sent    0.0123  0.0123  0.0123  0.0123  0.0123  0.0123  0.0123  0.0123
hits 75 %      1.00    2.00    2.00    3.00    3.00    3.00    3.00    3.00
misses 25 %   1 000   1 000   1 000   1 000   1 000   1 000   1 000   1 000

errors
UNAVAILABLE  1 234
INTERNAL         5

! Mind this
! And that
`,
  );
});
