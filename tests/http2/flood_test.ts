import assert from "node:assert/strict";
import { FLOOD_ALLOWANCE_FRAMES, FLOOD_FRAMES_PER_HEADER_LIST } from "../../lib/limits.ts";
import {
  data,
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  join,
  literalBlock,
  PADDED,
  REQUEST,
  reset,
  Type,
  windowUpdate,
} from "./wire.ts";
import { MORE, OK, WiredServer } from "./wired_server.ts";

const WHOLE = END_HEADERS | END_STREAM;

/** Asserts that the connection was ended with ENHANCE_YOUR_CALM because of `what`. */
async function assertEnded(server: WiredServer, what: string): Promise<void> {
  assert.equal(server.peer.verdicts().at(-1), "GOAWAY 11");
  await server.peer.close();
  assert.equal((await server.result)?.message, `too many frames for nothing: ${what}`);
}

/** Twice the allowance: time earns some of it back, in a slow test as well. */
const MANY = 2 * FLOOD_ALLOWANCE_FRAMES;

const oddId = (i: number) => 2 * i + 1;
const repeat = (bytes: Uint8Array, count = MANY) => new Array<Uint8Array>(count).fill(bytes);
const each = (make: (id: number) => readonly Uint8Array[]) =>
  Array.from({ length: MANY }, (_, i) => make(oddId(i))).flat();

Deno.test("frames that cost work and carry nothing end the connection with ENHANCE_YOUR_CALM", async (t) => {
  const cases: readonly [string, string, readonly Uint8Array[]][] = [
    ["PING flood", "PING", repeat(frame(Type.PING, 0, 0, 8))],
    ["PING acknowledgements that nobody asked for", "PING", repeat(frame(Type.PING, 1, 0, 8))],
    ["SETTINGS flood", "SETTINGS", repeat(frame(Type.SETTINGS, 0, 0, 0))],
    ["PRIORITY churn", "PRIORITY", repeat(frame(Type.PRIORITY, 0, 1, 5))],
    ["WINDOW_UPDATE flood", "WINDOW_UPDATE", repeat(windowUpdate(0, 1))],
    ["frames of unknown types", "frames of unknown types", repeat(frame(0xee, 0, 0, 1))],
    ["GOAWAY flood", "GOAWAY", repeat(frame(Type.GOAWAY, 0, 0, 8))],
    ["empty DATA", "empty DATA", [headers(1, REQUEST), ...repeat(data(1, 0))]],
    [
      "DATA of padding alone",
      "empty DATA",
      [headers(1, REQUEST), ...repeat(data(1, Uint8Array.of(0), PADDED))],
    ],
    ["rapid reset", "RST_STREAM", each((id) => [headers(id, REQUEST), reset(id, 8)])],
    [
      "resets of complete requests",
      "RST_STREAM",
      each((id) => [headers(id, REQUEST, WHOLE), reset(id, 8)]),
    ],
    [
      "resets that a peer makes us send",
      "streams that broke the protocol",
      each((id) => [headers(id, REQUEST, WHOLE), data(id, 1)]),
    ],
    [
      "requests that are malformed",
      "streams that broke the protocol",
      each((id) => [headers(id, literalBlock([["A", "b"]]), WHOLE)]),
    ],
  ];
  for (const [name, what, frames] of cases) {
    await t.step(name, async () => {
      await using server = new WiredServer((request) => request.onEnd = () => {});
      await server.greet();
      await server.peer.send(...frames);
      await assertEnded(server, what);
    });
  }
});

Deno.test("header lists over the limit use the allowance up sooner", async () => {
  await using server = new WiredServer();
  await server.greet();
  const field = literalBlock([["x", "y".repeat(1_000)]]);
  const bomb = join(...repeat(field, 16));
  const count = MANY / FLOOD_FRAMES_PER_HEADER_LIST;
  await server.peer.send(
    ...Array.from({ length: count }, (_, i) => headers(oddId(i), bomb, WHOLE)),
  );
  await assertEnded(server, "header lists over the limit");
  assert.equal(server.requests.length, 0);
});

Deno.test("answers earn what an honest client's control frames cost", async () => {
  await using server = new WiredServer();
  await server.greet();
  const chatter = [windowUpdate(0, 1), frame(Type.PING, 0, 0, 8), frame(Type.PRIORITY, 0, 1, 5)];
  for (let i = 0; i < MANY; i++) {
    await server.peer.send(headers(oddId(i), REQUEST, WHOLE), ...chatter);
  }
  assert.deepEqual(server.peer.verdicts(), []);
  assert.equal(server.requests.length, MANY);
});

Deno.test("windows of one byte earn nothing", async () => {
  await using server = new WiredServer((request) => {
    request.onEnd = () => {
      request.stream.sendHeaders(OK, MORE);
      request.stream.sendData(new Uint8Array(16_384), MORE);
    };
  });
  await server.greet([4, 0]);
  await server.peer.send(headers(1, REQUEST, WHOLE));
  await server.peer.send(...repeat(windowUpdate(1, 1)));
  await assertEnded(server, "WINDOW_UPDATE");
});

Deno.test("time earns the allowance back, slowly", async () => {
  await using server = new WiredServer();
  await server.greet();
  await server.peer.send(...repeat(frame(Type.PING, 0, 0, 8), FLOOD_ALLOWANCE_FRAMES - 10));
  const now = performance.now;
  performance.now = () => now.call(performance) + 5_000;
  try {
    await server.peer.send(...repeat(frame(Type.PING, 0, 0, 8), 400));
  } finally {
    performance.now = now;
  }
  assert.deepEqual(server.peer.verdicts(), []);
  assert.equal(server.peer.pongs().length, FLOOD_ALLOWANCE_FRAMES + 390);
});
