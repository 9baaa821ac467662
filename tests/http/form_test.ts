import assert from "node:assert/strict";
import fc from "fast-check";
import { readForm } from "../../lib/http/form.ts";
import { HttpError } from "../../lib/http/http_error.ts";
import { FORM_HEAD_CHARS_MAX, FORM_PARTS_MAX } from "../../lib/limits.ts";

const SEED = 20_261_121;
const TYPE = "multipart/form-data; boundary=b";

function bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A body whose parts are so, each with its head. */
function bodyOf(...parts: readonly string[]): string {
  return `${parts.map((part) => `--b\r\n${part}\r\n`).join("")}--b--\r\n`;
}

const A = 'Content-Disposition: form-data; name="a"\r\n\r\n1';

Deno.test("readForm() reads what browsers and curl send", async () => {
  const form = new FormData();
  form.append("nn_id", "0123");
  form.append("data", new File(["abc\r\n"], 'we"ights.b64', { type: "application/octet-stream" }));
  form.append("", "");
  const request = new Request("http://test", { method: "PUT", body: form });
  const fields = readForm(
    request.headers.get("content-type"),
    new Uint8Array(await request.arrayBuffer()),
  );
  assert.deepEqual([...fields], [
    ["nn_id", { filename: undefined, type: undefined, text: "0123" }],
    ["data", { filename: "we%22ights.b64", type: "application/octet-stream", text: "abc\r\n" }],
    ["", { filename: undefined, type: undefined, text: "" }],
  ]);
});

const a = { filename: undefined, type: undefined, text: "1" };

const RIGHT: Readonly<Record<string, readonly [type: string, body: string, fields: object]>> = {
  "a preamble and an epilogue": [TYPE, `hello\r\n${bodyOf(A)}\r\nand more --b`, { a }],
  "no line end at the end": [TYPE, bodyOf(A).trimEnd(), { a }],
  "blanks behind a boundary": [TYPE, bodyOf(A).replace("--b\r\n", "--b \t\r\n"), { a }],
  "a boundary in quotes": [`Multipart/Form-Data; x=y; boundary="b"`, bodyOf(A), { a }],
  "a quoted pair in a name": [
    TYPE,
    bodyOf(A.replace('"a"', '"a\\"\\\\;"')),
    { 'a"\\;': a },
  ],
  "a name that is a token": [TYPE, bodyOf(A.replace('"a"', "a")), { a }],
  "other header fields": [TYPE, bodyOf(`X-Y: z\r\nCONTENT-TYPE: Text/Plain; charset=x\r\n${A}`), {
    a: { ...a, type: "text/plain" },
  }],
  "what looks like a boundary": [TYPE, bodyOf(`${A}\r\n--a\r\n-b\r--b\n--b`), {
    a: { ...a, text: "1\r\n--a\r\n-b\r--b\n--b" },
  }],
  "an empty file without a type": [
    TYPE,
    bodyOf('Content-Disposition: form-data; name=a; filename=""\r\n\r\n'),
    { a: { filename: "", type: undefined, text: "" } },
  ],
  "a file's name of RFC 5987": [
    TYPE,
    bodyOf("Content-Disposition: form-data; name=a; filename*=utf-8''x\r\n\r\n1"),
    { a: { ...a, filename: "utf-8''x" } },
  ],
  "no part": [TYPE, "--b--\r\n", {}],
};

Deno.test("readForm() reads what RFC 2046 and 7578 allow", async (t) => {
  for (const [name, [type, body, fields]] of Object.entries(RIGHT)) {
    await t.step(name, () => {
      assert.deepEqual(Object.fromEntries(readForm(type, bytes(body))), fields);
    });
  }
});

const HUGE = "x".repeat(FORM_HEAD_CHARS_MAX);

/** Bodies that are no forms, and what is said of them. */
const WRONG_FORMS: Readonly<
  Record<string, readonly [type: string | null, body: string, refusal: RegExp]>
