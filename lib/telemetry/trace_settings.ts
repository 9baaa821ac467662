import { SPAN_QUEUE_MAX } from "../limits.ts";
import type { Sampler } from "./sampler.ts";
import type { ReadVariable, TelemetryVariable } from "./variables.ts";

/** Where spans go. */
export type SpanDestination =
  | {
    readonly kind: "otlp";
    readonly url: string;
    /** May hold secrets: never told to anybody but the collector. */
    readonly headers: readonly (readonly [string, string])[];
  }
  | { readonly kind: "console" };

/** How a serving thread traces; goes to it by `postMessage`. */
export interface TraceSettings {
  readonly destination: SpanDestination;
  /** What is said of the server itself. */
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: Sampler;
  /** Inferences that wait for export; more are dropped. */
  readonly queueMax: number;
  readonly batchMax: number;
  /** How long an inference waits for others of its batch. */
  readonly delayMs: number;
  /** How long an export may take. */
  readonly timeoutMs: number;
}

/** Settings, and what of the environment was not understood. */
export interface ReadTraceSettings {
  /** Undefined when spans would have nowhere to go. */
  readonly settings: TraceSettings | undefined;
  /** Each names its variable, and repeats no value that may be secret. */
  readonly warnings: readonly string[];
}

const SAMPLERS: Readonly<Record<string, { parentBased: boolean; ratio: number | "argument" }>> = {
  always_on: { parentBased: false, ratio: 1 },
  always_off: { parentBased: false, ratio: 0 },
  traceidratio: { parentBased: false, ratio: "argument" },
  parentbased_always_on: { parentBased: true, ratio: 1 },
  parentbased_always_off: { parentBased: true, ratio: 0 },
  parentbased_traceidratio: { parentBased: true, ratio: "argument" },
};

const DEFAULT_ENDPOINT = "http://localhost:4318";

/**
 * Reads how to trace from the environment; `asksForTraces` has said that it is wanted.
 *
 * Never throws: a server serves whatever its telemetry's variables say. A value that cannot be used is as
 * if it were not there, and warned of.
 *
 * Source: OpenTelemetry Specification, "Environment Variable Specification" and "OTLP Exporter".
 *
 * @param serviceName what the server is called unless a variable says otherwise
 */
export function readTraceSettings(
  readVariable: ReadVariable,
  serviceName: string,
): ReadTraceSettings {
  const warnings: string[] = [];
  // Source: same, "The SDK MUST interpret an empty value of an environment variable as unset".
  const read: ReadVariable = (name) => readVariable(name)?.trim() || undefined;
  const destination = readDestination(read, warnings);
  if (destination === undefined) return { settings: undefined, warnings };
  const number = (name: TelemetryVariable, otherwise: number, most = Infinity) =>
    readNumber(name, read(name), otherwise, { least: 1, most }, warnings);
  const queueMax = number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048, SPAN_QUEUE_MAX);
  const otlpTimeoutMs = number(
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    number("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000, TIMER_MS_MAX),
    TIMER_MS_MAX,
  );
  const settings: TraceSettings = {
    destination,
    resource: readResource(read, serviceName, warnings),
    sampler: readSampler(read, warnings),
    queueMax,
    batchMax: Math.min(queueMax, number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512)),
    delayMs: number("OTEL_BSP_SCHEDULE_DELAY", 5_000, TIMER_MS_MAX),
    timeoutMs: Math.min(otlpTimeoutMs, number("OTEL_BSP_EXPORT_TIMEOUT", 30_000, TIMER_MS_MAX)),
  };
  return { settings, warnings };
}

/** A timer cannot be longer. */
const TIMER_MS_MAX = 2 ** 31 - 1;

