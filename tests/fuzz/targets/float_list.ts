import assert from "node:assert/strict";
import { ProtoFile } from "../../../lib/grpc/proto_service.ts";
import { FloatListCodec } from "../../../lib/protobuf/float_list.ts";
import { join } from "../../http2/wire.ts";
import { mutant } from "../mutation.ts";
import { parseNaively } from "../naive_wire.ts";
import { type FuzzTarget, isRangeError, valueOrError } from "../target.ts";

const reference = new ProtoFile(`
  syntax = "proto3";
  message Floats { repeated float values = 1; }
  service S { rpc M(Floats) returns (Floats); }
`).method<"unary", { values: number[] }, unknown>("S", "M", "unary").request;

/** One for all inputs, as a thread has one for all calls. */
const codec = new FloatListCodec();
const encoded = new Uint8Array(300_000);

/** What floats are compared with is slow: an input in so many is. */
const COMPARED_ONE_IN = 4;

/**
 * A message of floats: the codec gives the floats that stand there, as proto-loader does where that
 * reads as protobuf says, or a RangeError; and what it writes it reads again.
 */
export const floatList: FuzzTarget = {
  name: "float-list",
  share: 20,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const outcome = valueOrError(() => codec.decode(input, 0, input.length), isRangeError);
    const values = "value" in outcome ? outcome.value.slice() : undefined;
    if (input.length % COMPARED_ONE_IN === 0) compare(input, values);
    if (values === undefined) return;
    assert.ok(values.length * 4 <= input.length, "more floats than bytes");
    const end = codec.encode(values, encoded, 3);
    assert.equal(end - 3, codec.encodedBytes(values.length));
    assertSame(codec.decode(encoded, 3, end), values);
  },
};

function compare(input: Uint8Array, values: Float32Array | undefined): void {
  const message = parseNaively(input);
  const own =
    message?.fields.filter(({ number, type }) => number === 1 && (type === 2 || type === 5)) ?? [];
  if (message === undefined || own.some(({ bytes }) => bytes.length % 4 !== 0)) {
    return assert.equal(values, undefined, "floats of what is no message");
  }
  assert.ok(values !== undefined, "a message that was refused");
  assertSame(values, new Float32Array(join(...own.map(({ bytes }) => bytes)).buffer));
  const foreign = message.fields.some(({ number, type }) =>
    number === 1 && type !== 2 && type !== 5
  );
  // protobufjs takes field 1 of any type for floats, and ten bytes for each varint of over five.
  if (foreign || message.hasLongVarint) return;
  assertSame(values, Float32Array.from(reference.decode(input, 0, input.length).values));
}

/** `-0` is another number than 0. */
function assertSame(found: Float32Array, expected: Float32Array): void {
  assert.equal(found.length, expected.length);
  for (let i = 0; i < found.length; i++) {
    if (!Object.is(found[i], expected[i])) assert.equal(found[i], expected[i]);
  }
}

const floats = (count: number) =>
  new Uint8Array(Float32Array.from({ length: count }, (_, i) => i / 3 - 1).buffer);

const LONG_VARINT = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];

const SEEDS = [
  join([0x10], LONG_VARINT, [0x0a, 4], floats(1), [0x18], LONG_VARINT),
  join([0x0a, 40], floats(10)),
  join([0x0a, 0xc0, 2], floats(80)),
  join([0x0a, 0x80, 0x20], floats(1_024)),
  join([0x0d], floats(1), [0x0a, 12], floats(3), [0x0d], floats(1)),
  join([0x10, 0xff, 0xff, 3, 0x0a, 4], floats(1), [0x1a, 3, 1, 2, 3, 0x25], floats(1)),
  join([0x2b, 0x0d], floats(1), [0x13, 0x14, 0x2c, 0x0a, 4], floats(1)),
  join([0xf8, 0xff, 0xff, 0xff, 0x0f, 1, 0x11], floats(2), [0x0a, 0]),
];
