import assert from "node:assert/strict";
import { HeaderField, type HeaderList } from "../../lib/http2/hpack/header_field.ts";
import { ErrorCode, Http2Error } from "../../lib/http2/http2_error.ts";
import {
  HeadParser,
  parseRequestHead,
  parseResponseHead,
  parseTrailers,
} from "../../lib/http2/message_head.ts";

type Fields = readonly (readonly [string, string])[];

const METHOD = [":method", "POST"] as const;
const SCHEME = [":scheme", "http"] as const;
const PATH = [":path", "/a"] as const;
const REQUEST: Fields = [METHOD, SCHEME, PATH];
const RESPONSE: Fields = [[":status", "200"]];

function listOf(fields: Fields): HeaderList {
  return fields.map(([name, value]) => new HeaderField(name, value));
}

function assertMalformed(parse: (streamId: number, fields: HeaderList) => unknown, fields: Fields) {
  assert.throws(() => parse(7, listOf(fields)), (error) => {
    assert.ok(error instanceof Http2Error);
    assert.deepEqual(
      [error.scope, error.code, error.streamId],
      ["stream", ErrorCode.PROTOCOL_ERROR, 7],
    );
    return true;
  });
}

/** What is wrong wherever it stands. Source: RFC 9113 §8.2. */
const WRONG_FIELDS: Record<string, Fields> = {
  "an upper-case letter in a name": [["Accept", "x"]],
  "an empty name": [["", "x"]],
  "a space in a name": [["a b", "x"]],
  "a colon in a name": [["a:b", "x"]],
  "a control character in a name": [["a\x1f", "x"]],
  "DEL in a name": [["a\x7f", "x"]],
  "an octet above ASCII in a name": [["a\xe9", "x"]],
  "NUL in a value": [["a", "x\0y"]],
  "CR in a value": [["a", "x\ry"]],
  "LF in a value": [["a", "x\ny"]],
  "a space before a value": [["a", " x"]],
  "a tab behind a value": [["a", "x\t"]],
  "a value that is one space": [["a", " "]],
  connection: [["connection", "close"]],
  "keep-alive": [["keep-alive", "5"]],
  "proxy-connection": [["proxy-connection", "close"]],
  "transfer-encoding": [["transfer-encoding", "chunked"]],
  upgrade: [["upgrade", "h2c"]],
  "te other than trailers": [["te", "gzip"]],
  "an unknown pseudo-header field": [[":protocol", "websocket"]],
  "content-length with a sign": [["content-length", "+1"]],
  "an empty content-length": [["content-length", ""]],
  "a content-length of 16 digits": [["content-length", "1234567890123456"]],
  "two content-lengths that differ": [["content-length", "1"], ["content-length", "2"]],
};

Deno.test("fields that are malformed in every header section", async (t) => {
  for (const [what, fields] of Object.entries(WRONG_FIELDS)) {
    await t.step(what, () => {
      assertMalformed(parseRequestHead, [...REQUEST, ...fields]);
      assertMalformed(parseResponseHead, [...RESPONSE, ...fields]);
      assertMalformed(parseTrailers, fields);
    });
  }
});

Deno.test("malformed requests", async (t) => {
  const wrong: Record<string, Fields> = {
    "no fields": [],
    "no :method": [SCHEME, PATH],
    "no :scheme": [METHOD, PATH],
    "no :path": [METHOD, SCHEME],
    "an empty :path": [METHOD, SCHEME, [":path", ""]],
    ":method twice": [METHOD, METHOD, SCHEME, PATH],
    ":path twice": [METHOD, SCHEME, PATH, PATH],
    "a response's :status": [...REQUEST, [":status", "200"]],
    "a pseudo-header field behind a regular one": [METHOD, SCHEME, ["a", "b"], PATH],
    "CONNECT without :authority": [[":method", "CONNECT"]],
    "CONNECT with :path": [[":method", "CONNECT"], [":authority", "a:1"], PATH],
    "CONNECT with :scheme": [[":method", "CONNECT"], [":authority", "a:1"], SCHEME],
  };
  for (const [what, fields] of Object.entries(wrong)) {
    await t.step(what, () => assertMalformed(parseRequestHead, fields));
  }
});

Deno.test("malformed responses", async (t) => {
  const wrong: Record<string, Fields> = {
    "no :status": [["a", "b"]],
    "two digits": [[":status", "20"]],
    "four digits": [[":status", "2000"]],
    "no digits": [[":status", "abc"]],
    "a leading zero": [[":status", "099"]],
    ":status twice": [...RESPONSE, ...RESPONSE],
    "a request's :path": [...RESPONSE, PATH],
    "a pseudo-header field behind a regular one": [["a", "b"], ...RESPONSE],
  };
  for (const [what, fields] of Object.entries(wrong)) {
    await t.step(what, () => assertMalformed(parseResponseHead, fields));
  }
});

Deno.test("pseudo-header fields in trailers are malformed", () => {
  assertMalformed(parseTrailers, RESPONSE);
  assertMalformed(parseTrailers, [PATH]);
});

Deno.test("parseRequestHead() picks out what routes a request", () => {
  const fields = listOf([
    [":authority", "a:1"],
    ...REQUEST,
    ["te", "trailers"],
    ["content-length", "12"],
    ["content-length", "012"],
    ["x-empty", ""],
    ["!#$%&'*+-.^_`|~9", "a b\t\x80\xff"],
  ]);
  assert.deepEqual(parseRequestHead(1, fields), {
    method: "POST",
    scheme: "http",
    path: "/a",
    authority: "a:1",
    contentLengthBytes: 12,
    fields,
  });
});

Deno.test("parseRequestHead() takes CONNECT with its authority alone", () => {
  const head = parseRequestHead(1, listOf([[":method", "CONNECT"], [":authority", "a:1"]]));
  assert.deepEqual([head.method, head.scheme, head.path], ["CONNECT", undefined, undefined]);
});

Deno.test("parseResponseHead() and parseTrailers() return what they checked", () => {
  const fields = listOf([[":status", "404"], ["content-length", "0"]]);
  assert.deepEqual(parseResponseHead(1, fields), { status: 404, contentLengthBytes: 0, fields });
  assert.deepEqual(parseTrailers(1, []), { fields: [] });
});

Deno.test("HeadParser.parse() returns the last head for the same field objects alone", () => {
  const parser = new HeadParser(parseRequestHead);
  const fields = listOf(REQUEST);
  const head = parser.parse(1, fields);
  assert.equal(parser.parse(3, [...fields]), head);
  assert.notEqual(parser.parse(5, listOf(REQUEST)), head);
  assert.notEqual(parser.parse(7, fields.slice(0, 3).concat(listOf([["a", "b"]]))), head);
  assertMalformed((id, list) => parser.parse(id, list), [METHOD]);
  assertMalformed((id, list) => parser.parse(id, list), [METHOD]);
});
