import assert from "node:assert/strict";
import fc from "fast-check";
import protobuf from "protobufjs";
import contract from "../../modelserver.proto" with { type: "text" };
import { formatText } from "../../lib/protobuf/text_format.ts";

/** One field of every kind, of which our contracts have a few. */
const SCHEMA = `
  syntax = "proto3";
  enum Color { RED = 0; GREEN = 1; NEGATIVE = -3; }
  message Inner { int32 a = 1; string s = 2; Inner deep = 3; }
  message Ordered { int32 third = 3; int32 first = 1; int32 second = 2; }
  message WithMap { map<string, int32> counts = 1; }
  message All {
    float f = 1; double d = 2; int32 i32 = 3; int64 i64 = 4; uint32 u32 = 5; uint64 u64 = 6;
    sint32 s32 = 7; sint64 s64 = 8; fixed32 x32 = 9; fixed64 x64 = 10; sfixed32 y32 = 11;
    sfixed64 y64 = 12; bool b = 13; string s = 14; bytes by = 15; Color c = 16; Inner m = 17;
    repeated float rf = 18; repeated Inner rm = 19; repeated string rs = 20; repeated Color rc = 21;
    repeated bool rb = 22; repeated int64 ri = 23; repeated bytes rby = 24;
    optional int32 oi = 30; optional float of = 31; optional string os = 32; optional bool ob = 33;
    oneof pick { int32 pa = 34; string pb = 35; }
    optional Color oc = 36;
  }`;
const { root } = protobuf.parse(SCHEMA, { keepCase: true });
const all = root.lookupType("All");
const { root: contractRoot } = protobuf.parse(contract, { keepCase: true });

type Cases = readonly (readonly [message: object, text: string])[];

/** The Long that protobufjs decodes such a field to. */
function longOf(field: "i64" | "u64", digits: string): unknown {
  const long: unknown = Reflect.get(all.fromObject({ [field]: digits }), field);
  assert.equal(typeof long, "object");
  return long;
}

async function stepThrough(t: Deno.TestContext, type: protobuf.Type, cases: Cases): Promise<void> {
  for (const [message, text] of cases) {
    await t.step(JSON.stringify(text), () => assert.equal(formatText(type, message), text));
  }
}

// Every expected text of this file is what print() of Python's protobuf 7.36.2 (upb) wrote.

Deno.test("formatText() writes the responses of our contract as Python prints them", async (t) => {
  await stepThrough(t, contractRoot.lookupType("PredictResponse"), [
    [{ output: 14, cache_hit: false, error: "" }, "output: 14\n"],
    [{ output: 14, cache_hit: true, error: "" }, "output: 14\ncache_hit: true\n"],
    [{ output: 20, cacheHit: true, error: "" }, "output: 20\ncache_hit: true\n"],
    [{ output: 0, cacheHit: false, error: "" }, ""],
    [
      { output: 0, cacheHit: false, error: "Cannot predict: 2 inputs, 3 coefficients" },
      'error: "Cannot predict: 2 inputs, 3 coefficients"\n',
    ],
  ]);
  await stepThrough(t, contractRoot.lookupType("SetCoefsResponse"), [
    [{ success: true, error: "" }, "success: true\n"],
    [{ success: false, error: "no" }, 'error: "no"\n'],
  ]);
});

Deno.test("formatText() writes floats as %.6g, else %.9g", async (t) => {
  const cases: readonly (readonly [value: number, text: string])[] = [
    [14, "14"],
    [0.5, "0.5"],
    [-2.5, "-2.5"],
    [0.1, "0.1"],
    [1 / 3, "0.333333343"],
    [0.1 + 0.2, "0.3"],
    [1e6, "1e+06"],
    [999_999, "999999"],
    [999_999.5, "999999.5"],
    [100_000, "100000"],
    [1_234_567, "1234567"],
    [16_777_216, "16777216"],
    [123_456_789, "123456792"],
    [1e10, "1e+10"],
    [0.0001, "0.0001"],
    [0.0001234567, "0.000123456703"],
    [0.00001, "1e-05"],
    [0.00001234567, "1.23456703e-05"],
    [12_345.25, "12345.25"],
    [3.4028235e38, "3.40282347e+38"],
    [1.1754944e-38, "1.17549435e-38"],
    [1e-45, "1.4013e-45"],
    // Ties of the ninth digit go to the even one.
    [1.001953125, "1.00195312"],
    [1.005859375, "1.00585938"],
    [-0, "-0"],
    [Infinity, "inf"],
    [-Infinity, "-inf"],
    [NaN, "nan"],
  ];
  await stepThrough(t, all, cases.map(([f, text]) => [{ f }, `f: ${text}\n`]));
});

