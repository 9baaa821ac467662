import assert from "node:assert/strict";
import { type CallHead, readCallHead } from "../../lib/grpc/request_head.ts";
import { ServiceRegistry } from "../../lib/grpc/service.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { parseRequestHead } from "../../lib/http2/message_head.ts";
import { fieldsOf } from "./scripted_peer.ts";
import { echo } from "./test_server.ts";

const registry = new ServiceRegistry().add(echo.unary, (note) => note);

function read(pairs: [string, string][], { method = "POST", path = "/test.Echo/Unary" } = {}) {
  const fields = fieldsOf([[":method", method], [":scheme", "http"], [":path", path], ...pairs]);
  return readCallHead(parseRequestHead(1, fields), registry);
}

/** The HTTP status of the answer, "route" for a call, the code of a call that is refused. */
function outcome(answer: ReturnType<typeof read>): string | Code {
  if ("body" in answer) return answer.fields[0].value;
  return answer.route instanceof GrpcError ? answer.route.code : "route";
}

Deno.test("readCallHead() tells gRPC from what is not by its content-type", async (t) => {
  const cases: [contentType: string, expected: string][] = [
    ["application/grpc", "route"],
    ["application/grpc+proto", "route"],
    ["application/grpc;charset=utf-8", "route"],
    ["application/grpc+proto; a=b", "route"],
    ["application/grpc+json", "415"],
    ["application/grpc-web", "415"],
    ["application/grpc-web+proto", "415"],
    ["application/grpcx", "415"],
    ["application/json", "415"],
    ["", "415"],
  ];
  for (const [contentType, expected] of cases) {
    await t.step(JSON.stringify(contentType), () => {
      assert.equal(outcome(read([["content-type", contentType]])), expected);
    });
  }
});

Deno.test("readCallHead() greets who sends no content-type, and refuses other methods", () => {
  assert.equal(outcome(read([], { method: "GET", path: "/" })), "200");
  assert.equal(outcome(read([], { path: "/" })), "200");
  assert.equal(outcome(read([], { method: "PUT", path: "/" })), "405");
  assert.equal(outcome(read([])), "200", "a method that is there is no secret told to strangers");
  const head = read([], { method: "HEAD", path: "/" });
  assert.equal(outcome(head), "200");
  assert.ok("body" in head && head.body.length === 0);
  for (const method of ["GET", "PUT", "OPTIONS"]) {
    assert.equal(outcome(read([["content-type", "application/grpc"]], { method })), "405");
  }
});

Deno.test("readCallHead() refuses calls that cannot be served with the code of their fault", async (t) => {
  const grpc: [string, string] = ["content-type", "application/grpc"];
  const cases: [name: string, pairs: [string, string][], path: string, code: Code][] = [
    ["an unknown method", [], "/test.Echo/Other", Code.UNIMPLEMENTED],
    ["an unknown service", [], "/test.Other/Unary", Code.UNIMPLEMENTED],
    ["a path of one part", [], "/Unary", Code.UNIMPLEMENTED],
    ["a path that is no path", [], "*", Code.UNIMPLEMENTED],
    ["a name that objects have", [], "/test.Echo/constructor", Code.UNIMPLEMENTED],
    ["a malformed timeout", [["grpc-timeout", "1"]], echo.unary.path, Code.INTERNAL],
    ["deflate", [["grpc-encoding", "deflate"]], echo.unary.path, Code.UNIMPLEMENTED],
    ["snappy", [["grpc-encoding", "snappy"]], echo.unary.path, Code.UNIMPLEMENTED],
    ["GZIP", [["grpc-encoding", "GZIP"]], echo.unary.path, Code.UNIMPLEMENTED],
    ["no name of an encoding", [["grpc-encoding", ""]], echo.unary.path, Code.UNIMPLEMENTED],
  ];
  for (const [name, pairs, path, code] of cases) {
    await t.step(name, () => assert.equal(outcome(read([grpc, ...pairs], { path })), code));
  }
});

Deno.test("readCallHead() reads the timeout, and finds the route", () => {
  const call = read([["content-type", "application/grpc"], ["grpc-timeout", "2S"]]) as CallHead;
  assert.equal(call.timeoutMs, 2_000);
  assert.equal(call.route, registry.find(echo.unary.path));
  const without = read([["content-type", "application/grpc"]]) as CallHead;
  assert.equal(without.timeoutMs, undefined);
});

Deno.test("readCallHead() reads the encoding of the messages", () => {
  const cases: [pairs: [string, string][], expected: "gzip" | undefined][] = [
    [[], undefined],
    [[["grpc-encoding", "identity"]], undefined],
    [[["grpc-encoding", "gzip"]], "gzip"],
  ];
  for (const [pairs, expected] of cases) {
    const call = read([["content-type", "application/grpc"], ...pairs]) as CallHead;
    assert.equal(call.encoding, expected);
  }
});

Deno.test("ServiceRegistry.add() refuses a path that is taken", () => {
  assert.throws(() => registry.add(echo.unary, (note) => note), TypeError);
});
