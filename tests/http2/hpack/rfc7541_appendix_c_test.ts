import assert from "node:assert/strict";
import { HpackDecoder } from "../../../lib/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../lib/http2/hpack/encoder.ts";
import { decodeInteger, encodeInteger } from "../../../lib/http2/hpack/integer.ts";
import { decodeBlock, encodeBlock, fieldsOf, fromHex, linesOf, tableOf } from "./octets.ts";
import {
  CODED_REQUESTS,
  CODED_RESPONSES,
  type Example,
  PLAIN_REQUESTS,
  PLAIN_RESPONSES,
  REPRESENTATIONS,
} from "./rfc7541_appendix_c.ts";

const LIST_BYTES_MAX = 16_384;

function assertDecodes(decoder: HpackDecoder, example: Example): void {
  assert.deepEqual(linesOf(decodeBlock(decoder, fromHex(example.block))), example.list);
  const table = tableOf(decoder);
  assert.deepEqual(linesOf(table), example.table);
  assert.equal(table.reduce((bytes, field) => bytes + field.bytes, 0), example.tableBytes);
}

Deno.test("decodeInteger() and encodeInteger() agree with RFC 7541 C.1", async (t) => {
  const cases = [
    { section: "C.1.1", value: 10, prefixBits: 5, hex: "0a" },
    { section: "C.1.2", value: 1337, prefixBits: 5, hex: "1f 9a 0a" },
    { section: "C.1.3", value: 42, prefixBits: 8, hex: "2a" },
  ];
  for (const { section, value, prefixBits, hex } of cases) {
    await t.step(section, () => {
      const bytes = fromHex(hex);
      assert.equal(decodeInteger({ bytes, offset: 0, end: bytes.length }, prefixBits), value);
      const output = new Uint8Array(8);
      const end = encodeInteger(value, prefixBits, 0, output, 0);
      assert.deepEqual(output.subarray(0, end), bytes);
    });
  }
});

Deno.test("HpackDecoder.decode() agrees with RFC 7541 C.2", async (t) => {
  for (const example of REPRESENTATIONS) {
    await t.step(example.section, () => {
      assertDecodes(new HpackDecoder(4096, LIST_BYTES_MAX), example);
    });
  }
});

const SEQUENCES = [
  { section: "C.3", tableBytes: 4096, examples: PLAIN_REQUESTS },
  { section: "C.4", tableBytes: 4096, examples: CODED_REQUESTS },
  { section: "C.5", tableBytes: 256, examples: PLAIN_RESPONSES },
  { section: "C.6", tableBytes: 256, examples: CODED_RESPONSES },
];

for (const { section, tableBytes, examples } of SEQUENCES) {
  Deno.test(`HpackDecoder.decode() agrees with RFC 7541 ${section}`, async (t) => {
    const decoder = new HpackDecoder(tableBytes, LIST_BYTES_MAX);
    for (const example of examples) {
      await t.step(example.section, () => assertDecodes(decoder, example));
    }
  });
}

Deno.test("HpackEncoder.encode() agrees with RFC 7541 C.4", async (t) => {
  const encoder = new HpackEncoder(4096);
  for (const { section, block, list } of CODED_REQUESTS) {
    await t.step(section, () => {
      assert.deepEqual(encodeBlock(encoder, fieldsOf(...list)), fromHex(block));
    });
  }
});
