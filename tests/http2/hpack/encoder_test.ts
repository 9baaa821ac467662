import assert from "node:assert/strict";
import { HpackDecoder } from "../../../lib/http2/hpack/decoder.ts";
import { HpackEncoder } from "../../../lib/http2/hpack/encoder.ts";
import { HeaderField } from "../../../lib/http2/hpack/header_field.ts";
import { STATIC_FIELDS } from "../../../lib/http2/hpack/static_table.ts";
import { decodeBlock, encodeBlock, fieldsOf, fromHex, linesOf, tableOf } from "./octets.ts";

Deno.test("HpackEncoder.encode() writes an octet for every static field", () => {
  const encoder = new HpackEncoder(4096);
  for (let index = 1; index <= STATIC_FIELDS.length; index++) {
    assert.deepEqual(encodeBlock(encoder, [STATIC_FIELDS[index - 1]]), Uint8Array.of(0x80 + index));
  }
});

Deno.test("HpackEncoder.encode() refers to a repeated field, the same object or an equal one", () => {
  const encoder = new HpackEncoder(4096);
  const list = fieldsOf("a: b", "c: d");
  assert.equal(encodeBlock(encoder, list).length, 10);
  assert.deepEqual(encodeBlock(encoder, list), fromHex("bf be"));
  assert.deepEqual(encodeBlock(encoder, list), fromHex("bf be"));
  assert.deepEqual(encodeBlock(encoder, fieldsOf("c: d", "a: b")), fromHex("be bf"));
});

Deno.test("HpackEncoder.encode() writes a constant list anew after the table has changed", () => {
  const encoder = new HpackEncoder(4096);
  const list = fieldsOf("a: b");
  encodeBlock(encoder, list);
  assert.deepEqual(encodeBlock(encoder, list), fromHex("be"));
  encodeBlock(encoder, fieldsOf("c: d"));
  assert.deepEqual(encodeBlock(encoder, list), fromHex("bf"));
  encoder.setTableBytesMax(0);
  assert.deepEqual(encodeBlock(encoder, list), fromHex("20 00 0161 0162"));
});

Deno.test("HpackEncoder.encode() writes sensitive fields as never-indexed literals", async (t) => {
  const cases: [what: string, field: HeaderField, hex: string][] = [
    ["a new name", new HeaderField("a", "b", { sensitive: true }), "10 0161 0162"],
    ["a static name", new HeaderField("cookie", "b", { sensitive: true }), "1f 11 0162"],
    ["a static field", new HeaderField(":method", "GET", { sensitive: true }), "12 03 474554"],
    ["a name in the dynamic table", new HeaderField("c", "b", { sensitive: true }), "1f 2f 0162"],
    ["a field in the dynamic table", new HeaderField("c", "d", { sensitive: true }), "1f 2f 0164"],
  ];
  for (const [what, field, hex] of cases) {
    await t.step(what, () => {
      const encoder = new HpackEncoder(4096);
      encodeBlock(encoder, fieldsOf("c: d"));
      for (let time = 0; time < 3; time++) {
        assert.deepEqual(encodeBlock(encoder, [field]), fromHex(hex));
      }
    });
  }
});

Deno.test("HpackEncoder.encode() keeps fields that vary out of the table", async (t) => {
  const lines = ["grpc-timeout: 1S", "grpc-message: no", "content-length: 7", ":path: /a?b=c"];
  lines.push(`large: ${"x".repeat(3100)}`);
  for (const line of lines) {
    await t.step(line.slice(0, 20), () => {
      const decoder = new HpackDecoder(4096, 16_384);
      assert.deepEqual(
        linesOf(decodeBlock(decoder, encodeBlock(new HpackEncoder(4096), fieldsOf(line)))),
        [line],
      );
      assert.deepEqual(tableOf(decoder), []);
    });
  }
});

