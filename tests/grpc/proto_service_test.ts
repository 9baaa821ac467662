import assert from "node:assert/strict";
import { ProtoFile } from "../../lib/grpc/proto_service.ts";
import { echo, type Note } from "./test_server.ts";

function encode(note: Note): Uint8Array {
  const bytes = new Uint8Array(echo.unary.request.encodedBytesMax(note) + 3);
  return bytes.slice(3, echo.unary.request.encode(note, bytes, 3));
}

Deno.test("A codec of a proto file writes what it announces, and reads it back", () => {
  const note: Note = { text: "Köln", body: new Uint8Array([1, 2]), count: -1 };
  const bytes = new Uint8Array([9, ...encode(note), 9]);
  const read = echo.unary.request.decode(bytes, 1, bytes.length - 1);
  assert.deepEqual({ ...read, body: [...read.body ?? []] }, { ...note, body: [1, 2] });
});

Deno.test("A message that a proto file's codec has read keeps nothing of the bytes it was read from", () => {
  const bytes = encode({ text: "Köln", body: new Uint8Array([1, 2]) });
  const read = echo.unary.request.decode(bytes, 0, bytes.length);
  bytes.fill(0xff);
  assert.deepEqual([read.text, ...read.body ?? []], ["Köln", 1, 2]);
});

Deno.test("A codec of a proto file encodes a message as it is now", () => {
  const note = { text: "a" };
  const codec = echo.unary.request;
  assert.equal(codec.encodedBytesMax(note), 3);
  note.text = "abc";
  assert.equal(codec.encodedBytesMax(note), 5);
  const bytes = new Uint8Array(5);
  assert.equal(codec.encode(note, bytes, 0), 5);
  assert.equal(codec.decode(bytes, 0, 5).text, "abc");
});

Deno.test("ProtoFile.method() refuses what the file does not have, or has of another kind", () => {
  const file = new ProtoFile('syntax = "proto3"; message M {} service S { rpc A(M) returns (M); }');
  assert.equal(file.method("S", "A", "unary").path, "/S/A");
  assert.throws(() => file.method("S", "A", "bidiStreaming"), TypeError);
  assert.throws(() => file.method("S", "B", "unary"), TypeError);
  assert.throws(() => file.method("T", "A", "unary"), TypeError);
  assert.throws(() => new ProtoFile("no proto"));
});
