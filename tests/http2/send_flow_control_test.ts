import assert from "node:assert/strict";
import { STREAM_QUEUE_BYTES_LOW } from "../../lib/limits.ts";
import {
  END_HEADERS,
  END_STREAM,
  headers,
  REQUEST,
  reset,
  settings,
  Type,
  windowUpdate,
} from "./wire.ts";
import { DONE, END, MORE, OK, type RecordedRequest, WiredServer } from "./wired_server.ts";

const INITIAL_WINDOW = 4;
const WINDOW_DEFAULT = 65_535;

function request(streamId: number): Uint8Array {
  return headers(streamId, REQUEST, END_HEADERS | END_STREAM);
}

/** Answers every request with a body of so many bytes, in chunks of their own. */
function answerWith(...chunks: readonly number[]) {
  return (request: RecordedRequest) => {
    request.onEnd = () => {
      request.stream.sendHeaders(OK, MORE);
      for (const bytes of chunks) request.stream.sendData(new Uint8Array(bytes), MORE);
      request.stream.sendHeaders(DONE, END);
    };
  };
}

Deno.test("a response larger than its stream's window waits for WINDOW_UPDATE", async () => {
  await using server = new WiredServer(answerWith(100_000));
  await server.greet();
  await server.peer.send(windowUpdate(0, 1_000_000), request(1));
  assert.equal(server.peer.takeData(1), WINDOW_DEFAULT);
  assert.equal(server.peer.take(Type.HEADERS).length, 1, "trailers wait behind the data");
  await server.peer.send(windowUpdate(1, 10));
  assert.equal(server.peer.takeData(1), 10);
  await server.peer.send(windowUpdate(1, 100_000));
  assert.equal(server.peer.takeData(1), 100_000 - WINDOW_DEFAULT - 10);
  const [trailers] = server.peer.take(Type.HEADERS);
  assert.equal(trailers.flags, END_HEADERS | END_STREAM);
  assert.equal(server.connection.streamCount, 0);
});

Deno.test("a response larger than the connection's window waits for WINDOW_UPDATE", async () => {
  await using server = new WiredServer(answerWith(100_000));
  await server.greet([INITIAL_WINDOW, 1_000_000]);
  await server.peer.send(request(1));
  assert.equal(server.peer.takeData(1), WINDOW_DEFAULT);
  await server.peer.send(windowUpdate(1, 100_000));
  assert.equal(server.peer.takeData(1), 0);
  await server.peer.send(windowUpdate(0, 100_000));
  assert.equal(server.peer.takeData(1), 100_000 - WINDOW_DEFAULT);
  assert.equal(server.connection.streamCount, 0);
});

Deno.test("an empty DATA frame with END_STREAM needs no window", async () => {
  await using server = new WiredServer((request) => {
    request.onEnd = () => {
      request.stream.sendHeaders(OK, MORE);
      request.stream.sendData(new Uint8Array(0), END);
    };
  });
  await server.greet([INITIAL_WINDOW, 0]);
  await server.peer.send(request(1));
  assert.deepEqual(server.peer.take(Type.DATA).map(({ flags }) => flags), [END_STREAM]);
  assert.equal(server.connection.streamCount, 0);
});

Deno.test("DATA frames are no larger than the peer's MAX_FRAME_SIZE", async () => {
  await using server = new WiredServer(answerWith(40_000));
  await server.greet();
  await server.peer.send(windowUpdate(0, 40_000), request(1));
  await server.peer.send(settings([5, 20_000]), request(3));
  const lengths = (id: number) =>
    server.peer.take(Type.DATA, id).map(({ payload }) => payload.length);
  assert.deepEqual(lengths(1), [16_384, 16_384, 7_232]);
  assert.deepEqual(lengths(3), [20_000, 20_000]);
});

Deno.test("DATA frames are no larger than half the output's bound, whatever the peer takes", async () => {
  await using server = new WiredServer(answerWith(400_000));
  await server.greet([INITIAL_WINDOW, 1_000_000], [5, 2 ** 24 - 1]);
  await server.peer.send(windowUpdate(0, 1_000_000), request(1));
  const lengths = server.peer.take(Type.DATA, 1).map(({ payload }) => payload.length);
  assert.deepEqual(lengths, [131_072, 131_072, 131_072, 6_784]);
});

Deno.test("a lower INITIAL_WINDOW_SIZE takes credit back that was used", async () => {
  await using server = new WiredServer(answerWith(100_000));
  await server.greet();
  await server.peer.send(windowUpdate(0, 1_000_000), request(1));
  assert.equal(server.peer.takeData(1), WINDOW_DEFAULT);
  await server.peer.send(settings([INITIAL_WINDOW, 0]));
  await server.peer.send(windowUpdate(1, WINDOW_DEFAULT));
  assert.equal(server.peer.takeData(1), 0, "the window is 0 after having been negative");
  await server.peer.send(windowUpdate(1, 1));
  assert.equal(server.peer.takeData(1), 1);
  await server.peer.send(settings([INITIAL_WINDOW, 100]));
  assert.equal(server.peer.takeData(1), 100);
  await server.peer.send(settings([INITIAL_WINDOW, 100_000]));
  assert.equal(server.peer.takeData(1), 100_000 - WINDOW_DEFAULT - 101);
});

Deno.test("a window taken back stops a stream that waits for the connection's window", async () => {
  await using server = new WiredServer(answerWith(100_000));
  await server.greet([INITIAL_WINDOW, 80_000]);
  await server.peer.send(request(1));
  assert.equal(server.peer.takeData(1), WINDOW_DEFAULT);
  await server.peer.send(settings([INITIAL_WINDOW, 1_000]), windowUpdate(0, 500_000));
  assert.equal(server.peer.takeData(1), 0, "its window is negative");
  await server.peer.send(settings([INITIAL_WINDOW, WINDOW_DEFAULT]), windowUpdate(0, 1));
  assert.deepEqual(server.peer.take(Type.DATA), [], "its window is 0");
  await server.peer.send(windowUpdate(1, 50_000));
  assert.equal(server.peer.takeData(1), 100_000 - WINDOW_DEFAULT);
});

