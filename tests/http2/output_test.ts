import assert from "node:assert/strict";
import { HeaderField } from "../../lib/http2/hpack/header_field.ts";
import { OUTPUT_BYTES_MAX } from "../../lib/limits.ts";
import { quiescence } from "./byte_pipe.ts";
import {
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  REQUEST,
  reset,
  settings,
  Type,
  windowUpdate,
} from "./wire.ts";
import { END, MORE, OK, type RecordedRequest, WiredServer } from "./wired_server.ts";

const WINDOW_MAX = 2 ** 31 - 1;
const PING = frame(Type.PING, 0, 0, 8);

function request(streamId: number): Uint8Array {
  return headers(streamId, REQUEST, END_HEADERS | END_STREAM);
}

/** Sends a body without end, as fast as it is taken. */
function flood(request: RecordedRequest): void {
  request.onEnd = () => {
    request.stream.sendHeaders(OK, MORE);
    request.onRoom();
  };
  request.onRoom = () => {
    while (!request.stream.localClosed && request.stream.writable) {
      request.stream.sendData(new Uint8Array(16_384), MORE);
    }
  };
}

Deno.test("answers to several requests in one read leave in one write", async () => {
  await using server = new WiredServer();
  await server.greet();
  const before = server.transport.writes;
  await server.peer.send(...[1, 3, 5, 7, 9].map(request), PING, data(1, 0));
  assert.equal(server.peer.take(Type.HEADERS).length, 5);
  assert.equal(server.transport.writes - before, 1);
});

Deno.test("frames sent between reads leave in one write", async () => {
  await using server = new WiredServer((request) => request.onEnd = () => {});
  await server.greet();
  await server.peer.send(...[1, 3, 5].map(request));
  const before = server.transport.writes;
  for (const { stream } of server.requests) {
    stream.sendHeaders(OK, MORE);
    stream.sendData(new Uint8Array(10), END);
  }
  await quiescence();
  assert.equal(server.peer.take(Type.DATA).length, 3);
  assert.equal(server.transport.writes - before, 1);
});

Deno.test("a peer that does not read is not read from past twice OUTPUT_BYTES_MAX", async () => {
  // Never indexed, it is sent whole each time.
  const field = new HeaderField("a", "b".repeat(200), { sensitive: true });
  await using server = new WiredServer((asked) => {
    asked.onEnd = () => asked.stream.sendHeaders([...OK, field], END);
  }, { capacityBytes: 1_000 });
  await server.greet();
  server.peer.pauseReading();
  const requests = Array.from(
    { length: Math.ceil(4 * OUTPUT_BYTES_MAX / 200) },
    (_, i) => request(2 * i + 1),
  );
  await server.peer.send(...requests);
  const answeredBytes = server.requests.length * 200;
  assert.ok(answeredBytes < 2 * OUTPUT_BYTES_MAX + 700_000, `${answeredBytes} bytes are held`);
  assert.ok(server.requests.length < requests.length);
  server.peer.resumeReading();
  await quiescence();
  assert.equal(server.peer.take(Type.HEADERS).length, requests.length);
});

Deno.test("a peer that does not read gets no more data encoded than OUTPUT_BYTES_MAX", async () => {
  await using server = new WiredServer(flood, { capacityBytes: 1_000 });
  await server.greet([4, WINDOW_MAX]);
  server.peer.pauseReading();
  await server.peer.send(windowUpdate(0, WINDOW_MAX - 65_535), request(1));
  const { stream } = server.requests[0];
  const windowBefore = stream.sendWindow.bytes;
  await server.peer.send(PING);
  assert.equal(stream.sendWindow.bytes, windowBefore);
  assert.ok(!stream.writable);
  stream.reset(8);
});

