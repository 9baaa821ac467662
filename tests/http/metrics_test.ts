import assert from "node:assert/strict";
import { formatMetrics } from "../../lib/http/metrics.ts";
import { madeStatistics } from "./fake_backend.ts";
import { hasPythonModule } from "../support/python.ts";
import { runPython } from "./python_peer.ts";
import { TestApp } from "./test_http.ts";

const ODD = 'a\\"b\nc';

const made = () =>
  formatMetrics({
    models: [madeStatistics(), madeStatistics({ name: ODD, version: "1" })],
    counters: { connectionsOpened: 12 },
    version: "1.2.3",
  });

/** Samples by their whole left side, as strictly as the format allows. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const families = new Map<string, string>();
  let family = "";
  let helped = "";
  assert.ok(text.endsWith("\n"));
  for (const line of text.slice(0, -1).split("\n")) {
    const help = /^# HELP ([a-z_]+) .+$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge|histogram|summary)$/.exec(line);
    if (help !== null) {
      helped = help[1];
    } else if (type !== null) {
      family = type[1];
      assert.equal(helped, family);
      assert.ok(!families.has(family), `${family} is begun twice`);
      families.set(family, type[2]);
    } else {
      const sample =
        /^([a-z_]+)((?:\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})?) ([-+.\dInfNae]+)$/
          .exec(line);
      assert.ok(sample !== null, line);
      const [, name, labels, value] = sample;
      const suffixes = {
        counter: [""],
        gauge: [""],
        histogram: ["_bucket", "_sum", "_count"],
        summary: ["_sum", "_count"],
      }[families.get(family) ?? ""] ?? [];
      assert.ok(suffixes.includes(name.slice(family.length)) && name.startsWith(family), line);
      assert.ok(!samples.has(name + labels), line);
      if (families.get(family) === "counter") assert.ok(name.endsWith("_total"), line);
      samples.set(name + labels, Number(value.replace("+Inf", "Infinity")));
    }
  }
  return samples;
}

Deno.test("formatMetrics() tells every figure of a version", () => {
  const samples = parse(made());
  const of = (name: string, labels = "") =>
    samples.get(`modelserver_${name}{model="echo",version="3"${labels}}`);
  const expected: [string, string, number][] = [
    ["requests_total", ',outcome="success"', 7],
    ["requests_total", ',outcome="failure"', 1],
    ["cache_requests_total", ',result="hit"', 3],
    ["cache_requests_total", ',result="miss"', 4],
    ["cache_requests_total", ',result="coalesced"', 2],
    ["rows_total", "", 9],
    ["batches_total", "", 4],
    ["rejected_total", "", 5],
    ["expired_total", "", 6],
    ["instances_replaced_total", "", 1],
    ["queue_seconds_total", "", 0.0005],
    ["compute_seconds_total", "", 0.00425],
    ["queue_length", "", 1],
    ["instances", "", 2],
    ["last_inference_timestamp_seconds", "", 1_700_000_000.123],
    ["request_duration_seconds_bucket", ',le="0.001"', 2],
    ["request_duration_seconds_bucket", ',le="0.01"', 7],
    ["request_duration_seconds_bucket", ',le="+Inf"', 8],
    ["request_duration_seconds_sum", "", 0.0105],
    ["request_duration_seconds_count", "", 8],
    ["batch_rows_bucket", ',le="1"', 2],
    ["batch_rows_bucket", ',le="2"', 2],
    ["batch_rows_bucket", ',le="4"', 4],
    ["batch_rows_bucket", ',le="+Inf"', 4],
    ["batch_rows_sum", "", 9],
    ["recorded_sum", ',statistic="tokens \\"é\\"\\n"', 30],
    ["recorded_max", ',statistic="tokens \\"é\\"\\n"', 20],
  ];
  for (const [name, labels, value] of expected) {
    assert.equal(of(name, labels), value, name + labels);
  }
  assert.equal(samples.get("modelserver_connections_opened_total"), 12);
  assert.equal(samples.get('modelserver_build_info{version="1.2.3"}'), 1);
  assert.equal(samples.get('modelserver_queue_length{model="a\\\\\\"b\\nc",version="1"}'), 1);
});

Deno.test("formatMetrics() without models is well-formed", () => {
  assert.equal(parse(formatMetrics({ models: [], counters: {}, version: "1" })).size, 1);
});

Deno.test("/metrics is text format 0.0.4", async () => {
  const response = await new TestApp().get("/metrics");
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(parse(await response.text()).get("modelserver_calls_ok_total"), 11);
});

Deno.test({
  name: "prometheus_client reads the metrics",
  ignore: !hasPythonModule("prometheus_client"),
}, async () => {
  await runPython("read_metrics.py", [], made());
});
