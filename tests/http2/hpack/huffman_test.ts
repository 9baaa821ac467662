import assert from "node:assert/strict";
import fc from "fast-check";
import {
  huffmanDecode,
  huffmanDecodedLengthMax,
  huffmanEncode,
  huffmanEncodedLength,
} from "../../../lib/http2/hpack/huffman.ts";
import { HUFFMAN_CODES, HUFFMAN_LENGTHS } from "../../../lib/http2/hpack/huffman_table.ts";
import { octetsToString } from "../../../lib/http2/hpack/octet_string.ts";
import { Http2Error } from "../../../lib/http2/http2_error.ts";
import { fromHex } from "./octets.ts";

function encode(text: string): Uint8Array {
  const output = new Uint8Array(huffmanEncodedLength(text));
  assert.equal(huffmanEncode(text, output, 0), output.length);
  return output;
}

function decode(bytes: Uint8Array): string {
  const output = new Uint8Array(huffmanDecodedLengthMax(bytes.length));
  return octetsToString(output, 0, huffmanDecode(bytes, 0, bytes.length, output));
}

/** Octets from bits, padded with ones. */
function fromBits(bits: string): Uint8Array {
  const octets = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1").match(/.{8}/g) ?? [];
  return Uint8Array.from(octets, (octet) => parseInt(octet, 2));
}

function codeOf(symbol: number): string {
  return HUFFMAN_CODES[symbol].toString(2).padStart(HUFFMAN_LENGTHS[symbol], "0");
}

Deno.test("the derived codes are those RFC 7541 Appendix B prints", () => {
  const printed: [symbol: number, code: number, bits: number][] = [
    [0, 0x1ff8, 13],
    [10, 0x3ffffffc, 30],
    [48, 0x0, 5],
    [97, 0x3, 5],
    [126, 0x1ffd, 13],
    [222, 0x7ffffe4, 27],
    [225, 0xfffff3, 24],
    [249, 0xffffffe, 28],
    [255, 0x3ffffee, 26],
    [256, 0x3fffffff, 30],
  ];
  for (const [symbol, code, bits] of printed) {
    assert.equal(HUFFMAN_CODES[symbol], code);
    assert.equal(HUFFMAN_LENGTHS[symbol], bits);
  }
});

Deno.test("the code is complete: no bit string is left without a meaning", () => {
  const share = HUFFMAN_LENGTHS.reduce((sum, bits) => sum + 2 ** (30 - bits), 0);
  assert.equal(share, 2 ** 30);
});

Deno.test("huffmanEncode() and huffmanDecode() agree with RFC 7541 C.4 and C.6", async (t) => {
  const cases = [
    ["www.example.com", "f1e3 c2e5 f23a 6ba0 ab90 f4ff"],
    ["no-cache", "a8eb 1064 9cbf"],
    ["302", "6402"],
    ["Mon, 21 Oct 2013 20:13:21 GMT", "d07a be94 1054 d444 a820 0595 040b 8166 e082 a62d 1bff"],
    ["https://www.example.com", "9d29 ad17 1863 c78f 0b97 c8e9 ae82 ae43 d3"],
    ["", ""],
  ];
  for (const [text, hex] of cases) {
    await t.step(text, () => {
      assert.deepEqual(encode(text), fromHex(hex));
      assert.equal(decode(fromHex(hex)), text);
    });
  }
});

Deno.test("huffmanDecode() gives back every octet, alone and after every other", () => {
  for (let first = 0; first < 256; first++) {
    const alone = String.fromCharCode(first);
    assert.equal(decode(encode(alone)), alone);
    assert.deepEqual(encode(alone), fromBits(codeOf(first)));
    for (let second = 0; second < 256; second++) {
      const pair = String.fromCharCode(first, second);
      assert.equal(decode(encode(pair)), pair);
    }
  }
});

Deno.test("huffmanDecode(huffmanEncode(x)) is x", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300, size: "max" }), (octets) => {
      const text = octetsToString(octets, 0, octets.length);
      assert.equal(decode(encode(text)), text);
    }),
  );
});

Deno.test("huffmanDecode() accepts 0 to 7 bits of padding, all ones", () => {
  // The codes of "0" (5 bits) and "t" (6 bits) leave every number of padding bits.
  for (const text of ["", "0", "t", "00", "0t", "tt", "000", "00t", "00000000"]) {
    assert.equal(decode(encode(text)), text);
  }
});

Deno.test("huffmanDecode() rejects wrong padding and EOS", async (t) => {
  const cases: [what: string, octets: Uint8Array][] = [
    ["8 bits of padding", fromHex("ff")],
    ["8 bits of padding after a symbol", fromBits(codeOf(0x26) + "11111111")],
    ["11 bits of padding after a symbol", fromBits(codeOf(0x30) + "11111111111")],
    ["a zero in the padding", fromBits(codeOf(0x30) + "110")],
    ["padding of zeros", fromBits(codeOf(0x26) + codeOf(0x30) + "000")],
    ["a code cut short", encode("\n").subarray(0, 3)],
    ["EOS alone", fromBits(codeOf(256))],
    ["EOS after a symbol", fromBits(codeOf(0x30) + codeOf(256))],
    ["EOS before a symbol", fromBits(codeOf(256) + codeOf(0x30))],
    ["32 one-bits", fromHex("ffffffff")],
  ];
  for (const [what, octets] of cases) {
    await t.step(what, () => assert.throws(() => decode(octets), Http2Error));
  }
});
