import assert from "node:assert/strict";
import { describeProtoFile } from "../../lib/protobuf/file_descriptor.ts";
// What protoc makes of the file: the one file of its --descriptor_set_out.
import everyKindBytes from "./fixtures/every_kind.binpb" with { type: "bytes" };
import everyKindText from "./fixtures/every_kind.proto" with { type: "text" };

const everyKind = { name: "every_kind.proto", text: everyKindText };

Deno.test("describeProtoFile() gives the bytes that protoc gives", () => {
  const { name, bytes } = describeProtoFile(everyKind);
  assert.equal(name, "every_kind.proto");
  assert.equal(bytes.toHex(), everyKindBytes.toHex());
});

Deno.test("describeProtoFile() knows all names that the file declares, and no package", () => {
  const { symbols, messages } = describeProtoFile(everyKind);
  for (
    const name of [
      "Outer",
      "Outer.Inner.Innermost.at_depth",
      "Outer.choice_of",
      "Outer._maybe",
      "Outer.Color",
      "Outer.GREEN",
      "Outer.BySomeNameEntry.key",
      "DARK",
      "First.Unary",
      "Second",
    ]
  ) assert.ok(symbols.has(`every.kind.${name}`), name);
  for (const name of ["", "every", "every.kind", "every.kind.Outer.Color.GREEN", "Outer"]) {
    assert.ok(!symbols.has(name), name);
  }
  assert.ok(messages.has("every.kind.Outer.Inner.Innermost"));
  assert.ok(!messages.has("every.kind.Shade") && !messages.has("every.kind.First"));
});

Deno.test("describeProtoFile() describes a file without a package", () => {
  const { symbols } = describeProtoFile({
    name: "m.proto",
    text: 'syntax = "proto3"; message M {}',
  });
  assert.deepEqual([...symbols], ["M"]);
});

Deno.test("describeProtoFile() refuses what it would describe wrong", () => {
  const describe = (text: string) => describeProtoFile({ name: "a.proto", text });
  const file = 'syntax = "proto3"; package a;';
  assert.throws(() => describe(`${file} import "other.proto";`), TypeError);
  assert.throws(() => describe(`${file} message M { Missing m = 1; }`), /Missing/);
  assert.throws(
    () =>
      describe('syntax = "proto2"; message M { extensions 5; } extend M { optional int32 n = 5; }'),
    TypeError,
  );
  assert.throws(() => describe("no proto"));
});
