import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeInteger, encodeInteger, INTEGER_MAX } from "../../../lib/http2/hpack/integer.ts";
import { Http2Error } from "../../../lib/http2/http2_error.ts";
import { fromHex } from "./octets.ts";

function decode(hex: string): number {
  const bytes = fromHex(hex);
  return decodeInteger({ bytes, offset: 0, end: bytes.length }, 5);
}

Deno.test("decodeInteger(encodeInteger(x)) is x, within 6 octets and beside its pattern", () => {
  const value = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: INTEGER_MAX }));
  fc.assert(
    fc.property(value, fc.integer({ min: 1, max: 8 }), (value, prefixBits) => {
      const output = new Uint8Array(10);
      const pattern = (0xff << prefixBits) & 0xff;
      const end = encodeInteger(value, prefixBits, pattern, output, 2);
      assert.ok(end <= 2 + 5);
      assert.equal(output[2] & pattern, pattern);
      const cursor = { bytes: output, offset: 2, end };
      assert.equal(decodeInteger(cursor, prefixBits), value);
      assert.equal(cursor.offset, end);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("decodeInteger() accepts integers to 2^28, with padding to 5 continuation octets", () => {
  assert.equal(decode("1f 80 80 80 80 00"), 31);
  assert.equal(decode("1f e1 ff ff 7f"), INTEGER_MAX);
});

Deno.test("decodeInteger() rejects what is too large, too long or cut short", async (t) => {
  const cases = ["1f e2 ff ff 7f", "1f ff ff ff ff 7f", "1f 80 80 80 80 80 00", "1f", "1f 80", ""];
  for (const hex of cases) {
    await t.step(hex, () => assert.throws(() => decode(hex), Http2Error));
  }
});

Deno.test("encodeInteger() rejects what no peer would accept", () => {
  for (const value of [-1, NaN, INTEGER_MAX + 1]) {
    assert.throws(() => encodeInteger(value, 5, 0, new Uint8Array(10), 0), RangeError);
  }
});
