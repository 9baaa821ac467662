import assert from "node:assert/strict";
import { Http2Error } from "../../lib/http2/http2_error.ts";
import { StreamTable } from "../../lib/http2/stream_table.ts";
import { quiescence } from "./byte_pipe.ts";
import {
  data,
  END_HEADERS,
  END_STREAM,
  goaway,
  headers,
  literalBlock,
  reset,
  RESPONSE,
  settings,
  Type,
  valueOf,
} from "./wire.ts";
import { RecordedResponse, WiredClient } from "./wired_client.ts";
import { END } from "./wired_server.ts";

const WHOLE = END_HEADERS | END_STREAM;
const TRAILERS = literalBlock([["grpc-status", "0"]]);
const MAX_CONCURRENT_STREAMS = 3;

Deno.test("a client greets first, and its streams have odd rising numbers", async () => {
  await using client = new WiredClient();
  await quiescence();
  assert.deepEqual(client.peer.frames.map(({ type }) => type), [Type.SETTINGS, Type.WINDOW_UPDATE]);
  client.request({ whole: true });
  client.request({ whole: false });
  await quiescence();
  const [one, two] = client.peer.take(Type.HEADERS);
  assert.deepEqual([one.streamId, two.streamId], [1, 3]);
  assert.deepEqual([one.flags, two.flags], [WHOLE, END_HEADERS]);
  assert.deepEqual(client.peer.fields(one), { ":method": "POST", ":scheme": "http", ":path": "/" });
});

Deno.test("a response comes as head, data and trailers behind interim responses", async () => {
  await using client = new WiredClient();
  await client.greet();
  const { response } = client.request({ whole: true });
  await client.peer.send(
    headers(1, literalBlock([[":status", "100"]])),
    headers(1, literalBlock([[":status", "103"], ["link", "x"]])),
    headers(1, RESPONSE),
    data(1, 3),
    headers(1, TRAILERS, WHOLE),
  );
  assert.deepEqual(response.events, ["head 200", "data 3", "trailers 1"]);
  assert.equal(client.connection.streamCount, 0);
});

Deno.test("a response may end before its request", async () => {
  await using client = new WiredClient();
  await client.greet();
  const { stream, response } = client.request({ whole: false });
  await client.peer.send(headers(1, RESPONSE, WHOLE));
  assert.equal(client.connection.streamCount, 1);
  stream.sendData(new Uint8Array(3), END);
  await quiescence();
  assert.equal(client.peer.takeData(1), 3);
  assert.equal(client.connection.streamCount, 0);
  assert.deepEqual(response.events, ["head 200, end"]);
});

Deno.test("the server's MAX_CONCURRENT_STREAMS bounds the open streams", async () => {
  await using client = new WiredClient();
  assert.ok(client.connection.hasCapacity, "without limit until the server says so");
  await client.greet([MAX_CONCURRENT_STREAMS, 2]);
  client.request({ whole: true });
  client.request({ whole: true });
  assert.ok(!client.connection.hasCapacity);
  assert.throws(() => client.connection.openStream(new RecordedResponse()), Http2Error);
  const before = client.capacityChanges;
  await client.peer.send(headers(1, RESPONSE, WHOLE));
  assert.equal(client.capacityChanges, before + 1);
  assert.ok(client.connection.hasCapacity);
  await client.peer.send(settings([MAX_CONCURRENT_STREAMS, 0]));
  assert.equal(client.capacityChanges, before + 2);
  assert.ok(!client.connection.hasCapacity);
});

Deno.test("GOAWAY refuses the streams above its last one, and lets the others finish", async () => {
  await using client = new WiredClient();
  await client.greet();
  const [one, two, three] = [1, 2, 3].map(() => client.request({ whole: true }).response);
  await client.peer.send(goaway(2 ** 31 - 1, 0));
  assert.ok(client.connection.closing);
  assert.deepEqual(three.events, []);
  await client.peer.send(goaway(3, 0, "bye"));
  assert.deepEqual(three.events, ["reset stream 7"]);
  assert.throws(() => client.connection.openStream(new RecordedResponse()), Http2Error);
  await client.peer.send(headers(1, RESPONSE, WHOLE));
  assert.ok(!client.peer.ended);
  await client.peer.send(headers(3, RESPONSE), data(3, 1, END_STREAM));
  assert.deepEqual([one.events, two.events], [["head 200, end"], ["head 200", "data 1, end"]]);
  assert.ok(client.peer.ended, "with the last stream, the client closes");
  await client.peer.close();
  assert.equal(await client.result, undefined);
});