Deno.test("a body without end does not keep the peer's frames from being read", async () => {
  let chunks = 0;
  await using server = new WiredServer((request) => {
    flood(request);
    const onRoom = request.onRoom;
    request.onRoom = () => {
      onRoom();
      // Ends what would not end, should the reset below go unread.
      if (++chunks === 2_000) request.stream.reset(8);
      if (chunks === 100) server.peerPipe.write(PING);
      if (chunks === 200) server.peerPipe.write(reset(1, 8));
    };
  });
  await server.greet([4, WINDOW_MAX]);
  await server.peer.send(windowUpdate(0, WINDOW_MAX - 65_535), request(1));
  assert.deepEqual(server.requests[0].events, ["head, end", "reset stream 8"]);
  assert.equal(server.peer.pongs().length, 1);
  assert.ok(chunks < 1_000, `${chunks} chunks`);
});

Deno.test("partial writes lose and repeat nothing", async () => {
  let step = 0;
  await using server = new WiredServer((request) => {
    request.onEnd = () => {
      request.stream.sendHeaders(OK, MORE);
      request.stream.sendData(Uint8Array.from({ length: 10_000 }, (_, i) => i * 7), END);
    };
  }, { cut: () => 1 + step++ % 5, capacityBytes: 17 });
  await server.greet();
  await server.peer.send(request(1), request(3));
  for (const id of [1, 3]) {
    const body = server.peer.take(Type.DATA, id).flatMap(({ payload }) => [...payload]);
    assert.deepEqual(body, Array.from({ length: 10_000 }, (_, i) => i * 7 & 255));
  }
});

Deno.test("a failed write ends the connection and tells its streams", async () => {
  await using server = new WiredServer((request) => request.onEnd = () => {});
  await server.greet();
  await server.peer.send(request(1));
  server.transport.write = () => Promise.reject(new Error("broken pipe"));
  server.requests[0].stream.sendHeaders(OK, MORE);
  assert.match(String(await server.result), /broken pipe/);
  assert.deepEqual(server.requests[0].events, ["head, end", "reset connection 8"]);
});

Deno.test("data that waits for flow control takes of the budget, and gives it back", async () => {
  let left = 100_000;
  const budget = {
    take(bytes: number): void {
      if (bytes > left) throw new RangeError("no room");
      left -= bytes;
    },
    giveBack(bytes: number): void {
      left += bytes;
    },
  };
  await using server = new WiredServer(
    (asked) => {
      asked.onEnd = () => asked.stream.sendHeaders(OK, MORE);
    },
    {},
    { budget },
  );
  await server.greet([4, 0]);
  await server.peer.send(request(1), request(3));
  const [first, second] = server.requests.map(({ stream }) => stream);
  first.sendData(new Uint8Array(60_000), END);
  assert.throws(() => second.sendData(new Uint8Array(60_000), MORE), /no room/);
  second.sendData(new Uint8Array(40_000), MORE);
  assert.equal(left, 0);
  await server.peer.send(windowUpdate(1, 50_000));
  assert.equal(left, 50_000);
  await server.peer.send(reset(3, 8), windowUpdate(1, 50_000));
  assert.equal(left, 100_000);
});

Deno.test("the least table size that one SETTINGS passes through is told in the next header block", async () => {
  const field = new HeaderField("a", "b".repeat(30));
  await using server = new WiredServer((asked) => {
    asked.onEnd = () => asked.stream.sendHeaders([...OK, field], END);
  });
  await server.greet();
  await server.peer.send(request(1), settings([1, 0], [1, 4_096]));
  server.peer.take();
  await server.peer.send(request(3));
  const [{ payload }] = server.peer.take(Type.HEADERS, 3);
  assert.equal(payload[0], 0x20);
});

Deno.test("a chunk's memory is given back once: when all of it was sent, or its stream is reset", async () => {
  await using server = new WiredServer((request) => request.onEnd = () => {});
  await server.greet();
  await server.peer.send(request(1), request(3));
  const [first, second] = server.requests.map(({ stream }) => stream);
  const unused: number[] = [];
  for (const stream of [first, second]) {
    stream.sendHeaders(OK, MORE);
    stream.sendData(new Uint8Array(40_000), END, () => unused.push(stream.id));
  }
  await quiescence();
  // The first has left whole, the second as far as the connection's window of 65 535 bytes goes.
  assert.deepEqual(unused, [1]);
  await server.peer.send(reset(3, 8));
  await server.peer.send(windowUpdate(0, 40_000));
  await quiescence();
  assert.deepEqual(unused, [1, 3]);
});
