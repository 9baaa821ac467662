import assert from "node:assert/strict";
import { Opcode, opcodeName } from "../../lib/weights/pickle_opcode.ts";
import type { PickleValue } from "../../lib/weights/pickle_value.ts";
import { type PickleVocabulary, unpickle } from "../../lib/weights/restricted_unpickler.ts";
import { global, integer, pickle, type PicklePart, text, tuple } from "./pickle_builder.ts";
import { assertRefused } from "./refusal.ts";

const { MARK, STOP, REDUCE, EMPTY_TUPLE, EMPTY_DICT, SETITEM, SETITEMS, TUPLE, BINPUT, BINGET } =
  Opcode;

/** Knows the one name `module name`, and whatever calls it is an error of the test. */
function vocabulary(calls: PickleValue[][] = []): PickleVocabulary {
  return {
    has: (name) => name === "module name",
    call: (_name, args) => {
      calls.push([...args]);
      return "called";
    },
    load: (id) => ["loaded", id].join(" "),
    build: () => {},
  };
}

function read(...parts: PicklePart[]): PickleValue {
  return unpickle(pickle(...parts), vocabulary());
}

Deno.test("unpickle() reads the values of a state_dict's opcodes", async (t) => {
  const tupleOf = (...items: PickleValue[]): PickleValue => ({ kind: "tuple", items, depth: 1 });
  const table: readonly (readonly [string, readonly PicklePart[], PickleValue])[] = [
    ["None", [Opcode.NONE], null],
    ["booleans", [Opcode.NEWTRUE, Opcode.NEWFALSE, Opcode.TUPLE2], tupleOf(true, false)],
    ["a byte", [Opcode.BININT1, 200], 200],
    ["two bytes", [Opcode.BININT2, 0x90, 0x01], 400],
    ["four bytes", [integer(-5)], -5],
    ["a long of none", [Opcode.LONG1, 0], 0],
    ["a long", [Opcode.LONG1, 5, 0, 0, 0, 0, 1], 2 ** 32],
    ["a negative long", [Opcode.LONG1, 2, 0x00, 0x80], -32768],
    ["a text", [text("fc1.größe")], "fc1.größe"],
    ["tuples", [EMPTY_TUPLE], tupleOf()],
    ["a tuple of one", [text("a"), Opcode.TUPLE1], tupleOf("a")],
    ["a tuple of three", [text("a"), text("b"), text("c"), Opcode.TUPLE3], tupleOf("a", "b", "c")],
    ["a tuple from a mark", [MARK, text("a"), text("b"), TUPLE], tupleOf("a", "b")],
    ["the memo", [text("a"), BINPUT, 3, BINGET, 3, Opcode.TUPLE2], tupleOf("a", "a")],
    [
      "the long memo",
      [text("a"), Opcode.LONG_BINPUT, 0, 1, 0, 0, Opcode.LONG_BINGET, 0, 1, 0, 0, Opcode.TUPLE2],
      tupleOf("a", "a"),
    ],
    ["a persistent id", [text("id"), Opcode.BINPERSID], "loaded id"],
    ["a call", [global("module", "name"), tuple(text("x")), REDUCE], "called"],
  ];
  for (const [name, parts, value] of table) {
    await t.step(name, () => assert.deepEqual(read(...parts, STOP), value));
  }
  await t.step("dicts", () => {
    const value = read(
      EMPTY_DICT,
      MARK,
      text("a"),
      integer(1),
      SETITEMS,
      integer(2),
      text("b"),
      SETITEM,
      STOP,
    );
    assert.deepEqual(value, {
      kind: "dict",
      entries: new Map<unknown, unknown>([["a", 1], [2, "b"]]),
    });
  });
});

