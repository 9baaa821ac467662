import assert from "node:assert/strict";
import type { Codec } from "../../../lib/grpc/codec.ts";
import { decodeMessage } from "../../../lib/grpc/decode_message.ts";
import { Code, GrpcError } from "../../../lib/grpc/status.ts";
import {
  modelServerProto,
  type PredictResponse,
  type SetCoefsResponse,
} from "../../../lib/services/modelserver_contract.ts";
import { echo, type Note } from "../../grpc/test_server.ts";
import { join } from "../../http2/wire.ts";
import { mutant } from "../mutation.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

const CODECS: readonly Codec<unknown>[] = [
  echo.unary.request as Codec<unknown>,
  modelServerProto.method("ModelServer", "SetCoefs", "unary").response,
  modelServerProto.method("ModelServer", "Predict", "unary").response,
];

/**
 * Messages that proto-loader reads, of the type that the first byte chooses: a message or INTERNAL,
 * and what is written of it reads as the same message.
 */
export const protoMessage: FuzzTarget = {
  name: "proto-message",
  share: 8,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    if (input.length === 0) return;
    const codec = CODECS[input[0] % CODECS.length];
    const outcome = valueOrError(() => decode(codec, input, 1, input.length), isInternal);
    if (!("value" in outcome)) return;
    const message = outcome.value;
    const bytes = encode(codec, message);
    // Bytes that are no UTF-8 become characters that read otherwise the second time.
    const text = Object.values(message as Note).find((value) => typeof value === "string");
    if (text !== undefined && !isStable(text)) return;
    assert.deepEqual(decode(codec, bytes, 0, bytes.length), message);
  },
};

function decode(codec: Codec<unknown>, bytes: Uint8Array, start: number, end: number): unknown {
  return decodeMessage(codec, bytes, start, end, "request");
}

function encode(codec: Codec<unknown>, message: unknown): Uint8Array {
  const bytes = new Uint8Array(codec.encodedBytesMax(message));
  const end = codec.encode(message, bytes, 0);
  return bytes.subarray(0, end);
}

function isStable(text: string): boolean {
  return text.isWellFormed() && !text.includes("\ufffd");
}

function isInternal(error: unknown): error is GrpcError {
  return error instanceof GrpcError && error.code === Code.INTERNAL;
}

const NOTES: readonly Note[] = [
  { text: "hello", body: Uint8Array.of(1, 2, 3), count: 7 },
  { text: "ä€𝄞".repeat(20), count: -1 },
  { body: new Uint8Array(300) },
];
const SET: SetCoefsResponse = { success: false, error: "Cannot set coefficients: NaN" };
const PREDICTED: PredictResponse = { output: 1.5, "cache_hit": true, error: "" };

const SEEDS = [
  ...NOTES.map((note) => join([0], encode(CODECS[0], note))),
  join([1], encode(CODECS[1], SET)),
  join([2], encode(CODECS[2], PREDICTED)),
  join([0, 0x1b, 0x08, 1, 0x1c, 0x18], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
];
