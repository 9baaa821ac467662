import assert from "node:assert/strict";
import { SPAN_QUEUE_MAX } from "../../lib/limits.ts";
import { readTraceSettings, type TraceSettings } from "../../lib/telemetry/trace_settings.ts";
import { asksForTraces, TELEMETRY_VARIABLES } from "../../lib/telemetry/variables.ts";

type Environment = Readonly<Record<string, string>>;

const reader = (env: Environment) => (name: string) => {
  assert.ok((TELEMETRY_VARIABLES as readonly string[]).includes(name), `${name} is not listed`);
  return env[name];
};

const DEFAULTS: TraceSettings = {
  destination: { kind: "otlp", url: "http://localhost:4318/v1/traces", headers: [] },
  resource: { "service.name": "s" },
  sampler: { parentBased: true, ratio: 1 },
  queueMax: 2_048,
  batchMax: 512,
  delayMs: 5_000,
  timeoutMs: 10_000,
};

const otlp = (url: string, headers: [string, string][] = []) => ({
  destination: { kind: "otlp" as const, url, headers },
});

Deno.test("asksForTraces() goes by exporter, endpoints and the switch", () => {
  for (
    const [env, asks] of [
      [{}, false],
      [{ OTEL_TRACES_EXPORTER: "" }, false],
      [{ OTEL_SERVICE_NAME: "s", OTEL_TRACES_SAMPLER: "always_on" }, false],
      [{ OTEL_TRACES_EXPORTER: "otlp" }, true],
      [{ OTEL_TRACES_EXPORTER: "console" }, true],
      [{ OTEL_TRACES_EXPORTER: "none", OTEL_EXPORTER_OTLP_ENDPOINT: "http://c" }, false],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c" }, true],
      [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c" }, true],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_SDK_DISABLED: "True" }, false],
      [{ OTEL_EXPORTER_OTLP_ENDPOINT: "http://c", OTEL_SDK_DISABLED: "1" }, true],
    ] as const
  ) {
    assert.equal(asksForTraces(reader(env as Environment)), asks, JSON.stringify(env));
  }
});

Deno.test("readTraceSettings() reads what is right", () => {
  const table: readonly (readonly [Environment, Partial<TraceSettings>])[] = [
    [{}, {}],
    [{ OTEL_TRACES_EXPORTER: "console" }, { destination: { kind: "console" } }],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: "https://c:1/a/" }, otlp("https://c:1/a/v1/traces")],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c/t" }, otlp("http://c/t")],
    [
      { OTEL_EXPORTER_OTLP_HEADERS: "a=1, b = x%20y,", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" },
      otlp("http://localhost:4318/v1/traces", [["a", "1"], ["b", "x y"]]),
    ],
    [
      { OTEL_EXPORTER_OTLP_HEADERS: "a=1", OTEL_EXPORTER_OTLP_TRACES_HEADERS: "b=2" },
      otlp("http://localhost:4318/v1/traces", [["b", "2"]]),
    ],
    [{ OTEL_RESOURCE_ATTRIBUTES: "service.name=r,k=v" }, {
      resource: { "service.name": "r", k: "v" },
    }],
    [{ OTEL_RESOURCE_ATTRIBUTES: "service.name=r", OTEL_SERVICE_NAME: "n" }, {
      resource: { "service.name": "n" },
    }],
    [{ OTEL_TRACES_SAMPLER: "always_off" }, { sampler: { parentBased: false, ratio: 0 } }],
    [{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" }, {
      sampler: { parentBased: false, ratio: 0.25 },
    }],
    [{ OTEL_TRACES_SAMPLER: "parentbased_traceidratio" }, {
      sampler: { parentBased: true, ratio: 1 },
    }],
    [{ OTEL_BSP_MAX_QUEUE_SIZE: "7", OTEL_BSP_SCHEDULE_DELAY: "9" }, {
      queueMax: 7,
      batchMax: 7,
      delayMs: 9,
    }],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: "50", OTEL_BSP_EXPORT_TIMEOUT: "40" }, { timeoutMs: 40 }],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: "50", OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: "60" }, {
      timeoutMs: 60,
    }],
  ];
  for (const [env, wanted] of table) {
    assert.deepEqual(readTraceSettings(reader(env), "s"), {
      settings: { ...DEFAULTS, ...wanted },
      warnings: [],
    }, JSON.stringify(env));
  }
});

Deno.test("readTraceSettings() warns of what is wrong, and repeats no value", () => {
  const secret = "s3cret";
  const table: readonly (readonly [Environment, Partial<TraceSettings> | undefined])[] = [
    [{ OTEL_TRACES_EXPORTER: secret }, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: secret }, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: `ftp://${secret}` }, undefined],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, {}],
    [{ OTEL_EXPORTER_OTLP_HEADERS: secret }, {}],
    [{ OTEL_EXPORTER_OTLP_HEADERS: `a=${secret}%` }, {}],
    [{ OTEL_EXPORTER_OTLP_HEADERS: `a b=${secret}` }, {}],
    [{ OTEL_EXPORTER_OTLP_HEADERS: `a=${secret}%0a` + "x" }, {}],
    [{ OTEL_TRACES_SAMPLER: secret }, {}],
    [{ OTEL_TRACES_SAMPLER: "__proto__" }, {}],
    [{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "2" }, {
      sampler: { parentBased: false, ratio: 1 },
    }],
    [{ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: secret }, {
      sampler: { parentBased: false, ratio: 1 },
    }],
    [{ OTEL_BSP_MAX_QUEUE_SIZE: "0" }, {}],
    [{ OTEL_BSP_SCHEDULE_DELAY: "1.5" }, {}],
    [{ OTEL_BSP_MAX_QUEUE_SIZE: "1e9" }, { queueMax: SPAN_QUEUE_MAX }],
  ];
  for (const [env, wanted] of table) {
    const { settings, warnings } = readTraceSettings(reader(env), "s");
    assert.deepEqual(settings, wanted && { ...DEFAULTS, ...wanted }, JSON.stringify(env));
    assert.equal(warnings.length, 1, JSON.stringify(env));
    assert.ok(!warnings[0].includes(secret), warnings[0]);
  }
});
