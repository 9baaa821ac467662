import assert from "node:assert/strict";
import { CONTINUATION_FRAMES_MAX, HEADER_LIST_BYTES_MAX } from "../../lib/limits.ts";
import {
  END_HEADERS,
  END_STREAM,
  frame,
  headers,
  join,
  literalBlock,
  PADDED,
  PRIORITY,
  REQUEST,
  Type,
} from "./wire.ts";
import { type RecordedRequest, WiredServer } from "./wired_server.ts";

const WHOLE = END_HEADERS | END_STREAM;

function fieldsOf({ head }: RecordedRequest): string[] {
  return head.fields.map(({ name, value }) => `${name}: ${value}`);
}

const FIELDS = [":method: POST", ":scheme: http", ":path: /"];

function continuation(streamId: number, fragment: Uint8Array, flags = 0): Uint8Array {
  return frame(Type.CONTINUATION, flags, streamId, fragment);
}

Deno.test("a header block gives the same request wherever it is cut", async () => {
  await using server = new WiredServer();
  await server.greet();
  let id = 1;
  for (let cut = 0; cut <= REQUEST.length; cut++, id += 2) {
    const first = headers(id, REQUEST.slice(0, cut), END_STREAM);
    await server.peer.send(first, continuation(id, REQUEST.slice(cut), END_HEADERS));
  }
  assert.equal(server.requests.length, REQUEST.length + 1);
  for (const request of server.requests) {
    assert.deepEqual(fieldsOf(request), FIELDS);
    assert.deepEqual(request.events, ["head, end"]);
  }
  assert.deepEqual(server.peer.verdicts(), []);
});

Deno.test("a header block may come in as many CONTINUATION frames as allowed", async () => {
  await using server = new WiredServer();
  await server.greet();
  const rest = Array.from(
    { length: CONTINUATION_FRAMES_MAX - 1 },
    (_, i) => continuation(1, REQUEST.slice(i, i + 1)),
  );
  const last = continuation(1, REQUEST.slice(CONTINUATION_FRAMES_MAX - 1), END_HEADERS);
  await server.peer.send(headers(1, new Uint8Array(0), END_STREAM), ...rest, last);
  assert.deepEqual(server.requests.map(fieldsOf), [FIELDS]);
});

Deno.test("too many or too large CONTINUATION frames end the connection", async (t) => {
  const floods = {
    many: Array.from(
      { length: CONTINUATION_FRAMES_MAX + 1 },
      () => continuation(1, new Uint8Array(0)),
    ),
    large: [continuation(1, new Uint8Array(8_192)), continuation(1, new Uint8Array(8_193))],
  };
  for (const [name, flood] of Object.entries(floods)) {
    await t.step(name, async () => {
      await using server = new WiredServer();
      await server.greet();
      await server.peer.send(headers(1, new Uint8Array(0), END_STREAM), ...flood);
      assert.deepEqual(server.peer.verdicts(), ["GOAWAY 11"]);
      assert.equal(server.requests.length, 0);
    });
  }
});

Deno.test("padding and priority of HEADERS are no part of the block", async () => {
  await using server = new WiredServer();
  await server.greet();
  const priority = [0, 0, 0, 0, 15];
  const padding = [0, 0, 0];
  await server.peer.send(
    headers(1, join([3], REQUEST, padding), WHOLE | PADDED),
    headers(3, join(priority, REQUEST), WHOLE | PRIORITY),
    headers(5, join([3], priority, REQUEST, padding), WHOLE | PADDED | PRIORITY),
    headers(7, join([0], REQUEST.slice(0, 9)), END_STREAM | PADDED),
    continuation(7, REQUEST.slice(9), END_HEADERS | PADDED),
  );
  assert.deepEqual(server.requests.map(fieldsOf), [FIELDS, FIELDS, FIELDS, FIELDS]);
});

Deno.test("a header list that is too large costs its stream alone", async () => {
  await using server = new WiredServer();
  await server.greet();
  // Inserted by the too large list, and used by the next: index 62 is the newest table entry.
  const inserted = join(
    [0x40, 1],
    new TextEncoder().encode("a"),
    [1],
    new TextEncoder().encode("b"),
  );
  const large = literalBlock([["big", "v".repeat(HEADER_LIST_BYTES_MAX - 100)]]);
  assert.ok(large.length + REQUEST.length + inserted.length <= 16_384);
  const entries = join(...Array.from({ length: 10 }, () => [0xbe]));
  await server.peer.send(headers(1, join(REQUEST, inserted, entries, large), WHOLE));
  assert.deepEqual(server.peer.verdicts(), ["RST_STREAM 11 of 1"]);
  await server.peer.send(headers(3, join(REQUEST, [0xbe]), WHOLE));
  assert.deepEqual(server.requests.map(fieldsOf), [[...FIELDS, "a: b"]]);
});

Deno.test("many references to one large field are too large a list", async () => {
  await using server = new WiredServer();
  await server.greet();
  const value = new Uint8Array(4_000).fill(0x61);
  const inserted = join([0x40, 1, 0x78, 0x7f, 4_000 - 127 & 0x7f | 0x80, 4_000 - 127 >> 7], value);
  const references = new Uint8Array(1_000).fill(0xbe);
  await server.peer.send(headers(1, join(REQUEST, inserted, references), WHOLE));
  assert.deepEqual(server.peer.verdicts(), ["RST_STREAM 11 of 1"]);
});

Deno.test("header blocks of refused and reset streams still reach the HPACK table", async () => {
  await using server = new WiredServer((request) => {
    if (request.stream.id === 1) request.stream.reset(8);
  });
  await server.greet();
  const inserted = (name: string) => join([0x40, 1], new TextEncoder().encode(name), [1, 0x62]);
  await server.peer.send(headers(1, REQUEST), headers(1, inserted("t"), WHOLE));
  await server.peer.send(headers(3, join(REQUEST, [0xbe]), WHOLE));
  assert.deepEqual(fieldsOf(server.requests[1]), [...FIELDS, "t: b"]);
  assert.deepEqual(server.peer.verdicts(), ["RST_STREAM 8 of 1"]);
});