Deno.test("GOAWAY with an error tells the refused streams which", async () => {
  await using client = new WiredClient();
  await client.greet();
  const { response } = client.request({ whole: true });
  await client.peer.send(goaway(0, 11, "calm down"));
  assert.deepEqual(response.events, ["reset stream 11"]);
  assert.match(String(response.reset), /calm down/);
});

Deno.test("a server that goes away in the middle of a response cuts it off", async () => {
  await using client = new WiredClient();
  await client.greet();
  const { response } = client.request({ whole: true });
  await client.peer.send(headers(1, RESPONSE), data(1, 3));
  await client.peer.close();
  assert.deepEqual(response.events, ["head 200", "data 3", "reset connection 8"]);
  assert.ok(client.connection.closing);
  assert.equal(await client.result, undefined);
});

Deno.test("RST_STREAM from the server ends the stream, and NO_ERROR after a response is fine", async () => {
  await using client = new WiredClient();
  await client.greet();
  const { response: one } = client.request({ whole: true });
  const { stream, response: two } = client.request({ whole: false });
  await client.peer.send(reset(1, 2), headers(3, RESPONSE, WHOLE), reset(3, 0));
  assert.deepEqual(one.events, ["reset stream 2"]);
  assert.deepEqual(two.events, ["head 200, end", "reset stream 0"]);
  assert.ok(stream.closed);
  assert.equal(client.connection.streamCount, 0);
});

Deno.test("a reset before HEADERS sends nothing, as the server does not know the stream", async () => {
  await using client = new WiredClient();
  await client.greet();
  const stream = client.connection.openStream(new RecordedResponse());
  stream.reset(8);
  await quiescence();
  assert.deepEqual(client.peer.take(), []);
  assert.equal(client.connection.streamCount, 0);
  client.request({ whole: true }).stream.reset(8);
  await quiescence();
  assert.deepEqual(client.peer.verdicts(), ["RST_STREAM 8 of 3"]);
});

Deno.test("a client's shutdown finishes its streams and then closes", async () => {
  await using client = new WiredClient();
  await client.greet();
  const { response } = client.request({ whole: true });
  const shutdown = client.connection.shutdown();
  await quiescence();
  const [frame] = client.peer.take(Type.GOAWAY);
  assert.deepEqual([valueOf(frame.payload), valueOf(frame.payload, 4)], [0, 0]);
  await client.peer.send(headers(1, RESPONSE, WHOLE));
  assert.deepEqual(response.events, ["head 200, end"]);
  assert.ok(client.peer.ended);
  await client.peer.close();
  await shutdown;
});

Deno.test("close() tells the streams of a client", async () => {
  await using client = new WiredClient();
  const { response } = client.request({ whole: true });
  client.connection.close();
  assert.deepEqual(response.events, ["reset connection 8"]);
  assert.throws(() => client.connection.openStream(new RecordedResponse()), Http2Error);
});

Deno.test("StreamTable.nextId() is undefined when the identifiers have run out", () => {
  const table = new StreamTable();
  assert.equal(table.nextId(), 1);
  table.use(2 ** 31 - 3);
  assert.equal(table.nextId(), 2 ** 31 - 1);
  table.use(2 ** 31 - 1);
  assert.equal(table.nextId(), undefined);
  assert.ok(!table.isIdle(2 ** 31 - 1));
});

Deno.test("requests sent before the server's settings obey them when they come", async () => {
  await using client = new WiredClient();
  const { stream } = client.request({ whole: false });
  stream.sendData(new Uint8Array(70_000), END);
  await quiescence();
  assert.equal(client.peer.takeData(1), 65_535);
  await client.peer.send(settings([4, 100_000], [MAX_CONCURRENT_STREAMS, 1]));
  assert.equal(client.peer.takeData(1), 0, "the connection's window is used up");
  assert.ok(!client.connection.hasCapacity);
});
