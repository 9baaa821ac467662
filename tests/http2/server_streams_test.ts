import assert from "node:assert/strict";
import { CONCURRENT_STREAMS_MAX, RESET_STREAMS_REMEMBERED } from "../../lib/limits.ts";
import {
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  join,
  literalBlock,
  REQUEST,
  reset,
  Type,
} from "./wire.ts";
import { DONE, END, MORE, OK, type RecordedRequest, WiredServer } from "./wired_server.ts";

const WHOLE = END_HEADERS | END_STREAM;
const TRAILERS = literalBlock([["a", "b"]]);

function withLength(bytes: number): Uint8Array {
  return join(REQUEST, literalBlock([["content-length", String(bytes)]]));
}

function neverAnswer(request: RecordedRequest): void {
  request.onEnd = () => {};
}

Deno.test("streams above CONCURRENT_STREAMS_MAX are refused, and taken again below it", async () => {
  await using server = new WiredServer(neverAnswer);
  await server.greet();
  const ids = Array.from({ length: CONCURRENT_STREAMS_MAX }, (_, i) => 2 * i + 1);
  await server.peer.send(...ids.map((id) => headers(id, REQUEST, WHOLE)));
  assert.equal(server.connection.streamCount, CONCURRENT_STREAMS_MAX);
  await server.peer.send(headers(301, REQUEST), data(301, 10, END_STREAM));
  assert.deepEqual(server.peer.verdicts(), ["RST_STREAM 7 of 301"]);
  server.requests[0].stream.sendHeaders(OK, END);
  await server.peer.send(headers(303, REQUEST, WHOLE));
  assert.equal(server.requests.at(-1)?.stream.id, 303);
  assert.equal(server.requests.length, CONCURRENT_STREAMS_MAX + 1);
});

Deno.test("RST_STREAM from the peer is told once, and frees the stream", async () => {
  await using server = new WiredServer(neverAnswer);
  await server.greet();
  await server.peer.send(headers(1, REQUEST), headers(3, REQUEST, WHOLE));
  await server.peer.send(reset(1, 8), reset(1, 8), reset(3, 200));
  assert.deepEqual(server.requests[0].events, ["head", "reset stream 8"]);
  assert.deepEqual(server.requests[1].events, ["head, end", "reset stream 200"]);
  assert.equal(server.connection.streamCount, 0);
  assert.throws(() => server.requests[0].stream.sendHeaders(OK, END), TypeError);
  server.requests[0].stream.reset(8);
  await server.peer.send();
  assert.deepEqual(server.peer.verdicts(), [], "RST_STREAM is not answered by RST_STREAM");
});

Deno.test("what was on its way to a stream that we reset is ignored", async () => {
  await using server = new WiredServer((request) => request.stream.reset(8));
  await server.greet();
  await server.peer.send(headers(1, REQUEST));
  await server.peer.send(
    data(1, 5),
    frame(Type.WINDOW_UPDATE, 0, 1, Uint8Array.of(0, 0, 0, 1)),
    headers(1, TRAILERS, WHOLE),
    reset(1, 8),
  );
  assert.deepEqual(server.peer.verdicts(), ["RST_STREAM 8 of 1"]);
  assert.deepEqual(server.requests[0].events, ["head"]);
});

Deno.test("resets before the last RESET_STREAMS_REMEMBERED are remembered as a range", async () => {
  await using server = new WiredServer((request) => {
    if (request.stream.id <= 2 * RESET_STREAMS_REMEMBERED + 1) request.stream.reset(8);
  });
  await server.greet();
  const count = RESET_STREAMS_REMEMBERED + 1;
  const ids = Array.from({ length: count }, (_, i) => 2 * i + 1);
  await server.peer.send(...ids.map((id) => headers(id, REQUEST)));
  const after = 2 * count + 1;
  await server.peer.send(headers(after, REQUEST, WHOLE));
  server.peer.take();
  await server.peer.send(data(ids[1], 1), data(ids[0], 1), data(after, 1));
  assert.deepEqual(server.peer.verdicts(), [`RST_STREAM 5 of ${after}`]);
});

