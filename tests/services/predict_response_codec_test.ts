import assert from "node:assert/strict";
import fc from "fast-check";
import type { Codec } from "../../lib/grpc/codec.ts";
import { modelServerProto, type PredictResponse } from "../../lib/services/modelserver_contract.ts";
import { PredictResponseCodec } from "../../lib/services/predict_response_codec.ts";

const codec = new PredictResponseCodec();

/** What proto-loader makes of the same message, to compare with. */
const reference = modelServerProto.method<"unary", unknown, PredictResponse>(
  "ModelServer",
  "Predict",
  "unary",
).response;

function encode<Message>(codec: Codec<Message>, message: Message): Uint8Array {
  const bytes = new Uint8Array(codec.encodedBytesMax(message) + 1);
  const end = codec.encode(message, bytes, 1);
  assert.ok(end <= bytes.length, "encodedBytesMax() announced too little");
  return bytes.slice(1, end);
}

function decode(codec: Codec<PredictResponse>, bytes: Uint8Array): PredictResponse {
  return { ...codec.decode(bytes, 0, bytes.length) };
}

/** The message without its fields at defaults, which proto-loader would write. */
function withoutDefaults({ output, cache_hit: cacheHit, error }: PredictResponse): PredictResponse {
  return {
    ...(Object.is(output, 0) ? {} : { output }),
    ...(cacheHit ? { "cache_hit": true } : {}),
    ...(error === "" ? {} : { error }),
  } as PredictResponse;
}

const messages: fc.Arbitrary<PredictResponse> = fc.record({
  output: fc.float({ noNaN: true }),
  "cache_hit": fc.boolean(),
  error: fc.string({ unit: "binary", maxLength: 300 }),
}, { noNullPrototype: true });

Deno.test("PredictResponseCodec writes a message as proto-loader does without its defaults", () => {
  fc.assert(fc.property(messages, (message) => {
    assert.deepEqual(encode(codec, message), encode(reference, withoutDefaults(message)));
  }));
});

Deno.test("PredictResponseCodec and proto-loader read what either has written", () => {
  fc.assert(fc.property(messages, (message) => {
    for (const writer of [codec, reference]) {
      const bytes = encode<PredictResponse>(writer, message);
      assert.deepEqual(decode(codec, bytes), message);
      assert.deepEqual(decode(reference, bytes), message);
    }
  }));
});

Deno.test("PredictResponseCodec keeps a byte order mark, and writes a lone surrogate as U+FFFD", () => {
  for (const [error, read] of [["\ufeffa", "\ufeffa"], ["a\ud800", "a\ufffd"]]) {
    const bytes = encode(codec, { output: 0, "cache_hit": false, error });
    assert.equal(decode(codec, bytes).error, read);
  }
});

Deno.test("PredictResponseCodec takes the last of several occurrences, and skips unknown fields", () => {
  const bytes = Uint8Array.from([
    ...[0x0d, 0, 0, 0x80, 0x3f],
    ...[0x10, 1],
    ...[0x1a, 1, 0x61],
    ...[0x22, 2, 1, 2],
    ...[0x2b, 0x08, 1, 0x2c],
    ...[0x1a, 2, 0x62, 0x63],
    ...[0x10, 0],
    ...[0x0d, 0, 0, 0, 0x40],
  ]);
  const expected = { output: 2, "cache_hit": false, error: "bc" };
  assert.deepEqual(decode(codec, bytes), expected);
  assert.deepEqual(decode(reference, bytes), expected);
});

Deno.test("PredictResponseCodec reads a bool of any varint", async (t) => {
  const cases: [name: string, varint: number[], value: boolean][] = [
    ["0", [0], false],
    ["0 in three bytes", [0x80, 0x80, 0], false],
    ["2", [2], true],
    ["2^7", [0x80, 1], true],
    ["2^40", [0x80, 0x80, 0x80, 0x80, 0x80, 0x20], true],
    ["-1", [...new Array(9).fill(0xff), 1], true],
  ];
  for (const [name, varint, value] of cases) {
    await t.step(name, () => {
      assert.equal(decode(codec, Uint8Array.from([0x10, ...varint])).cache_hit, value);
    });
  }
});

Deno.test("PredictResponseCodec refuses a message that was cut where proto-loader does", () => {
  fc.assert(fc.property(messages, fc.nat(), (message, cut) => {
    const bytes = encode(codec, message);
    const part = bytes.slice(0, cut % (bytes.length + 1));
    const outcomeOf = (codec: Codec<PredictResponse>) => {
      try {
        return decode(codec, part);
      } catch {
        return undefined;
      }
    };
    assert.deepEqual(outcomeOf(codec), outcomeOf(reference));
  }));
});

Deno.test("PredictResponseCodec makes a message or a RangeError of any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        decode(codec, bytes);
      } catch (error) {
        assert.ok(error instanceof RangeError, `${error}`);
      }
    }),
    { numRuns: 2_000 },
  );
});
