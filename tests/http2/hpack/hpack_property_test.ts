import assert from "node:assert/strict";
import fc from "fast-check";
import { HpackDecoder } from "../../../lib/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../lib/http2/hpack/encoder.ts";
import { HeaderField, type HeaderList } from "../../../lib/http2/hpack/header_field.ts";
import { HeaderListTooLargeError } from "../../../lib/http2/hpack/header_list_too_large_error.ts";
import { STATIC_FIELDS } from "../../../lib/http2/hpack/static_table.ts";
import { ErrorCode, Http2Error } from "../../../lib/http2/http2_error.ts";
import { decodeBlock, encodeBlock, fieldsOf, tableOf } from "./octets.ts";

const LIST_BYTES_MAX = 16_384;

const octets = fc.string({ unit: fc.nat({ max: 255 }).map((octet) => String.fromCharCode(octet)) });
const name = fc.oneof(
  fc.constantFrom("a", "grpc-status", "grpc-timeout", ":path", "cookie", "content-type"),
  octets,
);
const value = fc.oneof(
  fc.constantFrom("", "0", "/", "application/grpc", "/?", "v".repeat(500), "v".repeat(3500)),
  octets,
);
const field = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...STATIC_FIELDS) },
  {
    weight: 4,
    arbitrary: fc.tuple(name, value, fc.nat({ max: 9 })).map(([name, value, chance]) =>
      new HeaderField(name, value, { sensitive: chance === 0 })
    ),
  },
);

/** What comes back: HPACK keeps `sensitive` too, so it is compared with the rest. */
function plain(list: HeaderList): unknown[] {
  return list.map(({ name, value, sensitive, bytes }) => ({ name, value, sensitive, bytes }));
}

Deno.test("HpackDecoder.decode(HpackEncoder.encode(x)) is x over a connection's life", () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ list: fc.nat({ max: 9 }) }) },
    { weight: 1, arbitrary: fc.record({ resize: fc.constantFrom(0, 40, 100, 300, 4096, 9000) }) },
  );
  const lists = fc.array(fc.array(field, { maxLength: 12 }), { minLength: 10, maxLength: 10 });
  const bound = fc.constantFrom(0, 64, 256, 4096, 8192);
  fc.assert(
    fc.property(bound, lists, fc.array(step, { size: "large" }), (bound, lists, steps) => {
      const encoder = new HpackEncoder(bound);
      const decoder = new HpackDecoder(9000, 1 << 20);
      for (const step of steps) {
        if ("resize" in step) {
          encoder.setTableBytesMax(step.resize);
          continue;
        }
        const block = encodeBlock(encoder, lists[step.list]);
        assert.deepEqual(plain(decodeBlock(decoder, block)), plain(lists[step.list]));
        assert.ok(tableOf(decoder).every((field) => !field.sensitive));
      }
    }),
    { numRuns: 200 },
  );
});

/** Decodes with a fresh table of one entry; whatever is wrong with the block must be our own error. */
function assertFieldsOrOurError(block: Uint8Array): void {
  const decoder = new HpackDecoder(4096, LIST_BYTES_MAX);
  decoder.decode(Uint8Array.of(0x40, 1, 0x61, 1, 0x62), 0, 5);
  try {
    const fields = decodeBlock(decoder, block);
    assert.ok(fields.reduce((sum, field) => sum + field.bytes, 0) <= LIST_BYTES_MAX);
  } catch (error) {
    if (error instanceof HeaderListTooLargeError) return;
    assert.ok(error instanceof Http2Error, `unexpected ${error}`);
    assert.equal(error.code, ErrorCode.COMPRESSION_ERROR);
  }
}

Deno.test("HpackDecoder.decode() of random octets gives fields or one of its errors", () => {
  const block = fc.uint8Array({ maxLength: 64, size: "max" });
  fc.assert(fc.property(block, assertFieldsOrOurError), { numRuns: 30_000 });
});

Deno.test("HpackDecoder.decode() of mutated blocks gives fields or one of its errors", () => {
  const valid = fc.array(field, { minLength: 1, maxLength: 6 }).map((list) =>
    encodeBlock(new HpackEncoder(4096), list)
  );
  const mutations = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(valid, mutations, (block, mutations) => {
      for (const [at, octet] of mutations) block[at % block.length] = octet;
      assertFieldsOrOurError(block);
    }),
    { numRuns: 3000 },
  );
});

Deno.test("HpackDecoder.decode() of a block cut short gives the fields before the cut or fails", () => {
  const list = [
    ...fieldsOf(":method: POST", ":path: /inference/Predict", "te: trailers", "te: trailers"),
    new HeaderField("authorization", "secret \u00ff\u0000", { sensitive: true }),
    ...fieldsOf("grpc-timeout: 1000m", `x: ${"\u0001".repeat(200)}`),
  ];
  const encoder = new HpackEncoder(256);
  const block = encodeBlock(encoder, list);
  const wholeFields = new Set<number>();
  for (let end = 0; end <= block.length; end++) {
    const decoder = new HpackDecoder(4096, LIST_BYTES_MAX);
    try {
      const fields = decoder.decode(block, 0, end);
      assert.deepEqual(plain(fields), plain(list.slice(0, fields.length)));
      wholeFields.add(fields.length);
    } catch (error) {
      assert.ok(error instanceof Http2Error);
      assert.equal(error.code, ErrorCode.COMPRESSION_ERROR);
    }
  }
  assert.equal(wholeFields.size, list.length + 1);
});
