import assert from "node:assert/strict";
import { describeProtoFile } from "../../lib/protobuf/file_descriptor.ts";
// What protoc makes of the file: the one file of its --descriptor_set_out.
import everyKindBytes from "./fixtures/every_kind.binpb" with { type: "bytes" };
import everyKindText from "./fixtures/every_kind.proto" with { type: "text" };

/** What protoc makes of `user.proto` below: the last file of its --descriptor_set_out. */
const USER_OF_BASE_HEX =
  "0a0a757365722e70726f746f1203612e621a0e6469722f626173652e70726f746f226c0a045573657212" +
  "1d0a046261736518012001280b32092e612e622e4261736552046261736512240a0677697468696e1802" +
  "2001280b320c2e612e622e426173652e496e520677697468696e121f0a056b696e647318032003280e32" +
  "092e612e622e4b696e6452056b696e6473620670726f746f33";

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
  assert.throws(() => describeProtoFile({ name: "a.proto", text: file, imports: [everyKind] }), {
    message: "Cannot describe a.proto: it imports [], its source says [every_kind.proto]",
  });
  assert.throws(() => describe(`${file} message M { Missing m = 1; }`), /Missing/);
  assert.throws(
    () =>
      describe('syntax = "proto2"; message M { extensions 5; } extend M { optional int32 n = 5; }'),
    TypeError,
  );
  assert.throws(() => describe("no proto"));
});

Deno.test("describeProtoFile() gives the bytes that protoc gives for a file that imports", () => {
  const text =
    'syntax = "proto3"; package a.b; message Base { message In {} } enum Kind { NONE = 0; }';
  const base = { name: "dir/base.proto", text };
  const { bytes, symbols } = describeProtoFile({
    name: "user.proto",
    text: 'syntax = "proto3"; package a.b; import "dir/base.proto"; ' +
      "message User { Base base = 1; Base.In within = 2; repeated Kind kinds = 3; }",
    imports: [base],
  });
  assert.equal(bytes.toHex(), USER_OF_BASE_HEX);
  assert.deepEqual([...symbols].sort(), [
    "a.b.User",
    "a.b.User.base",
    "a.b.User.kinds",
    "a.b.User.within",
  ]);
});