const ATTACKS: readonly (readonly [string, readonly PicklePart[], RegExp])[] = [
  [
    "os.system by GLOBAL",
    [global("os", "system"), tuple(text("id")), REDUCE],
    /the name "os system"/,
  ],
  ["posix.system", [global("posix", "system")], /the name "posix system"/],
  ["nt.system", [global("nt", "system")], /the name "nt system"/],
  ["eval", [global("builtins", "eval")], /the name "builtins eval"/],
  ["exec of Python 2", [global("__builtin__", "exec")], /the name "__builtin__ exec"/],
  ["getattr", [global("builtins", "getattr")], /the name "builtins getattr"/],
  ["subprocess", [global("subprocess", "Popen")], /the name "subprocess Popen"/],
  ["torch.load in torch.load", [global("torch", "load")], /the name "torch load"/],
  ["a name of objects", [global("constructor", "toString")], /the name "constructor toString"/],
  ["a name with a dot", [global("module", "name.__globals__")], /the name "module name.__glob/],
  ["a name whose parts are cut elsewhere", ["cmodule name\n\n"], /the name "module name "/],
  ["os.system by STACK_GLOBAL", [text("os"), text("system"), 0x93], /STACK_GLOBAL \(0x93\)/],
  ["os.system by INST", [MARK, text("id"), "ios\nsystem\n"], /INST \(0x69\)/],
  ["os.system by OBJ", [MARK, global("module", "name"), text("id"), 0x6f], /OBJ \(0x6f\)/],
  ["NEWOBJ", [global("module", "name"), EMPTY_TUPLE, 0x81], /NEWOBJ \(0x81\)/],
  ["NEWOBJ_EX", [global("module", "name"), EMPTY_TUPLE, EMPTY_DICT, 0x92], /NEWOBJ_EX \(0x92\)/],
  ["EXT1", [0x82, 1], /EXT1 \(0x82\)/],
  ["EXT2", [0x83, 1, 0], /EXT2 \(0x83\)/],
  ["EXT4", [0x84, 1, 0, 0, 0], /EXT4 \(0x84\)/],
  ["PERSID", ["Pid\n"], /PERSID \(0x50\)/],
  ["a call of a text", [text("os.system"), tuple(text("id")), REDUCE], /a string is called/],
  ["a call of what a call made", [
    global("module", "name"),
    EMPTY_TUPLE,
    REDUCE,
    EMPTY_TUPLE,
    REDUCE,
  ], /a string is called/],
  ["a call with no tuple", [global("module", "name"), text("x"), REDUCE], /called with a string/],
  ["DUP", [text("a"), 0x32], /DUP \(0x32\)/],
  ["FRAME", [0x95, 0, 0, 0, 0, 0, 0, 0, 0], /FRAME \(0x95\)/],
  ["an opcode that pickle does not have", [0xff], /opcode 0xff is not one/],
];

Deno.test("unpickle() refuses, and calls nothing:", async (t) => {
  for (const [name, parts, message] of ATTACKS) {
    await t.step(name, () => {
      const calls: PickleValue[][] = [];
      assertRefused(() => unpickle(pickle(...parts, STOP), vocabulary(calls)), message);
      assert.ok(calls.every((args) => args.length === 0), "something was called");
    });
  }
});

Deno.test("unpickle() refuses all opcodes but those of a state_dict, by name", () => {
  const known = new Set<number>(Object.values(Opcode));
  for (let code = 0; code < 256; code++) {
    if (known.has(code)) continue;
    const name = opcodeName(code).replaceAll(/[()]/g, "\\$&");
    assertRefused(() => read(text("a"), code), new RegExp(`opcode ${name} is not one`));
  }
});

const BROKEN: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["nothing", new Uint8Array(0), /does not begin with PROTO/],
  ["another protocol", Uint8Array.of(Opcode.PROTO, 4, Opcode.NONE, STOP), /protocol is 4, needs 2/],
  ["no protocol", Uint8Array.of(Opcode.NONE, STOP, 0), /does not begin with PROTO/],
  ["no STOP", pickle(Opcode.NONE), /cut short, at byte 3/],
  ["STOP without a value", pickle(STOP), /a value is missing/],
  ["values left behind", pickle(Opcode.NONE, Opcode.NONE, STOP), /leaves values behind/],
  ["a mark left behind", pickle(Opcode.NONE, MARK, STOP), /a value is missing/],
  ["bytes behind STOP", pickle(Opcode.NONE, STOP, 0), /bytes follow its STOP/],
  ["a cut text", pickle(Opcode.BINUNICODE, 255, 255, 255, 255, "abc"), /cut short/],
  ["a text of no Unicode", pickle(Opcode.BINUNICODE, 1, 0, 0, 0, 0xff, STOP), /not UTF-8/],
  ["a name without an end", pickle("c", "x".repeat(300)), /a name without an end/],
  ["a name that is too long", pickle(global("x".repeat(300), "y")), /a name without an end/],
  ["a tuple without a mark", pickle(TUPLE, STOP), /a MARK is missing/],
  ["a pop from below a mark", pickle(text("a"), MARK, Opcode.TUPLE1, STOP), /a value is missing/],
  ["an unknown memo", pickle(BINGET, 1, STOP), /nothing is at 1 of the memo/],
  ["a memo of nothing", pickle(BINPUT, 1, STOP), /a value is missing/],
  ["items of a text", pickle(text("a"), text("b"), text("c"), SETITEM, STOP), /set on a string/],
  ["a key without a value", pickle(EMPTY_DICT, MARK, text("a"), SETITEMS, STOP), /no value/],
  ["a key of a dict", pickle(EMPTY_DICT, EMPTY_DICT, text("a"), SETITEM, STOP), /a dict is a key/],
  [
    "a key twice",
    pickle(
      EMPTY_DICT,
      text("a"),
      text("b"),
      SETITEM,
      text("a"),
      text("b"),
      SETITEM,
      STOP,
    ),
    /key "a" is set twice/,
  ],
  ["a long past counting", pickle(Opcode.LONG1, 8, 0, 0, 0, 0, 0, 0, 0, 0x7f, STOP), /too large/],
  ["a long of nine bytes", pickle(Opcode.LONG1, 9, "123456789", STOP), /an integer of 9 bytes/],
];

