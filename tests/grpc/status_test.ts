import assert from "node:assert/strict";
import fc from "fast-check";
import {
  Code,
  codeName,
  codeOfHttpStatus,
  decodeStatusMessage,
  encodeStatusMessage,
  parseCode,
} from "../../lib/grpc/status.ts";

Deno.test("parseCode() reads the codes of the list and makes UNKNOWN of all else", async (t) => {
  for (const [name, code] of Object.entries(Code)) {
    await t.step(name, () => {
      assert.equal(parseCode(String(code)), code);
      assert.equal(codeName(code), name);
    });
  }
  for (const text of ["17", "99", "-1", "", "0x1", " 1", "1 ", "100", "OK", "1.0", "٣"]) {
    await t.step(JSON.stringify(text), () => assert.equal(parseCode(text), Code.UNKNOWN));
  }
});

Deno.test("encodeStatusMessage() escapes what a header field cannot hold", async (t) => {
  const cases: [name: string, message: string, encoded: string][] = [
    ["printable ASCII as it is", "not found: ~a b!", "not found: ~a b!"],
    ["a percent sign", "100%", "100%25"],
    ["control characters", "a\r\n\tb\x7f", "a%0D%0A%09b%7F"],
    ["UTF-8", "Köln 中 🙂", "K%C3%B6ln %E4%B8%AD %F0%9F%99%82"],
    ["a byte order mark", "\ufeffa", "%EF%BB%BFa"],
    ["nothing", "", ""],
  ];
  for (const [name, message, encoded] of cases) {
    await t.step(name, () => {
      assert.equal(encodeStatusMessage(message), encoded);
      assert.equal(decodeStatusMessage(encoded), message);
    });
  }
});

Deno.test("encodeStatusMessage() cuts a message that is too long for a header", () => {
  assert.equal(encodeStatusMessage("x".repeat(100_000)).length, 1_024);
  assert.ok(encodeStatusMessage("中".repeat(100_000)).length <= 9_216);
});

Deno.test("decodeStatusMessage() keeps what is not an escape as it stands", async (t) => {
  const cases: [encoded: string, message: string][] = [
    ["%", "%"],
    ["50%", "50%"],
    ["%4", "%4"],
    ["%zz", "%zz"],
    ["%%41", "%A"],
    ["%e4%b8%ad", "中"],
    ["%FF", "\ufffd"],
    // Octets above ASCII, which a peer should have escaped, are UTF-8.
    ["\u00c3\u00b6", "ö"],
  ];
  for (const [encoded, message] of cases) {
    await t.step(encoded, () => assert.equal(decodeStatusMessage(encoded), message));
  }
});

Deno.test("A status message of any characters comes back as it was", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 512 }), (message) => {
    const encoded = encodeStatusMessage(message);
    assert.match(encoded, /^[\x20-\x7e]*$/);
    assert.equal(decodeStatusMessage(encoded), message);
  }));
});

Deno.test("codeOfHttpStatus() maps as gRPC's table does", () => {
  const table: [status: number, code: Code][] = [
    [400, Code.INTERNAL],
    [401, Code.UNAUTHENTICATED],
    [403, Code.PERMISSION_DENIED],
    [404, Code.UNIMPLEMENTED],
    [429, Code.UNAVAILABLE],
    [502, Code.UNAVAILABLE],
    [503, Code.UNAVAILABLE],
    [504, Code.UNAVAILABLE],
    [200, Code.UNKNOWN],
    [301, Code.UNKNOWN],
    [500, Code.UNKNOWN],
  ];
  for (const [status, code] of table) assert.equal(codeOfHttpStatus(status), code, `${status}`);
});