Deno.test("formatText() writes doubles as %.15g, else %.17g", async (t) => {
  const cases: readonly (readonly [value: number, text: string])[] = [
    [0.1, "0.1"],
    [1 / 3, "0.33333333333333331"],
    [0.1 + 0.2, "0.30000000000000004"],
    [1e15, "1e+15"],
    [1e16, "1e+16"],
    [123_456_789_012_345, "123456789012345"],
    [1_234_567_890_123_456, "1234567890123456"],
    [2 ** 53, "9007199254740992"],
    [5e-324, "4.94065645841247e-324"],
    [Number.MAX_VALUE, "1.7976931348623157e+308"],
    [0.00001, "1e-05"],
    [1 + 2 ** -17, "1.0000076293945312"],
    [2 ** -20, "9.5367431640625e-07"],
    [-0, "-0"],
    [Infinity, "inf"],
    [NaN, "nan"],
  ];
  await stepThrough(t, all, cases.map(([d, text]) => [{ d }, `d: ${text}\n`]));
});

Deno.test("formatText() writes floats that read back as the same float32", () => {
  fc.assert(fc.property(fc.float({ noNaN: true }).filter((f) => !Object.is(f, 0)), (f) => {
    const text = formatText(all, { f }).slice("f: ".length, -1).replace("inf", "Infinity");
    assert.ok(Object.is(Math.fround(Number(text)), f), text);
  }));
});

Deno.test("formatText() writes doubles that read back as the same float64", () => {
  fc.assert(fc.property(fc.double({ noNaN: true }).filter((d) => !Object.is(d, 0)), (d) => {
    const text = formatText(all, { d }).slice("d: ".length, -1).replace("inf", "Infinity");
    assert.ok(Object.is(Number(text), d), text);
  }));
});

Deno.test("formatText() quotes strings and leaves UTF-8 as it is", async (t) => {
  await stepThrough(t, all, [
    [{ s: "a\"b\\c'd" }, `s: "a\\"b\\\\c\\'d"\n`],
    [{ s: "\n\t\r" }, 's: "\\n\\t\\r"\n'],
    [{ s: "\x00\x01\x07\b\v\f\x1b\x7f" }, 's: "\\000\\001\\007\\010\\013\\014\\033\\177"\n'],
    [{ s: "\x011" }, 's: "\\0011"\n'],
    [{ s: "é 日 😀 \x80\x9f\u2028" }, 's: "é 日 😀 \x80\x9f\u2028"\n'],
  ]);
});

Deno.test("formatText() writes strings on one line that read back the same", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", minLength: 1 }), (s) => {
    const text = formatText(all, { s }).slice("s: ".length, -1);
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /[\x00-\x1f\x7f]/);
    const json = text.replaceAll(
      /\\([0-7]{3}|')/g,
      (_, code) => code === "'" ? "'" : `\\u00${parseInt(code, 8).toString(16).padStart(2, "0")}`,
    );
    assert.equal(JSON.parse(json), s);
  }));
});

Deno.test("formatText() writes bytes beyond ASCII in octal", async (t) => {
  await stepThrough(t, all, [
    [
      { by: Uint8Array.of(0, 9, 10, 13, 31, 32, 34, 39, 65, 92) },
      `by: "\\000\\t\\n\\r\\037 \\"\\'A\\\\"\n`,
    ],
    [{ by: Uint8Array.of(126, 127, 128, 195, 255) }, 'by: "~\\177\\200\\303\\377"\n'],
  ]);
});

Deno.test("formatText() writes integers of every type exactly", async (t) => {
  await stepThrough(t, all, [
    [{ i32: -(2 ** 31), u32: 2 ** 32 - 1 }, "i32: -2147483648\nu32: 4294967295\n"],
    [{ s32: -1, x32: 1, y32: -1 }, "s32: -1\nx32: 1\ny32: -1\n"],
    [
      { i64: -(2n ** 63n), u64: 2n ** 64n - 1n },
      "i64: -9223372036854775808\nu64: 18446744073709551615\n",
    ],
    [{ i64: "2432902008176640000", s64: 5 }, "i64: 2432902008176640000\ns64: 5\n"],
    [
      { x64: longOf("u64", "18446744073709551615"), y64: 1n },
      "x64: 18446744073709551615\ny64: 1\n",
    ],
  ]);
});

