import assert from "node:assert/strict";
import {
  Code,
  decodeStatusMessage,
  encodeStatusMessage,
  GrpcError,
  parseCode,
} from "../../../lib/grpc/status.ts";
import { formatTimeout, parseTimeout } from "../../../lib/grpc/timeout.ts";
import { WireReader, writeVarint } from "../../../lib/protobuf/wire.ts";
import { mutant } from "../mutation.ts";
import { Script } from "../script.ts";
import { type FuzzTarget, isRangeError, valueOrError } from "../target.ts";

const TIMEOUT = /^[0-9]{1,8}[HMSmun]$/;
const PRINTABLE = /^[ -~]*$/;
const STATUS_MESSAGE_CHARS_MAX = 1_024;
/** What rounding up a timeout below a second adds at most: 1 in the fewest digits of a unit, or 1 ns. */
const TIMEOUT_GAIN_MAX = 1.000_02;
const HOUR_MS = 3_600_000;
const reader = new WireReader();
const bytes = new Uint8Array(16);

/**
 * Single values of the wire, of the kind that the first byte chooses: a grpc-timeout, a grpc-message,
 * a grpc-status, a varint. Any text reads without harm, and what is written reads as it was.
 */
export const fieldValues: FuzzTarget = {
  name: "field-values",
  share: 40,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const script = new Script(input);
    switch (script.byte() & 3) {
      case 0:
        return checkTimeout(script);
      case 1:
        return checkMessage(script.rest());
      case 2:
        return checkVarint(script);
      default: {
        const text = script.octets(4);
        const code = parseCode(text);
        assert.ok(code >= Code.OK && code <= Code.UNAUTHENTICATED, `code ${code}`);
        assert.ok(code === Code.UNKNOWN || Number(text) === code, `code ${code} of ${text}`);
      }
    }
  },
};

function checkTimeout(script: Script): void {
  const ms = script.uint32() * 2 ** (script.byte() % 64 - 40);
  const read = parseTimeout(formatTimeout(ms));
  assert.ok(read >= Math.min(ms, 99_999_999 * HOUR_MS) * (1 - 1e-12), `${read} ms of ${ms}`);
  assert.ok(ms >= 1_000 || read <= ms * TIMEOUT_GAIN_MAX + 1.1e-6, `${read} ms of ${ms}`);
  const text = script.octets(40);
  const outcome = valueOrError(() => parseTimeout(text), isInternal);
  assert.equal("value" in outcome, TIMEOUT.test(text), text);
}

function checkMessage(octets: Uint8Array): void {
  const text = String.fromCharCode(...octets.subarray(0, 2_000));
  const decoded = decodeStatusMessage(text);
  assert.ok(decoded.length <= text.length, "a message that grows");
  const encoded = encodeStatusMessage(text);
  assert.ok(PRINTABLE.test(encoded), "an encoded message that is not printable");
  assert.equal(decodeStatusMessage(encoded), text.slice(0, STATUS_MESSAGE_CHARS_MAX));
  assert.equal(
    decodeStatusMessage(encodeStatusMessage(decoded)),
    decoded.slice(0, STATUS_MESSAGE_CHARS_MAX).toWellFormed(),
  );
}

function checkVarint(script: Script): void {
  const value = script.uint32();
  reader.reset(bytes, 1, writeVarint(value, bytes, 1));
  assert.equal(reader.readVarint32(), value);
  assert.ok(!reader.more);
  const rest = script.take(12);
  reader.reset(rest, 0, rest.length);
  const outcome = valueOrError(() => reader.readVarint32(), isRangeError);
  assert.ok(!("value" in outcome) || reader.at <= rest.length && reader.at <= 10);
}

function isInternal(error: unknown): error is GrpcError {
  return error instanceof GrpcError && error.code === Code.INTERNAL;
}

const seed = (kind: number, numbers: readonly number[], text: string) =>
  Uint8Array.from([kind, ...numbers, ...Array.from(text, (unit) => unit.charCodeAt(0))]);

const SEEDS = [
  seed(0, [0, 0, 0, 1, 40], "1S"),
  seed(0, [0xff, 0xff, 0xff, 0xff, 60], "99999999H"),
  seed(0, [0, 1, 2, 3, 20], "00000001n"),
  seed(1, [], "Cannot predict: 3 inputs"),
  seed(1, [], "a%20b%C3%A4%f0%9d%84%9e%%4"),
  seed(1, [0xc3, 0xa4, 0, 0xff, 0xe2], "%zz%ff%c3"),
  seed(2, [0, 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1], ""),
  seed(2, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f], ""),
  seed(3, [], "16"),
];
