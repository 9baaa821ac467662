import assert from "node:assert/strict";
import { writePrefix } from "../../lib/grpc/message_prefix.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { ErrorCode } from "../../lib/http2/http2_error.ts";
import type { ServerStream } from "../../lib/http2/server_connection.ts";
import { END, fieldsOf, MORE, RESPONSE_HEAD, ScriptedServer, STATUS_OK } from "./scripted_peer.ts";
import { all, echo } from "./test_server.ts";

/** A prefix that promises `promised` bytes, and `bytes` of a Note whose `count` is 0. */
function prefixed(bytes: number, promised = bytes): Uint8Array {
  const message = new Uint8Array(5 + bytes);
  writePrefix(message, 0, promised);
  for (let at = 5; at < message.length; at += 2) message[at] = 0x18;
  return message;
}

function respond(stream: ServerStream, chunks: Uint8Array[], trailers = STATUS_OK): void {
  stream.sendHeaders(RESPONSE_HEAD, MORE);
  for (const chunk of chunks) stream.sendData(chunk, MORE);
  stream.sendHeaders(trailers, END);
}

type Script = (stream: ServerStream) => void;

const CASES: [name: string, script: Script, code: Code, message: RegExp][] = [
  ["no message", (s) => respond(s, []), Code.INTERNAL, /no message/],
  [
    "two messages in a frame each",
    (s) => respond(s, [prefixed(2), prefixed(2)]),
    Code.INTERNAL,
    /two messages/,
  ],
  [
    "two messages in one frame",
    (s) => respond(s, [new Uint8Array([...prefixed(2), ...prefixed(2)])]),
    Code.INTERNAL,
    /two messages/,
  ],
  ["half a message", (s) => respond(s, [prefixed(2, 10)]), Code.INTERNAL, /incomplete/],
  [
    "a message and a half",
    (s) => respond(s, [prefixed(2), prefixed(2, 10)]),
    Code.INTERNAL,
    /incomplete/,
  ],
  [
    "a compressed message",
    (s) => respond(s, [new Uint8Array([1, 0, 0, 0, 0])]),
    Code.INTERNAL,
    /compressed/,
  ],
  [
    "no status behind the message",
    (s) => respond(s, [prefixed(0)], fieldsOf([["x", "y"]])),
    Code.UNKNOWN,
    /without a status/,
  ],
  [
    "no trailers",
    (s) => {
      s.sendHeaders(RESPONSE_HEAD, MORE);
      s.sendData(prefixed(0), END);
    },
    Code.UNKNOWN,
    /without a status/,
  ],
  [
    "a status nobody knows",
    (s) => respond(s, [], fieldsOf([["grpc-status", "99"]])),
    Code.UNKNOWN,
    /^$/,
  ],
  [
    "a status beside metadata that is not base64",
    (s) =>
      respond(s, [], fieldsOf([["grpc-status", "5"], ["grpc-message", "a%20b"], ["k-bin", "*"]])),
    Code.NOT_FOUND,
    /^a b$/,
  ],
  [
    "trailers only",
    (s) => s.sendHeaders([...RESPONSE_HEAD, ...fieldsOf([["grpc-status", "7"]])], END),
    Code.PERMISSION_DENIED,
    /^$/,
  ],
  ["HTTP 503", (s) => s.sendHeaders(fieldsOf([[":status", "503"]]), END), Code.UNAVAILABLE, /503/],
  [
    "HTTP 404 with a body",
    (s) => {
      s.sendHeaders(fieldsOf([[":status", "404"], ["content-type", "text/html"]]), MORE);
      s.sendData(new Uint8Array(10), END);
    },
    Code.UNIMPLEMENTED,
    /404/,
  ],
  [
    "another content-type",
    (s) => {
      s.sendHeaders(fieldsOf([[":status", "200"], ["content-type", "text/html"]]), MORE);
      s.sendData(new Uint8Array(10), END);
    },
    Code.UNKNOWN,
    /text\/html/,
  ],
  ["RST_STREAM NO_ERROR", (s) => s.reset(0), Code.INTERNAL, /reset/],
  ["RST_STREAM PROTOCOL_ERROR", (s) => s.reset(1), Code.INTERNAL, /reset/],
  ["RST_STREAM CANCEL", (s) => s.reset(8), Code.CANCELLED, /reset/],
  ["RST_STREAM ENHANCE_YOUR_CALM", (s) => s.reset(11), Code.RESOURCE_EXHAUSTED, /reset/],
  ["RST_STREAM INADEQUATE_SECURITY", (s) => s.reset(12), Code.PERMISSION_DENIED, /reset/],
  ["RST_STREAM of an unknown code", (s) => s.reset(255), Code.INTERNAL, /reset/],
];