Deno.test("a whole answer before the request's end resets the rest with NO_ERROR", async () => {
  await using server = new WiredServer((request) => {
    request.stream.sendHeaders(OK, MORE);
    request.stream.sendHeaders(DONE, END);
  });
  await server.greet();
  await server.peer.send(headers(1, REQUEST), data(1, 10), data(1, 0, END_STREAM));
  const types = server.peer.frames.map(({ type }) => type);
  assert.deepEqual(types, [Type.HEADERS, Type.HEADERS, Type.RST_STREAM]);
  assert.deepEqual(server.peer.verdicts(), ["RST_STREAM 0 of 1"]);
  assert.equal(server.connection.streamCount, 0);
});

Deno.test("bodies and trailers come in the order of the wire", async () => {
  await using server = new WiredServer();
  await server.greet();
  await server.peer.send(
    headers(1, REQUEST),
    headers(3, REQUEST),
    data(1, 3),
    data(3, 4, END_STREAM),
    headers(1, TRAILERS, WHOLE),
  );
  assert.deepEqual(server.requests[0].events, ["head", "data 3", "trailers"]);
  assert.equal(server.requests[0].trailers?.[0].name, "a");
  assert.deepEqual(server.requests[1].events, ["head", "data 4, end"]);
});

Deno.test("malformed messages reset their stream alone", async (t) => {
  const malformed: Record<string, readonly Uint8Array[]> = {
    "a request without :path": [headers(1, REQUEST.slice(0, -9), WHOLE)],
    "more body than content-length": [headers(1, withLength(3)), data(1, 4)],
    "less body than content-length": [headers(1, withLength(3)), data(1, 2, END_STREAM)],
    "no body for a content-length": [headers(1, withLength(3), WHOLE)],
    "trailers before the body's length": [headers(1, withLength(3)), headers(1, TRAILERS, WHOLE)],
    "trailers that do not end the stream": [headers(1, REQUEST), headers(1, TRAILERS)],
    "trailers with a pseudo-header field": [headers(1, REQUEST), headers(1, REQUEST, WHOLE)],
  };
  for (const [what, frames] of Object.entries(malformed)) {
    await t.step(what, async () => {
      await using server = new WiredServer(neverAnswer);
      await server.greet();
      await server.peer.send(...frames, headers(3, withLength(2)), data(3, 2, END_STREAM));
      assert.deepEqual(server.peer.verdicts(), ["RST_STREAM 1 of 1"]);
      const resets = server.requests.filter(({ reset }) => reset !== undefined);
      assert.equal(resets.length, server.requests.length - 1, "its handler is told, if it has one");
      assert.deepEqual(server.requests.at(-1)?.events, ["head", "data 2, end"]);
    });
  }
});

Deno.test("a handler that throws ends the connection with INTERNAL_ERROR", async () => {
  await using server = new WiredServer((request) => {
    request.onEnd = () => {
      throw new Error("a bug");
    };
  });
  await server.greet();
  await server.peer.send(headers(1, REQUEST), headers(3, REQUEST, WHOLE));
  assert.deepEqual(server.peer.verdicts(), ["GOAWAY 2"]);
  assert.deepEqual(server.requests[0].events, ["head", "reset connection 8"]);
  await server.peer.close();
  assert.match(String(await server.result), /a bug/);
});

Deno.test("PING is answered with its payload", async () => {
  await using server = new WiredServer();
  await server.greet();
  const payload = new TextEncoder().encode("12345678");
  await server.peer.send(frame(Type.PING, 0, 0, payload), frame(Type.PING, 0xfe, 0, payload));
  assert.deepEqual(server.peer.pongs(), ["12345678", "12345678"]);
});