> = {
  "JSON": ["application/json", "{}", /content-type is "application\/json", needs multipart/],
  "a body without a type": [null, "x", /content-type is absent/],
  "a type without a boundary": ["multipart/form-data", bodyOf(A), /has no boundary/],
  "an empty boundary": ['multipart/form-data; boundary=""', bodyOf(A), /its boundary is ""/],
  "a boundary of 71": [`multipart/form-data; boundary=${"b".repeat(71)}`, "", /its boundary is "b/],
  "two boundaries": [`${TYPE}; boundary=c`, bodyOf(A), /has no boundary/],
  "a boundary with a line end": [
    'multipart/form-data; boundary="b\r"',
    "",
    /its boundary is "b\\r"/,
  ],
  "another boundary": ["multipart/form-data; boundary=c", bodyOf(A), /before its last boundary/],
  "nothing": [TYPE, "", /before its last boundary/],
  "a body that ends in a content": [TYPE, "--b\r\n" + A, /before its last boundary/],
  "a body that ends in a head": [TYPE, "--b\r\nContent-Dispo", /head of a part does not end/],
  "a body that ends behind a boundary": [TYPE, "--b", /not followed by a line end/],
  "line feeds alone": [TYPE, bodyOf(A).replaceAll("\r\n", "\n"), /not followed by a line end/],
  "a longer boundary": [
    TYPE,
    bodyOf(A).replace("--b\r\n", "--bc\r\n"),
    /not followed by a line end/,
  ],
  "a part without a head": [TYPE, bodyOf("\r\n1"), /a part has no content-disposition/],
  "another disposition": [
    TYPE,
    bodyOf(A.replace("form-data", "attachment")),
    /content-disposition is "attachment; name/,
  ],
  "a disposition without a name": [
    TYPE,
    bodyOf("Content-Disposition: form-data\r\n\r\n1"),
    /needs form-data with a name/,
  ],
  "a name without an end": [TYPE, bodyOf(A.replace('"a"', '"a')), /needs form-data with a name/],
  "two names": [TYPE, bodyOf(A.replace('"a"', '"a"; name="b"')), /needs form-data with a name/],
  "two dispositions": [
    TYPE,
    bodyOf(`Content-Disposition: form-data; name=b\r\n${A}`),
    /two header fields "content-disposition"/,
  ],
  "a header line without a colon": [TYPE, bodyOf(`hello\r\n${A}`), /the header line "hello"/],
  "a huge name": [TYPE, bodyOf(A.replace('"a"', HUGE)), /does not end within 4096 bytes/],
  "a huge file's name": [
    TYPE,
    bodyOf(A.replace('"a"', `"a"; filename="${HUGE}"`)),
    /does not end within 4096 bytes/,
  ],
  "two fields of one name": [TYPE, bodyOf(A, A), /two fields "a"/],
  "too many parts": [
    TYPE,
    bodyOf(...Array.from({ length: FORM_PARTS_MAX + 1 }, (_, i) => A.replace('"a"', `${i}`))),
    /more than 16 parts/,
  ],
};

Deno.test("readForm() says what is wrong with a body", async (t) => {
  for (const [name, [type, body, refusal]] of Object.entries(WRONG_FORMS)) {
    await t.step(name, () => {
      assert.throws(() => readForm(type, bytes(body)), (error) => {
        assert.ok(error instanceof HttpError);
        assert.equal(error.status, 400);
        assert.match(error.message, /^Cannot read the form: /);
        assert.match(error.message, refusal);
        return true;
      });
    });
  }
});

Deno.test("readForm() gives back any fields, wherever the body is cut into parts", () => {
  const content = fc.uint8Array({ maxLength: 200 });
  const name = fc.stringMatching(/^[ -~]{0,20}$/);
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.tuple(name, content), { selector: ([key]) => key, maxLength: 8 }),
      (fields) => {
        const boundary = "------------------------8a1c";
        const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
        const latin1 = (data: Uint8Array) => String.fromCharCode(...data);
        const body =
          fields.map(([key, data]) =>
            `--${boundary}\r\nContent-Disposition: form-data; name=${quoted(key)}\r\n\r\n${
              latin1(data)
            }\r\n`
          ).join("") + `--${boundary}--`;
        const read = readForm(`multipart/form-data; boundary=${boundary}`, bytes(body));
        const decoder = new TextDecoder("latin1");
        assert.deepEqual(
          [...read].map(([key, { text }]) => [key, text]),
          fields.map(([key, data]) => [key, decoder.decode(data)]),
        );
      },
    ),
    { seed: SEED },
  );
});
