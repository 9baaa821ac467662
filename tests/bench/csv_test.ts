import assert from "node:assert/strict";
import { formatCsv } from "../../lib/bench/csv.ts";

Deno.test("formatCsv() writes a head and a row for each second", () => {
  const series = [
    { second: 0, calls: 1000, errors: 2, p50Ms: 0.42, p99Ms: 12 },
    { second: 1, calls: 0, errors: 0, p50Ms: 0, p99Ms: 0 },
    { second: 2, calls: 7, errors: 7, p50Ms: 0.000001, p99Ms: 1500.25 },
  ];
  assert.equal(
    formatCsv({ series }),
    "second,calls,errors,p50_ms,p99_ms\r\n" +
      "0,1000,2,0.42,12\r\n" +
      "1,0,0,,\r\n" +
      "2,7,7,0.000001,1500.25\r\n",
  );
});

Deno.test("formatCsv() writes the head of a run without seconds", () => {
  assert.equal(formatCsv({ series: [] }), "second,calls,errors,p50_ms,p99_ms\r\n");
});

Deno.test("formatCsv() keeps the zeros of round numbers", () => {
  const [, row] = formatCsv({
    series: [{ second: 10, calls: 100, errors: 0, p50Ms: 100, p99Ms: 20.5 }],
  })
    .split("\r\n");
  assert.equal(row, "10,100,0,100,20.5");
});