function readDestination(read: ReadVariable, warnings: string[]): SpanDestination | undefined {
  const exporter = read("OTEL_TRACES_EXPORTER") ?? "otlp";
  if (exporter === "console") return { kind: "console" };
  if (exporter !== "otlp") {
    warnings.push("OTEL_TRACES_EXPORTER is none of otlp, console and none: no traces");
    return undefined;
  }
  const protocol = read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ??
    read("OTEL_EXPORTER_OTLP_PROTOCOL");
  if (protocol !== undefined && protocol !== "http/json") {
    warnings.push("OTEL_EXPORTER_OTLP_PROTOCOL is not http/json: traces are sent as http/json");
  }
  const traces = read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  const base = read("OTEL_EXPORTER_OTLP_ENDPOINT") ?? DEFAULT_ENDPOINT;
  const url = URL.parse(traces ?? `${base.replace(/\/+$/, "")}/v1/traces`);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    warnings.push("the endpoint of OTLP is not a URL of http or https: no traces");
    return undefined;
  }
  const name = read("OTEL_EXPORTER_OTLP_TRACES_HEADERS") === undefined
    ? "OTEL_EXPORTER_OTLP_HEADERS"
    : "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
  const headers = readPairs(name, read(name), warnings).filter((pair) =>
    isHeader(pair, name, warnings)
  );
  return { kind: "otlp", url: url.href, headers };
}

function isHeader([key, value]: readonly [string, string], name: string, warnings: string[]) {
  try {
    new Headers([[key, value]]);
    return true;
  } catch {
    warnings.push(`${name} has an entry that cannot be a header field: ignored`);
    return false;
  }
}

function readResource(
  read: ReadVariable,
  serviceName: string,
  warnings: string[],
): Record<string, string> {
  const name = "OTEL_RESOURCE_ATTRIBUTES";
  const resource = { "service.name": serviceName };
  const given = Object.fromEntries(readPairs(name, read(name), warnings));
  const service = read("OTEL_SERVICE_NAME");
  return { ...resource, ...given, ...(service === undefined ? {} : { "service.name": service }) };
}

function readSampler(read: ReadVariable, warnings: string[]): Sampler {
  const name = read("OTEL_TRACES_SAMPLER") ?? "parentbased_always_on";
  const found = Object.hasOwn(SAMPLERS, name) ? SAMPLERS[name] : undefined;
  if (found === undefined) {
    warnings.push("OTEL_TRACES_SAMPLER is not a sampler that is known: parentbased_always_on");
    return { parentBased: true, ratio: 1 };
  }
  const { parentBased, ratio } = found;
  if (ratio !== "argument") return { parentBased, ratio };
  const variable = "OTEL_TRACES_SAMPLER_ARG";
  return {
    parentBased,
    ratio: readNumber(variable, read(variable), 1, { least: 0, most: 1 }, warnings),
  };
}

/** @param most greater values are brought down to it, with a warning */
function readNumber(
  name: TelemetryVariable,
  text: string | undefined,
  otherwise: number,
  { least, most }: { readonly least: number; readonly most: number },
  warnings: string[],
): number {
  if (text === undefined) return otherwise;
  const value = Number(text);
  const fits = value >= least && (most <= 1 ? value <= most : Number.isInteger(value));
  if (!fits) {
    warnings.push(`${name} is not a number that can be used: ${otherwise} is used`);
    return otherwise;
  }
  if (value > most) warnings.push(`${name} is more than ${most}: ${most} is used`);
  return Math.min(value, most);
}

/** Pairs `key=value,…`, percent-encoded. Source: W3C Baggage, "Header Content", without properties. */
function readPairs(
  name: string,
  text: string | undefined,
  warnings: string[],
): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (const part of text?.split(",") ?? []) {
    if (part.trim() === "") continue;
    const equals = part.indexOf("=");
    const key = part.slice(0, Math.max(equals, 0)).trim();
    const value = decoded(part.slice(equals + 1).trim());
    if (key === "" || value === undefined) {
      warnings.push(`${name} has an entry that is not key=value: ignored`);
    } else pairs.push([key, value]);
  }
  return pairs;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