Deno.test("HpackEncoder.setTableBytesMax() signals what the peer has to know", async (t) => {
  const cases: [what: string, bound: number, sizes: number[], hex: string][] = [
    ["nothing at first", 4096, [], "82"],
    ["its own smaller bound", 256, [], "3f e1 01 82"],
    ["not its own larger bound", 8192, [], "82"],
    ["nothing new", 4096, [4096], "82"],
    ["nothing for more than its bound", 4096, [65_536], "82"],
    ["a smaller size", 4096, [256], "3f e1 01 82"],
    ["a larger size", 8192, [8000], "3f a1 3e 82"],
    ["the smallest size on the way", 4096, [0, 4096], "20 3f e1 1f 82"],
    ["the smallest and the final size", 4096, [1000, 0, 256], "20 3f e1 01 82"],
    ["one of two falling sizes", 4096, [256, 0], "20 82"],
  ];
  for (const [what, bound, sizes, hex] of cases) {
    await t.step(what, () => {
      const encoder = new HpackEncoder(bound);
      for (const size of sizes) encoder.setTableBytesMax(size);
      const list = fieldsOf(":method: GET");
      assert.deepEqual(encodeBlock(encoder, list), fromHex(hex));
      assert.deepEqual(encodeBlock(encoder, list), fromHex("82"));
    });
  }
});

Deno.test("HpackEncoder.encode() writes after the offset and rejects too little room", () => {
  const encoder = new HpackEncoder(4096);
  const list = fieldsOf("a: b");
  const output = new Uint8Array(3 + encoder.encodedLengthMax(list)).fill(0xee);
  assert.throws(() => encoder.encode(list, output, 4), RangeError);
  assert.equal(encoder.encode(list, output, 3), 8);
  assert.deepEqual(output.subarray(0, 9), fromHex("ee ee ee 40 0161 0162 ee"));
  encoder.encode(list, output, 0);
  assert.throws(() => encoder.encode(list, output, output.length), RangeError);
});

Deno.test("HpackEncoder.encode() stays right when many more lists come than it remembers", () => {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(4096, 16_384);
  const lists = Array.from({ length: 100 }, (_, i) => fieldsOf(":status: 200", `n: ${i % 50}`));
  for (let i = 0; i < 2000; i++) {
    const list = lists[(i * i) % 100];
    assert.deepEqual(linesOf(decodeBlock(decoder, encodeBlock(encoder, list))), linesOf(list));
  }
});

Deno.test("HeaderField rejects what is not octets", () => {
  assert.throws(() => new HeaderField("name", "\u0100"), RangeError);
  assert.throws(() => new HeaderField("\ud83d\ude00", ""), RangeError);
  assert.equal(new HeaderField("\u00ff", "\u0000").bytes, 34);
});

Deno.test("HpackEncoder.encode() repeats a constant list with a sensitive field, short or long", async (t) => {
  for (const length of [1, 30, 60, 61, 62, 63, 100, 250, 251, 252, 300]) {
    await t.step(`${length} characters`, () => {
      const encoder = new HpackEncoder(4096);
      const decoder = new HpackDecoder(4096, 16_384);
      // No letter of these is shorter in Huffman's code.
      const value = "\u00f7".repeat(length);
      const list = [...fieldsOf("a: b"), new HeaderField("k", value, { sensitive: true })];
      const others = [...fieldsOf("a: b"), new HeaderField("k", "other", { sensitive: true })];
      const blocks = [list, list, others, list, others].map((fields) => {
        const block = encodeBlock(encoder, fields);
        assert.deepEqual(decodeBlock(decoder, block).map((field) => field.value), [
          "b",
          fields[1].value,
        ]);
        return block;
      });
      // The first one put a field into the table, the others changed nothing.
      assert.deepEqual(blocks[3], blocks[1]);
      assert.deepEqual(blocks[4], blocks[2]);
      assert.ok(blocks[1].length >= length + 3);
    });
  }
});
