import assert from "node:assert/strict";
import { quiescence } from "./byte_pipe.ts";
import { HeldTimers } from "../support/held_timers.ts";
import {
  ACK,
  data,
  END_HEADERS,
  END_STREAM,
  type Frame,
  frame,
  headers,
  PREFACE,
  REQUEST,
  settings,
  Type,
  valueOf,
} from "./wire.ts";
import { END, OK, type RecordedRequest, WiredServer } from "./wired_server.ts";

const WHOLE = END_HEADERS | END_STREAM;
const PING = frame(Type.PING, 0, 0, 8);

function neverAnswer(request: RecordedRequest): void {
  request.onEnd = () => {};
}

function lastIds(frames: readonly Frame[]): number[] {
  return frames.map(({ payload }) => valueOf(payload));
}

function answerTo(ping: Frame): Uint8Array {
  return frame(Type.PING, ACK, 0, ping.payload);
}

Deno.test("a graceful shutdown takes what is on its way, finishes it, and closes", async () => {
  using timers = new HeldTimers();
  await using server = new WiredServer(neverAnswer);
  await server.greet();
  await server.peer.send(headers(1, REQUEST));
  let over = false;
  const shutdown = server.connection.shutdown().then(() => over = true);
  await quiescence();
  assert.deepEqual(lastIds(server.peer.take(Type.GOAWAY)), [2 ** 31 - 1]);
  const [ping] = server.peer.take(Type.PING);

  await server.peer.send(headers(3, REQUEST, WHOLE), answerTo(ping));
  assert.deepEqual(lastIds(server.peer.take(Type.GOAWAY)), [3]);
  assert.ok(server.connection.closing);

  await server.peer.send(headers(5, REQUEST), data(5, 10, END_STREAM), data(1, 1, END_STREAM));
  assert.deepEqual(server.requests.map(({ stream }) => stream.id), [1, 3]);
  server.requests[0].stream.sendHeaders(OK, END);
  await quiescence();
  assert.ok(!server.peer.ended);
  server.requests[1].stream.sendHeaders(OK, END);
  await quiescence();
  assert.equal(server.peer.take(Type.HEADERS).length, 2);
  assert.deepEqual(server.peer.verdicts(), []);
  assert.ok(server.peer.ended && !over);

  await server.peer.close();
  await shutdown;
  assert.equal(await server.result, undefined);
  assert.equal(timers.count, 0);
});

Deno.test("a peer that never answers the PING does not hold a shutdown up", async () => {
  using timers = new HeldTimers();
  await using server = new WiredServer(neverAnswer);
  await server.greet();
  await server.peer.send(headers(1, REQUEST, WHOLE));
  const shutdown = server.connection.shutdown();
  timers.fire();
  await quiescence();
  assert.deepEqual(lastIds(server.peer.take(Type.GOAWAY)), [2 ** 31 - 1, 1]);
  server.requests[0].stream.sendHeaders(OK, END);
  await quiescence();
  timers.fire();
  await shutdown;
  assert.equal(await server.result, undefined, "nor does one that never closes");
});

Deno.test("a shutdown of an idle connection ends it after the PING", async () => {
  await using server = new WiredServer();
  await server.greet();
  const shutdown = server.connection.shutdown();
  await quiescence();
  await server.peer.send(answerTo(server.peer.take(Type.PING)[0]));
  assert.deepEqual(lastIds(server.peer.take(Type.GOAWAY)), [2 ** 31 - 1, 0]);
  assert.ok(server.peer.ended);
  await server.peer.close();
  await shutdown;
});

Deno.test("a shutdown before the preface closes the connection", async () => {
  await using server = new WiredServer();
  await server.connection.shutdown();
  assert.equal(await server.result, undefined);
  assert.ok(server.transport.closed);
});

Deno.test("every shutdown of a connection resolves, at its end", async () => {
  using timers = new HeldTimers();
  await using server = new WiredServer();
  await server.greet();
  const shutdowns = [server.connection.shutdown(), server.connection.shutdown()];
  await quiescence();
  assert.equal(server.peer.take(Type.GOAWAY).length, 1);
  await server.peer.close();
  await Promise.all(shutdowns);
  await Promise.all([server.connection.shutdown(), server.connection.shutdown()]);
  assert.equal(timers.count, 0);
});

Deno.test("frames from the peer after our side has ended are no error", async () => {
  await using server = new WiredServer();
  await server.greet();
  server.connection.shutdown();
  await quiescence();
  await server.peer.send(answerTo(server.peer.take(Type.PING)[0]));
  assert.ok(server.peer.ended);
  await server.peer.send(PING, settings([4, 5]), headers(1, REQUEST, WHOLE), PING);
  await server.peer.close();
  assert.equal(await server.result, undefined);
});

Deno.test("GOAWAY never names a higher stream than before", async () => {
  using _timers = new HeldTimers();
  await using server = new WiredServer(neverAnswer);
  await server.greet();
  await server.peer.send(headers(1, REQUEST, WHOLE));
  server.connection.shutdown();
  await quiescence();
  await server.peer.send(answerTo(server.peer.take(Type.PING)[0]));
  await server.peer.send(headers(7, REQUEST, WHOLE), frame(Type.PING, 0, 1, 8));
  assert.deepEqual(lastIds(server.peer.take(Type.GOAWAY)), [2 ** 31 - 1, 1, 1]);
});

Deno.test("a shutdown of a connection that has failed adds no GOAWAY", async () => {
  using timers = new HeldTimers();
  await using server = new WiredServer(neverAnswer);
  await server.greet();
  server.connection.shutdown();
  await server.peer.send(frame(Type.PING, 0, 1, 8));
  server.connection.shutdown();
  timers.fire();
  await quiescence();
  const codes = server.peer.take(Type.GOAWAY).map(({ payload }) => valueOf(payload, 4));
  assert.deepEqual(codes, [0, 1]);
});

Deno.test("close() tells streams and ends run()", async () => {
  await using server = new WiredServer(neverAnswer);
  await server.greet();
  await server.peer.send(headers(1, REQUEST));
  server.connection.close();
  server.connection.close();
  assert.deepEqual(server.requests[0].events, ["head", "reset connection 8"]);
  assert.match(String(await server.result), /closed/);
  await quiescence();
  assert.ok(server.peer.ended);
});

Deno.test("a peer that is gone ends the connection and tells streams", async () => {
  await using server = new WiredServer(neverAnswer);
  await server.peer.send(PREFACE, settings(), headers(1, REQUEST));
  await server.peer.close();
  assert.equal(await server.result, undefined);
  assert.deepEqual(server.requests[0].events, ["head", "reset connection 8"]);
});

Deno.test("a peer that does not end its side after an error is left alone in time", async () => {
  using timers = new HeldTimers();
  await using server = new WiredServer();
  await server.greet();
  await server.peer.send(frame(Type.PING, 0, 1, 8));
  assert.ok(server.peer.ended && !server.over);
  await server.peer.send(new Uint8Array(100_000));
  assert.equal(server.transport.unreadBytes, 0, "what it still sends is read");
  timers.fire();
  await quiescence();
  assert.ok(server.over && server.transport.closed);
});
