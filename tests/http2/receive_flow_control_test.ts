import assert from "node:assert/strict";
import { CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES } from "../../lib/limits.ts";
import {
  data,
  END_STREAM,
  type Frame,
  headers,
  join,
  PADDED,
  PREFACE,
  REQUEST,
  settings,
  Type,
  valueOf,
} from "./wire.ts";
import { WiredServer } from "./wired_server.ts";

const FRAME_BYTES = 16_384;

function upload(streamId: number, bytes: number): Uint8Array[] {
  const frames = [];
  for (let left = bytes; left > 0; left -= FRAME_BYTES) {
    frames.push(data(streamId, Math.min(left, FRAME_BYTES)));
  }
  return frames;
}

function credit(updates: readonly Frame[]): number {
  return updates.reduce((sum, { payload }) => sum + valueOf(payload), 0);
}

Deno.test("a server announces its limits and windows first", async () => {
  await using server = new WiredServer();
  await server.peer.send(PREFACE, settings());
  const [first, update, ack] = server.peer.take();
  assert.equal(first.type, Type.SETTINGS);
  const values = Array.from({ length: first.payload.length / 6 }, (_, i) => [
    first.payload[i * 6 + 1],
    valueOf(first.payload, i * 6 + 2),
  ]);
  assert.deepEqual(values, [[3, 100], [4, STREAM_WINDOW_BYTES], [6, 16_384]]);
  assert.deepEqual([update.type, update.streamId], [Type.WINDOW_UPDATE, 0]);
  assert.equal(credit([update]), CONNECTION_WINDOW_BYTES - 65_535);
  assert.deepEqual([ack.type, ack.flags, ack.payload.length], [Type.SETTINGS, 1, 0]);
});

Deno.test("consumed data is credited back to the stream, arrived data to the connection", async () => {
  await using server = new WiredServer();
  await server.greet();
  await server.peer.send(headers(1, REQUEST), ...upload(1, STREAM_WINDOW_BYTES / 2));
  assert.equal(credit(server.peer.take(Type.WINDOW_UPDATE, 1)), STREAM_WINDOW_BYTES / 2);
  await server.peer.send(...upload(1, STREAM_WINDOW_BYTES / 2));
  assert.equal(credit(server.peer.take(Type.WINDOW_UPDATE, 1)), STREAM_WINDOW_BYTES / 2);
  await server.peer.send(...upload(1, STREAM_WINDOW_BYTES));
  assert.equal(credit(server.peer.take(Type.WINDOW_UPDATE, 0)), CONNECTION_WINDOW_BYTES / 2);
  assert.equal(server.requests[0].bodyBytes, 2 * STREAM_WINDOW_BYTES);
});

Deno.test("data that is held gives no credit to its stream, but does to the connection", async () => {
  await using server = new WiredServer((request) => request.consumes = request.stream.id !== 1);
  await server.greet();
  await server.peer.send(headers(1, REQUEST), ...upload(1, STREAM_WINDOW_BYTES));
  assert.deepEqual(server.peer.take(Type.WINDOW_UPDATE, 1), []);
  await server.peer.send(headers(3, REQUEST), ...upload(3, STREAM_WINDOW_BYTES));
  assert.equal(credit(server.peer.take(Type.WINDOW_UPDATE, 0)), CONNECTION_WINDOW_BYTES / 2);
  server.requests[0].stream.consume(STREAM_WINDOW_BYTES);
  await server.peer.send();
  assert.equal(credit(server.peer.take(Type.WINDOW_UPDATE, 1)), STREAM_WINDOW_BYTES);
});

Deno.test("DATA past the stream's window resets the stream", async () => {
  await using server = new WiredServer((request) => request.consumes = false);
  await server.greet();
  await server.peer.send(headers(1, REQUEST), ...upload(1, STREAM_WINDOW_BYTES));
  assert.deepEqual(server.peer.verdicts(), []);
  await server.peer.send(data(1, 1));
  assert.deepEqual(server.peer.verdicts(), ["RST_STREAM 3 of 1"]);
  assert.equal(server.requests[0].events.at(-1), "reset stream 3");
});

Deno.test("padding counts for the windows and comes back by itself", async () => {
  await using server = new WiredServer((request) => request.consumes = false);
  await server.greet();
  const padded = data(1, join([255], new Uint8Array(255)), PADDED);
  const count = Math.ceil(STREAM_WINDOW_BYTES / 2 / 256);
  await server.peer.send(headers(1, REQUEST), ...new Array(count).fill(padded));
  assert.equal(credit(server.peer.take(Type.WINDOW_UPDATE, 1)), count * 256);
  assert.equal(server.requests[0].bodyBytes, 0);
});

Deno.test("DATA without a body needs no window, and credit is not sent for an ended body", async () => {
  await using server = new WiredServer((request) => request.consumes = false);
  await server.greet();
  await server.peer.send(headers(1, REQUEST), ...upload(1, STREAM_WINDOW_BYTES));
  server.requests[0].onEnd = () => {};
  await server.peer.send(data(1, 0), data(1, 0, END_STREAM));
  assert.deepEqual(server.peer.verdicts(), []);
  server.requests[0].stream.consume(STREAM_WINDOW_BYTES);
  await server.peer.send();
  assert.deepEqual(server.peer.take(Type.WINDOW_UPDATE, 1), []);
});

Deno.test("data of streams that were reset counts for the connection's window alone", async () => {
  await using server = new WiredServer((request) => request.stream.reset(8));
  await server.greet();
  await server.peer.send(headers(1, REQUEST), ...upload(1, CONNECTION_WINDOW_BYTES / 2));
  assert.deepEqual(server.peer.verdicts(), ["RST_STREAM 8 of 1"]);
  assert.equal(credit(server.peer.take(Type.WINDOW_UPDATE, 0)), CONNECTION_WINDOW_BYTES / 2);
  assert.equal(server.requests[0].bodyBytes, 0);
});
