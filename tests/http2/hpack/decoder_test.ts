import assert from "node:assert/strict";
import { HpackDecoder } from "../../../lib/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../lib/http2/hpack/encoder.ts";
import { HeaderField } from "../../../lib/http2/hpack/header_field.ts";
import { HeaderListTooLargeError } from "../../../lib/http2/hpack/header_list_too_large_error.ts";
import { STATIC_FIELDS } from "../../../lib/http2/hpack/static_table.ts";
import { ErrorCode, Http2Error } from "../../../lib/http2/http2_error.ts";
import { decodeBlock, encodeBlock, fieldsOf, fromHex, linesOf, tableOf } from "./octets.ts";

const LIST_BYTES_MAX = 16_384;

function assertCompressionError(decoder: HpackDecoder, block: Uint8Array): void {
  assert.throws(() => decodeBlock(decoder, block), (error) => {
    assert.ok(error instanceof Http2Error);
    assert.equal(error.code, ErrorCode.COMPRESSION_ERROR);
    assert.equal(error.scope, "connection");
    return true;
  });
}

Deno.test("HpackDecoder.decode() rejects malformed blocks", async (t) => {
  const cases: [what: string, hex: string][] = [
    ["index 0", "80"],
    ["an index past the static table", "be"],
    ["a name index past the static table", "7e 00"],
    ["a large index", "ff ff ff ff 7f"],
    ["an index cut short", "ff"],
    ["an index that never ends", "ff 80 80 80 80 80 80 00"],
    ["a literal without a value", "44"],
    ["a literal without a name", "40"],
    ["a name longer than the block", "40 03 61 62"],
    ["a value longer than the block", "44 03 61 62"],
    ["a value of 256 MiB", "44 7f 81 ff ff 7f"],
    ["a coded value that is padding", "44 81 ff"],
    ["a size update above the limit", "3f e2 1f"],
    ["a size update after a field", "82 20"],
    ["three size updates", "20 20 20"],
    ["a size update cut short", "3f"],
  ];
  for (const [what, hex] of cases) {
    await t.step(what, () => {
      assertCompressionError(new HpackDecoder(4096, LIST_BYTES_MAX), fromHex(hex));
    });
  }
});

Deno.test("HpackDecoder.decode() reads from start to before end only", () => {
  const decoder = new HpackDecoder(4096, LIST_BYTES_MAX);
  const bytes = fromHex("00 82 86 44 01 61 ff");
  assert.deepEqual(linesOf(decoder.decode(bytes, 1, 3)), [":method: GET", ":scheme: http"]);
  assert.deepEqual(decoder.decode(bytes, 3, 3), []);
  assert.throws(() => decoder.decode(bytes, 3, 5), Http2Error);
  assert.throws(() => decoder.decode(bytes, 3, 8), RangeError);
  assert.throws(() => decoder.decode(bytes, 3, 2), RangeError);
});

Deno.test("HpackDecoder.decode() keeps nothing of the caller's buffer", () => {
  const decoder = new HpackDecoder(4096, LIST_BYTES_MAX);
  const block = fromHex("40 0161 0162");
  const fields = decodeBlock(decoder, block);
  block.fill(0);
  assert.deepEqual(linesOf(fields), ["a: b"]);
  assert.deepEqual(linesOf(tableOf(decoder)), ["a: b"]);
});

Deno.test("HpackDecoder.decode() gives one object for every reference to an entry", () => {
  const decoder = new HpackDecoder(4096, LIST_BYTES_MAX);
  const [inserted, again, fixed] = decodeBlock(decoder, fromHex("40 0161 0162 be 82"));
  assert.equal(again, inserted);
  assert.equal(fixed, STATIC_FIELDS[1]);
  assert.equal(decodeBlock(decoder, fromHex("be"))[0], inserted);
});

Deno.test("HpackDecoder.decode() marks never-indexed literals as sensitive and no others", () => {
  const decoder = new HpackDecoder(4096, LIST_BYTES_MAX);
  const fields = decodeBlock(decoder, fromHex("10 0161 0162 00 0161 0162 40 0161 0162 82"));
  assert.deepEqual(fields.map((field) => field.sensitive), [true, false, false, false]);
  assert.equal(tableOf(decoder).length, 1);
});

Deno.test("HpackDecoder.decode() gives strings of any octets and length", () => {
  const decoder = new HpackDecoder(4096, 1 << 20);
  const encoder = new HpackEncoder(4096);
  for (const length of [0, 1, 47, 48, 49, 1023, 1024, 1025, 4000, 10_000]) {
    for (const first of [0x20, 0x80]) {
      const value = Array.from({ length }, (_, i) => String.fromCharCode(first + (i % 90))).join(
        "",
      );
      const [field] = decodeBlock(decoder, encodeBlock(encoder, [new HeaderField("x", value)]));
      assert.equal(field.value, value);
    }
  }
});

Deno.test("HpackDecoder.decode() applies two size updates at the start of a block", () => {
  const decoder = new HpackDecoder(4096, LIST_BYTES_MAX);
  decodeBlock(decoder, fromHex("40 0161 0162"));
  assert.deepEqual(linesOf(decodeBlock(decoder, fromHex("20 3f e1 1f 82"))), [":method: GET"]);
  assert.deepEqual(tableOf(decoder), []);
  decodeBlock(decoder, fromHex("40 0161 0162"));
  assert.equal(tableOf(decoder).length, 1);
  assert.deepEqual(decodeBlock(decoder, fromHex("20")), []);
  assert.deepEqual(linesOf(decodeBlock(decoder, fromHex("40 0161 0162"))), ["a: b"]);
  assert.deepEqual(tableOf(decoder), []);
});

