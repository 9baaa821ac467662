import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeText } from "../../lib/platforms/decode_text.ts";

Deno.test("decodeText() reads what was encoded, of any length, in shared memory too", () => {
  const text = fc.string({ unit: "binary", maxLength: 200 }).map((text) => text.toWellFormed());
  fc.assert(fc.property(text, (text) => {
    const bytes = new TextEncoder().encode(text);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    assert.equal(decodeText(bytes), text);
    assert.equal(decodeText(shared), text);
  }));
});

Deno.test("decodeText() keeps a byte order mark and refuses what is no UTF-8", () => {
  assert.equal(decodeText(Uint8Array.of(0xef, 0xbb, 0xbf, 65)), "\ufeffA");
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], Array(100).fill(0xff)]) {
    assert.equal(decodeText(Uint8Array.from(bytes)), undefined);
  }
});