Deno.test("unpickle() refuses what is broken:", async (t) => {
  for (const [name, bytes, message] of BROKEN) {
    await t.step(name, () => assertRefused(() => unpickle(bytes, vocabulary()), message));
  }
});

Deno.test("unpickle() refuses what grows past its bounds", async (t) => {
  const many = (count: number, ...codes: number[]) =>
    Uint8Array.from({ length: count * codes.length }, (_, i) => codes[i % codes.length]);
  await t.step("marks", () => {
    assertRefused(() => read(many(33, MARK), STOP), /more than 32 deep, at byte 34/);
  });
  await t.step("tuples", () => {
    assertRefused(() => read(EMPTY_TUPLE, many(32, Opcode.TUPLE1), STOP), /more than 32 deep/);
    assert.equal((read(EMPTY_TUPLE, many(31, Opcode.TUPLE1), STOP) as { depth: number }).depth, 32);
  });
  await t.step("the stack", () => {
    assertRefused(
      () => read(many(65_537, Opcode.NONE), STOP),
      /more than 65536 values on the stack/,
    );
  });
  await t.step("the memo", () => {
    const puts = Array.from(
      { length: 1_048_577 },
      (_, i) => [Opcode.LONG_BINPUT, i & 255, i >> 8 & 255, i >> 16 & 255, 0],
    );
    assertRefused(
      () => read(Opcode.NONE, Uint8Array.from(puts.flat()), STOP),
      /values in the memo/,
    );
  });
});

Deno.test("unpickle() refuses every part of a pickle", () => {
  const whole = pickle(
    EMPTY_DICT,
    BINPUT,
    0,
    text("a"),
    tuple(integer(1), text("b")),
    SETITEM,
    global("module", "name"),
    EMPTY_TUPLE,
    REDUCE,
    Opcode.TUPLE2,
    STOP,
  );
  unpickle(whole, vocabulary());
  for (let length = 0; length < whole.length; length++) {
    assertRefused(
      () => unpickle(whole.subarray(0, length), vocabulary()),
      /Cannot read the pickle/,
    );
  }
});

Deno.test("unpickle() takes a dict that holds itself", () => {
  const value = read(EMPTY_DICT, BINPUT, 0, text("me"), BINGET, 0, SETITEM, STOP);
  assert.ok(typeof value === "object" && value?.kind === "dict");
  assert.equal(value.entries.get("me"), value);
});
