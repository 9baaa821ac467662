import assert from "node:assert/strict";
import { Metadata, type MetadataValue } from "../../../lib/grpc/metadata.ts";
import { readCallHead } from "../../../lib/grpc/request_head.ts";
import { ServiceRegistry } from "../../../lib/grpc/service.ts";
import { Code, GrpcError } from "../../../lib/grpc/status.ts";
import { HeaderField, type HeaderList } from "../../../lib/http2/hpack/header_field.ts";
import { ErrorCode, Http2Error } from "../../../lib/http2/http2_error.ts";
import {
  parseRequestHead,
  parseResponseHead,
  parseTrailers,
} from "../../../lib/http2/message_head.ts";
import { echo } from "../../grpc/test_server.ts";
import { join } from "../../http2/wire.ts";
import { mutant } from "../mutation.ts";
import { Script } from "../script.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

const STREAM_ID = 7;
const registry = new ServiceRegistry().add(echo.unary, (note) => note);

/**
 * A header section, a field behind the other with their lengths before them, as a request, as a
 * response and as trailers: heads or errors of the stream. A request's gRPC is a call, a refusal with
 * a status, or a plain answer; its metadata is INTERNAL or travels on unchanged.
 */
export const requestHead: FuzzTarget = {
  name: "request-head",
  share: 4,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const fields = fieldsOf(new Script(input));
    valueOrError(() => parseResponseHead(STREAM_ID, fields), isStreamError);
    valueOrError(() => parseTrailers(STREAM_ID, fields), isStreamError);
    checkMetadata(fields);
    const outcome = valueOrError(() => parseRequestHead(STREAM_ID, fields), isStreamError);
    if (!("value" in outcome)) return;
    const call = readCallHead(outcome.value, registry);
    if ("body" in call) return assert.ok(call.fields[0].name === ":status");
    assert.equal(outcome.value.method, "POST");
    const { route, timeoutMs } = call;
    assert.ok(timeoutMs === undefined || timeoutMs >= 0 && timeoutMs <= 99_999_999 * 3_600_000);
    if (!(route instanceof GrpcError)) return assert.equal(outcome.value.path, echo.unary.path);
    assert.ok(route.code === Code.UNIMPLEMENTED || route.code === Code.INTERNAL, `${route}`);
  },
};

function checkMetadata(fields: HeaderList): void {
  const outcome = valueOrError(() => Metadata.fromFields(fields), isInternal);
  if (!("value" in outcome)) return;
  const entries = outcome.value.entries();
  const again = Metadata.fromFields(outcome.value.toFields()).entries();
  assert.equal(again.length, entries.length);
  for (let i = 0; i < entries.length; i++) {
    const [key, value] = entries[i];
    assert.equal(again[i][0], key);
    assert.equal(show(again[i][1]), show(value));
    const sent = valueOrError(() => new Metadata().append(key, value), isTypeError);
    if ("value" in sent) assert.equal(sent.value.get(key), value);
  }
}

function show(value: MetadataValue): string {
  return typeof value === "string" ? value : value.toHex();
}

function fieldsOf(script: Script): HeaderField[] {
  const fields: HeaderField[] = [];
  while (script.more) {
    const name = script.octets(script.byte());
    fields.push(new HeaderField(name, script.octets(script.byte())));
  }
  return fields;
}

function isStreamError(error: unknown): error is Http2Error {
  return error instanceof Http2Error && error.scope === "stream" &&
    error.code === ErrorCode.PROTOCOL_ERROR && error.streamId === STREAM_ID;
}

function isInternal(error: unknown): error is GrpcError {
  return error instanceof GrpcError && error.code === Code.INTERNAL;
}

function isTypeError(error: unknown): error is TypeError {
  return error instanceof TypeError && error.message.startsWith("Cannot add metadata");
}

const octets = (text: string) => Uint8Array.from(text, (unit) => unit.charCodeAt(0));
const seed = (...pairs: readonly (readonly [string, string])[]) =>
  join(...pairs.flatMap(([name, value]) => [
    [name.length],
    octets(name),
    [value.length],
    octets(value),
  ]));

const REQUEST = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", echo.unary.path],
  [":authority", "a:1"],
  ["te", "trailers"],
  ["content-type", "application/grpc+proto"],
] as const;

const SEEDS = [
  seed(...REQUEST),
  seed(...REQUEST, ["grpc-timeout", "99999999H"], ["grpc-encoding", "identity"]),
  seed(...REQUEST, ["grpc-timeout", "1n"], ["grpc-accept-encoding", "gzip"], [
    "content-length",
    "9",
  ]),
  seed(...REQUEST, ["k-bin", "AAEC/w"], ["k-bin", "AAE=,AAEC"], ["k", "a b"], ["k_-.9", "!~"]),
  seed(...REQUEST, ["grpc-encoding", "gzip"], ["cookie", "a=b"], ["authorization", "x"]),
  seed(...REQUEST, ["content-length", "9"], ["content-length", "9"], ["connection", "close"]),
  seed([":method", "GET"], [":scheme", "https"], [":path", "/"]),
  seed([":method", "CONNECT"], [":authority", "a:1"]),
  seed([":status", "200"], ["content-type", "application/grpc"], ["grpc-status", "0"]),
  seed(["grpc-status", "13"], ["grpc-message", "a%20b%"], ["x-bin", ""]),
];