Deno.test("HpackDecoder.decode() accepts a list of exactly the limit", () => {
  const list = fieldsOf("a: b", "c: d");
  const block = encodeBlock(new HpackEncoder(4096), list);
  assert.equal(decodeBlock(new HpackDecoder(4096, 68), block).length, 2);
  assert.throws(() => decodeBlock(new HpackDecoder(4096, 67), block), HeaderListTooLargeError);
});

Deno.test("HpackDecoder.decode() keeps its table right after a list that is too large", () => {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(4096, 100);
  const large = fieldsOf("a: b", "c: d", "e: f", "g: h");
  assert.throws(() => decodeBlock(decoder, encodeBlock(encoder, large)), (error) => {
    assert.ok(error instanceof HeaderListTooLargeError);
    assert.equal(error.listBytes, 136);
    return true;
  });
  const small = large.slice(2);
  assert.deepEqual(linesOf(decodeBlock(decoder, encodeBlock(encoder, small))), linesOf(small));
});

Deno.test("HpackDecoder.decode() rejects a malformed end of a list that is too large", () => {
  assertCompressionError(new HpackDecoder(4096, 40), fromHex("82 86 84 80"));
});

Deno.test("HpackDecoder.decode() counts one-byte references to a large entry", () => {
  const decoder = new HpackDecoder(4096, LIST_BYTES_MAX);
  const field = new HeaderField("bomb", "x".repeat(4000));
  const insert = new Uint8Array([0x40, 4, ...field.name.split("").map((c) => c.charCodeAt(0))]);
  const value = new Uint8Array([0x7f, 0xa1, 0x1e, ...new Uint8Array(4000).fill(0x78)]);
  decodeBlock(decoder, new Uint8Array([...insert, ...value]));

  const references = new Uint8Array(16_384).fill(0xbe);
  for (let block = 0; block < 100; block++) {
    assert.throws(() => decodeBlock(decoder, references), (error) => {
      assert.ok(error instanceof HeaderListTooLargeError);
      assert.equal(error.listBytes, 16_384 * field.bytes);
      return true;
    });
  }
  assert.equal(tableOf(decoder).length, 1);
});

Deno.test("HpackDecoder.decode() counts one-byte references to the smallest fields", () => {
  const decoder = new HpackDecoder(4096, LIST_BYTES_MAX);
  decodeBlock(decoder, fromHex("40 00 00"));
  const accepted = LIST_BYTES_MAX / 32;
  assert.equal(decodeBlock(decoder, new Uint8Array(accepted).fill(0xbe)).length, accepted);
  const references = new Uint8Array(accepted + 1).fill(0xbe);
  assert.throws(() => decodeBlock(decoder, references), HeaderListTooLargeError);
});

Deno.test("HpackDecoder.decode() gives the same list for the same block in a row", () => {
  const decoder = new HpackDecoder(4096, 16_384);
  const block = fromHex("82 04 02 2f 61"); // :method GET, then :path /a, which no table keeps
  const first = decoder.decode(block, 0, block.length);
  assert.equal(decoder.decode(block, 0, block.length), first);
  assert.deepEqual(first.map(({ name, value }) => [name, value]), [[":method", "GET"], [
    ":path",
    "/a",
  ]]);
});

Deno.test("HpackDecoder.decode() gives the same lists for two blocks that take turns", () => {
  const decoder = new HpackDecoder(4096, 16_384);
  const blocks = [fromHex("88 04 02 2f 61"), fromHex("04 02 2f 62")];
  const [first, second] = blocks.map((block) => decoder.decode(block, 0, block.length));
  for (let i = 0; i < 3; i++) {
    assert.equal(decoder.decode(blocks[0], 0, blocks[0].length), first);
    assert.equal(decoder.decode(blocks[1], 0, blocks[1].length), second);
  }
});

Deno.test("HpackDecoder.decode() does not take a block for the same once a table has changed", () => {
  const decoder = new HpackDecoder(4096, 16_384);
  const decode = (hex: string) => {
    const block = fromHex(hex);
    return decoder.decode(block, 0, block.length).map(({ name, value }) => `${name}: ${value}`);
  };
  assert.deepEqual(decode("40 01 61 01 31"), ["a: 1"]); // inserted: index 62
  assert.deepEqual(decode("be"), ["a: 1"]);
  assert.deepEqual(decode("40 01 61 01 32"), ["a: 2"]); // now this is 62
  assert.deepEqual(decode("be"), ["a: 2"]);
  assert.deepEqual(decode("40 01 61 01 32"), ["a: 2"], "an insertion is made each time");
  assert.deepEqual(decode("c0"), ["a: 1"]);
  assert.deepEqual(decode("20 82"), [":method: GET"]); // the table is emptied
  assert.throws(() => decode("be"), /index 62/);
  assert.deepEqual(decode("3f e1 1f 82"), [":method: GET"]);
  assert.deepEqual(decode("20 82"), [":method: GET"]);
  assert.deepEqual(decode("40 01 61 01 33"), ["a: 3"]); // larger than a table of 0
  assert.throws(() => decode("be"), /index 62/);
});