Deno.test("A unary call tells what is wrong with its response", async (t) => {
  for (const [name, script, code, message] of CASES) {
    await t.step(name, async () => {
      await using server = new ScriptedServer(script);
      await assert.rejects(server.channel.unary(echo.unary, {}), (error: GrpcError) => {
        assert.equal(error.name, "GrpcError");
        assert.equal(error.code, code);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});

Deno.test("A call that the server cancels behind the deadline ends with the deadline", async () => {
  let deadlineMs = Infinity;
  await using server = new ScriptedServer((stream) => {
    // Nothing here waits for a timer, so the client's own cannot fire before the reset comes in.
    while (performance.now() < deadlineMs);
    stream.reset(ErrorCode.CANCEL);
  });
  await server.channel.connect();
  const call = server.channel.unary(echo.unary, {}, { timeoutMs: 1 });
  deadlineMs = performance.now() + 1;
  await assert.rejects(call, { code: Code.DEADLINE_EXCEEDED, message: "no answer within 0.001 s" });
  assert.equal(server.heads.length, 1);
});

Deno.test("A client streaming call needs one response message", async (t) => {
  for (const count of [0, 2, 3]) {
    await t.step(`${count} messages`, async () => {
      const messages = Array.from({ length: count }, () => prefixed(0));
      await using server = new ScriptedServer((stream) => respond(stream, messages));
      await assert.rejects(server.channel.clientStreaming(echo.collect, []), {
        code: Code.INTERNAL,
        message: count === 0 ? /no message/ : /two messages/,
      });
    });
  }
});

Deno.test("A stream whose last message is cut off ends INTERNAL behind the whole ones", async () => {
  await using server = new ScriptedServer((stream) =>
    respond(stream, [prefixed(0), prefixed(2, 10)])
  );
  const reader = server.channel.serverStreaming(echo.expand, {})[Symbol.asyncIterator]();
  assert.ok(!(await reader.next()).done);
  await assert.rejects(reader.next(), { code: Code.INTERNAL, message: /incomplete/ });
});

Deno.test("Interim responses are passed over", async () => {
  await using server = new ScriptedServer((stream) => {
    stream.sendHeaders(fieldsOf([[":status", "103"], ["link", "x"]]), MORE);
    respond(stream, [prefixed(0)]);
  });
  assert.equal((await server.channel.unary(echo.unary, {})).count, 0);
});

Deno.test("A request carries what the protocol demands", async () => {
  await using server = new ScriptedServer((stream) => respond(stream, [prefixed(0)]));
  await server.channel.unary(echo.unary, {}, { timeoutMs: 5_000 });
  const fields = new Map(server.heads[0].fields.map(({ name, value }) => [name, value]));
  assert.equal(fields.get(":method"), "POST");
  assert.equal(fields.get(":scheme"), "http");
  assert.equal(fields.get(":path"), "/test.Echo/Unary");
  assert.equal(fields.get(":authority"), "script:1");
  assert.equal(fields.get("te"), "trailers");
  assert.equal(fields.get("content-type"), "application/grpc");
  assert.match(fields.get("grpc-timeout") ?? "", /^[1-9][0-9]{0,7}m$/);
  await all(server.channel.serverStreaming(echo.expand, {}));
  const names = server.heads[1].fields.map(({ name }) => name);
  assert.ok(!names.includes("grpc-timeout"));
});
