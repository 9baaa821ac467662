import assert from "node:assert/strict";
import {
  modelServerProto,
  type PredictResponse,
} from "../../../lib/services/modelserver_contract.ts";
import { PredictResponseCodec } from "../../../lib/services/predict_response_codec.ts";
import { mutant } from "../mutation.ts";
import { parseNaively } from "../naive_wire.ts";
import { type FuzzTarget, isRangeError, valueOrError } from "../target.ts";

const codec = new PredictResponseCodec();
const encoded = new Uint8Array(300_000);
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

const reference = modelServerProto.method<"unary", unknown, PredictResponse>(
  "ModelServer",
  "Predict",
  "unary",
).response;

const COMPARED_ONE_IN = 4;
/** The wire type of each field. */
const TYPES: Readonly<Record<number, number>> = { 1: 5, 2: 0, 3: 2 };

/**
 * A PredictResponse: the codec reads what stands there, as proto-loader does where that reads as
 * protobuf says, or gives a RangeError; and what it writes it reads again.
 */
export const predictResponse: FuzzTarget = {
  name: "predict-response",
  share: 24,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const outcome = valueOrError(() => codec.decode(input, 0, input.length), isRangeError);
    const response = "value" in outcome ? outcome.value : undefined;
    if (input.length % COMPARED_ONE_IN === 0) compare(input, response);
    if (response === undefined) return;
    const bytesMax = codec.encodedBytesMax(response);
    const end = codec.encode(response, encoded, 1);
    assert.ok(end - 1 <= bytesMax, `${end - 1} bytes, ${bytesMax} announced`);
    assertEqual(codec.decode(encoded, 1, end), response);
  },
};

function compare(input: Uint8Array, response: PredictResponse | undefined): void {
  const message = parseNaively(input);
  if (message === undefined) return assert.equal(response, undefined, "of what is no message");
  assert.ok(response !== undefined, "a message that was refused");
  const fields = message.fields.filter(({ number, type }) => TYPES[number] === type);
  const last = (number: number) => fields.findLast((field) => field.number === number);
  const float = last(1)?.bytes.slice().buffer;
  assertEqual(response, {
    output: float === undefined ? 0 : new Float32Array(float)[0],
    "cache_hit": last(2)?.truthy ?? false,
    error: decoder.decode(last(3)?.bytes ?? new Uint8Array(0)),
  });
  const hasForeign = message.fields.some(({ number, type }) =>
    number in TYPES && TYPES[number] !== type
  );
  // Elsewhere protobufjs reads otherwise than protobuf says; so it does bytes that are no UTF-8.
  if (hasForeign || message.hasLongVarint || response.error.includes("\ufffd")) return;
  if (fields.some(({ number, low, truthy }) => number === 2 && truthy && low === 0)) return;
  assertEqual(reference.decode(input, 0, input.length), response);
}

function assertEqual(found: PredictResponse, expected: PredictResponse): void {
  if (!Object.is(found.output, expected.output)) assert.equal(found.output, expected.output);
  assert.equal(found.cache_hit, expected.cache_hit);
  assert.equal(found.error, expected.error);
}

const SEEDS = [
  { output: 14.5, "cache_hit": true, error: "" },
  { output: -0, "cache_hit": false, error: "" },
  { output: 0, "cache_hit": false, error: "Cannot predict: 3 inputs, 10 coefficients" },
  { output: NaN, "cache_hit": true, error: "ä€𝄞\ufeff\0".repeat(30) },
].map((response) => {
  const bytes = new Uint8Array(codec.encodedBytesMax(response));
  return bytes.slice(0, codec.encode(response, bytes, 0));
}).concat([
  Uint8Array.of(0x10, 0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 0x1a, 1, 0x41),
  Uint8Array.of(0x0d, 0, 0, 0x80, 0x3f, 0x10, 0x80, 0x80, 1, 0x1a, 2, 0xc3, 0xa4, 0x20, 7),
  Uint8Array.of(0x13, 0x08, 1, 0x14, 0x1a, 1, 0x41, 0x0d, 0, 0, 0, 0x80, 0x29, 1, 2, 3, 4, 5, 6, 7),
]);
