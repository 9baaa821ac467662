import assert from "node:assert/strict";
import { LazyProtoFile } from "../../lib/grpc/lazy_proto_file.ts";
import echoText from "./fixtures/echo.proto" with { type: "text" };
import { echo, type Note, TestServer } from "./test_server.ts";

Deno.test("A lazy file's methods are called as those of a file that was read", async () => {
  const lazy = new LazyProtoFile(echoText).method<"unary", Note, Note>(
    "test.Echo",
    "Unary",
    "unary",
  );
  assert.deepEqual([lazy.path, lazy.kind], [echo.unary.path, echo.unary.kind]);
  await using test = new TestServer({}, {
    register: (registry) => registry.add(lazy, ({ text }) => ({ text: `${text}!` })),
  });
  assert.equal((await test.channel().unary(lazy, { text: "a" })).text, "a!");
  assert.equal((await test.channel().unary(echo.unary, { text: "b" })).text, "b!");
});

Deno.test("A lazy file is read with the first message, and refuses wrong methods then", () => {
  const bytes = new Uint8Array(0);
  const broken = new LazyProtoFile("no proto").method("S", "M", "unary");
  assert.throws(() => broken.request.decode(bytes, 0, 0));
  const file = new LazyProtoFile(echoText);
  const missing = file.method("test.Echo", "Missing", "unary");
  assert.throws(() => missing.response.encodedBytesMax({}), TypeError);
  const otherKind = file.method("test.Echo", "Chat", "unary");
  assert.throws(() => otherKind.request.decode(bytes, 0, 0), TypeError);
});
