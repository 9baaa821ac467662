import { setImmediate } from "node:timers";
import { SPAN_TEXT_CHARS_MAX, TRACE_STATE_CHARS_MAX } from "../limits.ts";
import type { CallOrigin } from "../inference/infer.ts";
import type { InferenceRecord } from "./inference_record.ts";
import { newSpanId } from "./span_ids.ts";

/** Numbers of the protocol. Source: opentelemetry-proto, trace/v1/trace.proto. */
const KIND_INTERNAL = 1;
const KIND_SERVER = 2;
const STATUS_ERROR = 2;

const NANOSECONDS_PER_MS = 1_000_000;

/** Shorter stages get no span: less than this is `server-timing`'s 0. */
const STAGE_MS_MIN = 0.000_5;

type AttributeValue = string | number;

/** What is the same in all that a thread exports. */
export interface SpanScope {
  readonly resource: Readonly<Record<string, string>>;
  readonly version: string;
  /** Undefined for a model that is not served any more. */
  readonly platformOf: (model: string, version: string | undefined) => string | undefined;
}

/**
 * The inferences' spans as the body of an export.
 *
 * Each has a span of kind SERVER, and below it one for each stage of which it was told how long it took:
 * `cache`, `queue` and `compute`. Only their durations are measured: they stand one behind the other at the
 * end of the inference, where they belong but for what lies between them.
 *
 * Cost: some microseconds for each inference, few of them in a turn.
 *
 * Source: OTLP 1.x, "JSON Protobuf Encoding": ids in hex, 64-bit integers as text, enums as numbers.
 */
export async function encodeSpans(
  records: readonly InferenceRecord[],
  { resource, version, platformOf }: SpanScope,
): Promise<string> {
  const parts: string[] = [];
  for (let i = 0; i < records.length; i += RECORDS_PER_TURN) {
    if (i > 0) await nextTurn();
    const spans = records.slice(i, i + RECORDS_PER_TURN)
      .flatMap((record) => spansOf(record, platformOf));
    parts.push(JSON.stringify(spans).slice(1, -1));
  }
  const scope = JSON.stringify({ name: "modelserver", version });
  const about = JSON.stringify({ attributes: attributes(resource) });
  return `{"resourceSpans":[{"resource":${about},"scopeSpans":[{"scope":${scope},"spans":[` +
    `${parts.join(",")}]}]}]}`;
}

/** Calls on this thread wait no longer for spans than this many take: a fraction of a millisecond. */
const RECORDS_PER_TURN = 16;

function nextTurn(): Promise<void> {
  // A timer would come two milliseconds later, and an export of many turns too late.
  return new Promise((resolve) => setImmediate(() => resolve()));
}

function spansOf(record: InferenceRecord, platformOf: SpanScope["platformOf"]) {
  const { traceId, spanId, parent, failure, startMs, endMs } = record;
  const server = {
    traceId,
    spanId,
    ...(parent === undefined ? {} : { parentSpanId: parent.spanId, flags: REMOTE_PARENT }),
    ...stateOf(record),
    name: nameOf(record),
    kind: KIND_SERVER,
    startTimeUnixNano: unixNanoseconds(startMs),
    endTimeUnixNano: unixNanoseconds(endMs),
    attributes: attributes(attributesOf(record, platformOf)),
    ...(failure === undefined
      ? {}
      : { status: { code: STATUS_ERROR, message: shortened(failure.message) } }),
  };
  return [server, ...stagesOf(record)];
}

/** Flags: sampled, and whether the parent is another process's, which is known. Source: trace.proto. */
const REMOTE_PARENT = 0x301;

/** Of a model that is not there the name is anybody's: the span's would have no end of values. */
function nameOf({ model, failure }: InferenceRecord): string {
  return failure?.type === "not-found" ? "infer" : shortened(`infer ${model}`);
}

function stateOf({ parent, origin }: InferenceRecord) {
  const state = origin?.tracestate;
  if (parent === undefined || !state || state.length > TRACE_STATE_CHARS_MAX) return {};
  return { traceState: state };
}

function attributesOf(record: InferenceRecord, platformOf: SpanScope["platformOf"]) {
  const { model, version, rows, answer, failure, origin } = record;
  return {
    ...originAttributes(origin),
    "modelserver.model.name": model,
    "modelserver.model.version": version,
    "modelserver.model.platform": platformOf(model, version),
    "modelserver.batch.rows": rows,
    "modelserver.cache": answer?.cache,
    "error.type": failure?.type,
  };
}

/** Source: OpenTelemetry semantic conventions, "RPC" and "HTTP". */
function originAttributes(origin: CallOrigin | undefined): Record<string, string> {
  if (origin === undefined) return {};
  if (origin.protocol === "http") {
    return { "http.request.method": "POST", "http.route": origin.path };
  }
  const [, service, method] = origin.path.split("/");
  return { "rpc.system": "grpc", "rpc.service": service, "rpc.method": method };
}

function stagesOf({ traceId, spanId, answer, startMs, endMs }: InferenceRecord) {
  if (answer === undefined) return [];
  const { cacheMs, queueMs, computeMs } = answer.timing;
  const spans = [];
  let untilMs = endMs;
  for (
    const [name, ms] of [["compute", computeMs], ["queue", queueMs], ["cache", cacheMs]] as const
  ) {
    if (ms < STAGE_MS_MIN) continue;
    // One that has joined another's computation was not there for all of it.
    const fromMs = Math.max(startMs, untilMs - ms);
    spans.unshift({
      traceId,
      spanId: newSpanId(),
      parentSpanId: spanId,
      name,
      kind: KIND_INTERNAL,
      startTimeUnixNano: unixNanoseconds(fromMs),
      endTimeUnixNano: unixNanoseconds(untilMs),
      attributes: attributes({ "modelserver.duration_ms": ms }),
    });
    untilMs = fromMs;
  }
  return spans;
}

/** @param ms on the clock of `performance.now()` */
function unixNanoseconds(ms: number): string {
  const unixMs = performance.timeOrigin + ms;
  const wholeMs = Math.floor(unixMs);
  const rest = Math.floor((unixMs - wholeMs) * NANOSECONDS_PER_MS);
  // As text: the sum is more than a double holds exactly.
  return `${wholeMs}${String(rest).padStart(6, "0")}`;
}

function attributes(values: Readonly<Record<string, AttributeValue | undefined>>) {
  return Object.entries(values).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: attributeValue(value) }]
  );
}

function attributeValue(value: AttributeValue) {
  if (typeof value === "string") return { stringValue: shortened(value) };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

function shortened(text: string): string {
  return text.length <= SPAN_TEXT_CHARS_MAX ? text : `${text.slice(0, SPAN_TEXT_CHARS_MAX - 1)}…`;
}