Deno.test("one stream without window does not stall the others", async () => {
  await using server = new WiredServer(answerWith(70_000));
  await server.greet();
  await server.peer.send(windowUpdate(0, 1_000_000), request(1), request(3));
  await server.peer.send(windowUpdate(3, 10_000));
  assert.equal(server.peer.takeData(1), WINDOW_DEFAULT);
  assert.equal(server.peer.takeData(3), 70_000);
});

Deno.test("streams that wait for the connection's window take turns", async () => {
  await using server = new WiredServer(answerWith(200_000));
  await server.greet([INITIAL_WINDOW, 1_000_000]);
  await server.peer.send(request(1), request(3), request(5));
  server.peer.take(Type.DATA);
  await server.peer.send(windowUpdate(0, 9 * 16_384));
  const order = server.peer.take(Type.DATA).map(({ streamId }) => streamId);
  assert.deepEqual(order, [1, 3, 5, 1, 3, 5, 1, 3, 5]);
});

Deno.test("a reset stream's queue gives its turn to the others", async () => {
  await using server = new WiredServer(answerWith(200_000));
  await server.greet([INITIAL_WINDOW, 1_000_000]);
  await server.peer.send(request(1), request(3));
  server.peer.take(Type.DATA);
  await server.peer.send(reset(1, 8), windowUpdate(0, 1_000_000));
  assert.equal(server.peer.takeData(1), 0);
  assert.equal(server.peer.takeData(3), 200_000);
  assert.deepEqual(server.requests[0].events, ["head, end", "reset stream 8"]);
});

Deno.test("Stream.writable is false over the low mark, and onWritable tells of the change", async () => {
  await using server = new WiredServer((request) => request.onEnd = () => {});
  await server.greet([INITIAL_WINDOW, 0]);
  await server.peer.send(request(1));
  const [{ stream }] = server.requests;
  stream.sendHeaders(OK, MORE);
  stream.sendData(new Uint8Array(STREAM_QUEUE_BYTES_LOW), MORE);
  assert.ok(stream.writable);
  stream.sendData(new Uint8Array(20_000), MORE);
  assert.ok(!stream.writable);
  await server.peer.send(windowUpdate(1, 19_999));
  assert.equal(server.requests[0].writable, 0);
  await server.peer.send(windowUpdate(1, 1));
  assert.equal(server.requests[0].writable, 1);
  assert.ok(stream.writable);
  stream.sendHeaders(DONE, END);
  await server.peer.send(windowUpdate(1, 1_000_000), windowUpdate(0, 1_000_000));
  assert.equal(server.requests[0].writable, 1, "an ended stream is not told");
  assert.equal(server.peer.takeData(1), STREAM_QUEUE_BYTES_LOW + 20_000);
});

Deno.test("onWritable may send at once, in small chunks and over and over", async () => {
  const chunks = 60_000;
  await using server = new WiredServer((request) => {
    let sent = 0;
    request.onRoom = () => {
      while (sent < chunks && request.stream.writable) {
        request.stream.sendData(new Uint8Array(5), ++sent === chunks);
      }
    };
    request.onEnd = () => {
      request.stream.sendHeaders(OK, MORE);
      request.onRoom();
    };
  });
  await server.greet([INITIAL_WINDOW, 0]);
  await server.peer.send(request(1));
  await server.peer.send(windowUpdate(0, 1_000_000), windowUpdate(1, 1_000_000));
  assert.equal(server.peer.takeData(1), chunks * 5);
  assert.equal(server.connection.streamCount, 0);
});

Deno.test("Stream.encodeData sends one frame in place, or nothing", async () => {
  await using server = new WiredServer((request) => request.onEnd = () => {});
  await server.greet();
  await server.peer.send(request(1));
  const [{ stream }] = server.requests;
  const encoder = {
    encodeData: (into: Uint8Array, at: number) => into.fill(7, at, at + 3) && at + 3,
  };
  stream.sendHeaders(OK, MORE);
  assert.ok(stream.encodeData(16_384, encoder, MORE));
  assert.ok(!stream.encodeData(16_385, encoder, MORE), "past the frame size");
  stream.sendData(new Uint8Array(WINDOW_DEFAULT - 6), MORE);
  assert.ok(!stream.encodeData(4, encoder, MORE), "past the window");
  assert.ok(stream.encodeData(3, encoder, MORE));
  stream.sendData(new Uint8Array(1), MORE);
  assert.ok(!stream.encodeData(0, encoder, END), "behind queued data");
  await server.peer.send(windowUpdate(0, 10), windowUpdate(1, 10));
  assert.ok(stream.encodeData(3, encoder, END));
  await server.peer.send();
  assert.equal(server.peer.takeData(1), WINDOW_DEFAULT + 4);
  assert.throws(() => stream.sendData(new Uint8Array(1), MORE), TypeError);
});

Deno.test("headers behind queued data must be trailers", async () => {
  await using server = new WiredServer((request) => request.onEnd = () => {});
  await server.greet([INITIAL_WINDOW, 0]);
  await server.peer.send(request(1));
  const [{ stream }] = server.requests;
  stream.sendHeaders(OK, MORE);
  stream.sendData(new Uint8Array(1), MORE);
  assert.throws(() => stream.sendHeaders(OK, MORE), TypeError);
});