Deno.test("formatText() writes enums by name, unknown ones by number", async (t) => {
  await stepThrough(t, all, [
    [{ c: 1 }, "c: GREEN\n"],
    [{ c: "GREEN" }, "c: GREEN\n"],
    [{ c: -3 }, "c: NEGATIVE\n"],
    [{ c: 77 }, "c: 77\n"],
  ]);
});

Deno.test("formatText() leaves out defaults of fields without presence", async (t) => {
  await stepThrough(t, all, [
    [{}, ""],
    [{ f: 0, d: 0, i32: 0, i64: 0n, u64: "0", x64: longOf("u64", "0"), b: false, s: "", c: 0 }, ""],
    [{ c: "RED", by: new Uint8Array(0), rf: [], m: null, oi: undefined }, ""],
    [{ f: 5e-324 }, ""],
    [{ s: "0" }, 's: "0"\n'],
    [{ b: true }, "b: true\n"],
  ]);
});

Deno.test("formatText() writes defaults of fields with presence", async (t) => {
  await stepThrough(t, all, [
    [{ oi: 0, of: 0, os: "", ob: false }, 'oi: 0\nof: 0\nos: ""\nob: false\n'],
    [{ oc: 0, pa: 0 }, "pa: 0\noc: RED\n"],
    [{ pb: "" }, 'pb: ""\n'],
    [{ m: {} }, "m {\n}\n"],
  ]);
});

Deno.test("formatText() writes every element of a repeated field on its own line", async (t) => {
  await stepThrough(t, all, [
    [{ rf: [0, 1, -0] }, "rf: 0\nrf: 1\nrf: -0\n"],
    [{ rs: ["", "a"], rc: [0, 1, 9] }, 'rs: ""\nrs: "a"\nrc: RED\nrc: GREEN\nrc: 9\n'],
    [
      { rb: [true, false], ri: [0, 2n ** 60n] },
      "rb: true\nrb: false\nri: 0\nri: 1152921504606846976\n",
    ],
    [{ rby: [new Uint8Array(0), Uint8Array.of(255)] }, 'rby: ""\nrby: "\\377"\n'],
    [{ rm: [{}, { a: 1 }] }, "rm {\n}\nrm {\n  a: 1\n}\n"],
  ]);
});

Deno.test("formatText() indents messages in messages", async (t) => {
  await stepThrough(t, all, [
    [
      { m: { a: 1, deep: { s: "x", deep: {} } } },
      'm {\n  a: 1\n  deep {\n    s: "x"\n    deep {\n    }\n  }\n}\n',
    ],
  ]);
});

Deno.test("formatText() orders fields by number", () => {
  const message = { third: 1, second: 2, first: 3 };
  assert.equal(formatText(root.lookupType("Ordered"), message), "first: 3\nsecond: 2\nthird: 1\n");
});

Deno.test("formatText() formats a decoded message like the object that was encoded", () => {
  const message = {
    f: 0.5,
    i64: longOf("i64", "-9223372036854775808"),
    by: Uint8Array.of(1, 255),
    c: 77,
    m: { a: 1 },
    rm: [{}, { s: "x" }],
    oi: 0,
    pb: "",
  };
  const decoded = all.decode(all.encode(all.create(message)).finish());
  assert.equal(formatText(all, decoded), formatText(all, message));
  assert.equal(formatText(all, all.decode(new Uint8Array(0))), "");
});

Deno.test("formatText() refuses values that do not fit their field", async (t) => {
  const cases: readonly (readonly [message: object, reason: string])[] = [
    [{ f: "1" }, "Cannot format .All.f: no number, needs float"],
    [{ i64: 2 ** 53 }, "Cannot format .All.i64: no exact integer, needs int64"],
    [{ i32: 1.5 }, "Cannot format .All.i32: no exact integer, needs int32"],
    [{ b: 1 }, "Cannot format .All.b: no boolean, needs bool"],
    [{ s: 1 }, "Cannot format .All.s: no string, needs string"],
    [{ by: "AA==" }, "Cannot format .All.by: no Uint8Array, needs bytes"],
    [{ c: "PINK" }, "Cannot format .All.c: no value of Color, needs Color"],
    [{ m: 1 }, "Cannot format .All.m: no message, needs Inner"],
    [{ rf: 1 }, "Cannot format .All.rf: no array, needs an array of float"],
  ];
  for (const [message, reason] of cases) {
    await t.step(reason, () => {
      assert.throws(() => formatText(all, message), { name: "TypeError", message: reason });
    });
  }
  assert.throws(() => formatText(root.lookupType("WithMap"), {}), TypeError);
});
