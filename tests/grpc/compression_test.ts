import assert from "node:assert/strict";
import type { Channel } from "../../lib/grpc/channel.ts";
import type { CallOptions } from "../../lib/grpc/client_call.ts";
import { gunzip, gzip } from "../../lib/grpc/gzip.ts";
import { acceptsGzip } from "../../lib/grpc/message_encoding.ts";
import { markCompressed, PREFIX_BYTES, writePrefix } from "../../lib/grpc/message_prefix.ts";
import { responseHeaders } from "../../lib/grpc/response_fields.ts";
import { Code, type GrpcError } from "../../lib/grpc/status.ts";
import { HpackEncoder } from "../../lib/http2/hpack/encoder.ts";
import type { HeaderList } from "../../lib/http2/hpack/header_field.ts";
import type { ServerStream } from "../../lib/http2/server_connection.ts";
import {
  END,
  fieldsOf,
  MORE,
  RESPONSE_HEAD,
  ScriptedClient,
  ScriptedServer,
  STATUS_OK,
} from "./scripted_peer.ts";
import {
  all,
  echo,
  ECHO_HANDLERS,
  type EchoHandlers,
  mayUseNet,
  type Note,
  TestServer,
} from "./test_server.ts";

const MIB = 1_048_576;
const TEXT = "what repeats, repeats; ".repeat(500);

/** A length-prefixed message. */
function prefixed(bytes: Uint8Array, { compressed = false } = {}): Uint8Array {
  const message = new Uint8Array(PREFIX_BYTES + bytes.length);
  writePrefix(message, 0, bytes.length);
  if (compressed) markCompressed(message, 0);
  message.set(bytes, PREFIX_BYTES);
  return message;
}

function packed(bytes: Uint8Array): Uint8Array {
  return prefixed(bytes, { compressed: true });
}

/** A Note, encoded. */
function encoded(note: Note): Uint8Array {
  const codec = echo.unary.request;
  const bytes = new Uint8Array(codec.encodedBytesMax(note));
  return bytes.subarray(0, codec.encode(note, bytes, 0));
}

/** Takes apart what was sent: the compressed flag and the length on the wire of each message. */
function wireMessages(body: Uint8Array): { flag: number; bytes: Uint8Array }[] {
  const messages = [];
  for (let at = 0; at < body.length;) {
    const end = at + PREFIX_BYTES + new DataView(body.buffer).getUint32(at + 1);
    messages.push({ flag: body[at], bytes: body.slice(at + PREFIX_BYTES, end) });
    at = end;
  }
  return messages;
}

function requestHead(path: string, ...more: [string, string][]): HeaderList {
  return fieldsOf([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    ["content-type", "application/grpc"],
    ...more,
  ]);
}

const GZIP: [string, string] = ["grpc-encoding", "gzip"];
const ACCEPT_GZIP: [string, string] = ["grpc-accept-encoding", "identity, deflate, gzip"];

/** Answers what came in, compressed as it came, on every kind of method. */
const MIRROR: EchoHandlers = {
  unary: (note, call) => {
    call.compress = call.requestCompressed;
    return note;
  },
  collect: async (notes, call) => {
    const seen: boolean[] = [];
    for await (const _ of notes) seen.push(call.requestCompressed);
    call.compress = seen.includes(true);
    return { text: seen.join() };
  },
  expand: async function* ({ text, count = 0 }, call) {
    call.compress = true;
    for (let i = 0; i < count; i++) {
      call.compress = i % 2 === 0;
      yield { text, count: i } as Note;
    }
  },
  chat: async function* (notes, call) {
    call.compress = true;
    for await (const note of notes) {
      call.compress = call.requestCompressed;
      yield note;
    }
  },
};

Deno.test("Messages travel compressed both ways where both sides ask for it", async (t) => {
  await using test = new TestServer(MIRROR);
  const channels: [name: string, channel: Channel][] = [["memory", test.channel()]];
  if (mayUseNet) channels.push(["TCP", test.tcpChannel(test.listen())]);
  for (const [name, channel] of channels) {
    let seen: boolean[] = [];
    const options: CallOptions = { onMessage: ({ compressed }) => seen.push(compressed) };
    await t.step(`${name}: unary`, async () => {
      for (const text of ["", "x", TEXT]) {
        for (const compress of [true, false]) {
          seen = [];
          const note = await channel.unary(echo.unary, { text }, { ...options, compress });
          assert.deepEqual([note.text, seen], [text, [compress]]);
        }
      }
    });
    await t.step(`${name}: client streaming, each request by choice`, async () => {
      seen = [];
      const compress = (index: number) => index === 1;
      const requests = [{ text: TEXT }, { text: TEXT }, {}];
      const call = { ...options, compress };
      const { text } = await channel.clientStreaming(echo.collect, requests, call);
      assert.deepEqual([text, seen], ["false,true,false", [true]]);
    });
    await t.step(`${name}: server streaming, each response by choice`, async () => {
      seen = [];
      const note = { text: TEXT, count: 4 };
      const notes = await all(channel.serverStreaming(echo.expand, note, options));
      assert.deepEqual(
        notes.map(({ text, count }) => [text, count]),
        [0, 1, 2, 3].map((count) => [
          TEXT,
          count,
        ]),
      );
      assert.deepEqual(seen, [true, false, true, false]);
    });
    await t.step(`${name}: bidirectional, 300 requests by choice`, async () => {
      seen = [];
      const compress = (index: number) => index % 3 === 0;
      const requests = Array.from({ length: 300 }, (_, count) => ({ text: TEXT, count }));
      const notes = await all(
        channel.bidiStreaming(echo.chat, requests, { ...options, compress }),
      );
      assert.deepEqual(notes.map(({ count }) => count), requests.map(({ count }) => count));
      assert.deepEqual(seen, requests.map((_, i) => i % 3 === 0));
    });
  }
  assert.deepEqual(test.observer.handlerErrors, []);
});

Deno.test("Compressed messages of almost 4 MiB come back whole", async () => {
  const body = Uint8Array.from({ length: 4 * MIB - 100 }, (_, i) => (i * 31 + (i >>> 8)) & 0xff);
  await using test = new TestServer(MIRROR);
  const channel = test.channel();
  const options = { compress: true };
  assert.deepEqual((await channel.unary(echo.unary, { body }, options)).body, body);
  const notes = [{ body }, { body }, { body }];
  const responses = await all(channel.bidiStreaming(echo.chat, notes, options));
  for (const response of responses) assert.deepEqual(response.body, body);
  assert.equal(responses.length, 3);
});

Deno.test("Nothing is compressed unless it is asked for, and both ends say what they read", async () => {
  await using server = new ScriptedServer((stream) => answer(stream, [], [prefixed(encoded({}))]));
  await server.channel.unary(echo.unary, { text: TEXT });
  await server.channel.unary(echo.unary, { text: TEXT }, { compress: false });
  await server.channel.unary(echo.unary, { text: TEXT }, { compress: true });
  const named = server.heads.map(({ fields }) =>
    fields.filter(({ name }) => name.startsWith("grpc-")).map(({ name, value }) =>
      `${name}: ${value}`
    )
  );
  const accept = "grpc-accept-encoding: identity,gzip";
  assert.deepEqual(named, [[accept], [accept], [accept, "grpc-encoding: gzip"]]);

  await using test = new TestServer(ECHO_HANDLERS);
  using client = new ScriptedClient(await test.dial());
  const request = [prefixed(encoded({ text: TEXT }))];
  const { fields, body } = await client.request(
    requestHead(echo.unary.path, ACCEPT_GZIP),
    request,
  );
  assert.equal(fields.get("grpc-accept-encoding"), "identity,gzip");
  assert.equal(fields.get("grpc-encoding"), undefined);
  assert.equal(wireMessages(body)[0].flag, 0);
});

Deno.test("The head of a response is one list each, of an octet a field once it has been sent", () => {
  const encoder = new HpackEncoder(4_096);
  const output = new Uint8Array(1_000);
  for (const [encoding, octets] of [[undefined, 3], ["gzip", 4]] as const) {
    const head = responseHeaders(undefined, encoding);
    assert.equal(responseHeaders(undefined, encoding), head);
    encoder.encode(head, output, 0);
    assert.equal(encoder.encode(head, output, 0), octets);
  }
});

Deno.test("A response is compressed on the wire, only for a client that reads gzip", async (t) => {
  await using test = new TestServer({
    unary: (note, call) => {
      call.compress = true;
      return note;
    },
  });
  using client = new ScriptedClient(await test.dial());
  const note = encoded({ text: TEXT });
  const cases: [name: string, more: [string, string][], compressed: boolean][] = [
    ["no grpc-accept-encoding", [], false],
    ["identity", [["grpc-accept-encoding", "identity"]], false],
    ["others", [["grpc-accept-encoding", "identity,deflate,xgzip"]], false],
    ["gzip in the request alone", [GZIP], false],
    ["gzip", [["grpc-accept-encoding", "gzip"]], true],
    ["gzip among others", [ACCEPT_GZIP], true],
    [
      "gzip in a second field",
      [["grpc-accept-encoding", "identity"], ["grpc-accept-encoding", "deflate ,\tgzip"]],
      true,
    ],
  ];
  for (const [name, more, compressed] of cases) {
    await t.step(name, async () => {
      const head = requestHead(echo.unary.path, ...more);
      const { fields, body } = await client.request(head, [prefixed(note)]);
      const [message] = wireMessages(body);
      assert.equal(fields.get("grpc-status"), "0");
      assert.equal(fields.get("grpc-encoding"), compressed ? "gzip" : undefined);
      assert.equal(message.flag, compressed ? 1 : 0);
      assert.equal(message.bytes.length < note.length, compressed);
      const plain = compressed ? gunzip(message.bytes, MIB) : message.bytes;
      assert.equal(echo.unary.response.decode(plain, 0, plain.length).text, TEXT);
      assert.equal(acceptsGzip(head), compressed);
    });
  }
  await t.step("gzip, and a message that it does not shrink", async () => {
    const { body } = await client.request(requestHead(echo.unary.path, ACCEPT_GZIP), [
      prefixed(new Uint8Array()),
    ]);
    assert.equal(wireMessages(body)[0].flag, 1);
  });
});

Deno.test("A handler that fails behind compressed messages, or before any, ends its call as ever", async () => {
  await using test = new TestServer({
    unary: (_note, call) => {
      call.compress = true;
      throw new RangeError("made up");
    },
    expand: async function* (_note, call) {
      call.compress = true;
      yield { text: TEXT };
      throw new RangeError("made up");
    },
  });
  using client = new ScriptedClient(await test.dial());
  for (const [path, messages] of [[echo.unary.path, 0], [echo.expand.path, 1]] as const) {
    const head = requestHead(path, ACCEPT_GZIP);
    const { fields, body } = await client.request(head, [prefixed(new Uint8Array())]);
    assert.equal(fields.get("grpc-status"), String(Code.UNKNOWN));
    assert.equal(wireMessages(body).length, messages);
  }
});

Deno.test("A handler that asks for compression behind the head is told that it is too late", async () => {
  const errors: unknown[] = [];
  await using test = new TestServer({
    expand: async function* (_note, call) {
      assert.equal(call.compress, false);
      call.compress = false;
      yield {};
      call.compress = false;
      try {
        call.compress = true;
      } catch (error) {
        errors.push(error);
      }
      yield {};
    },
  });
  const responses = await all(test.channel().serverStreaming(echo.expand, {}));
  assert.equal(responses.length, 2);
  assert.ok(errors[0] instanceof TypeError);
});

/** Requests that a server must not answer, each a body behind `grpc-encoding` as it says. */
const BAD_REQUESTS: [
  name: string,
  encoding: string | undefined,
  body: Uint8Array,
  code: Code,
  text: RegExp,
][] = [
  ["no encoding", undefined, packed(gzip(encoded({}))), Code.INTERNAL, /flag is 1, but no grpc-/],
  ["identity", "identity", packed(gzip(encoded({}))), Code.INTERNAL, /flag is 1, but no grpc-/],
  ["flag 2", "gzip", new Uint8Array([2, 0, 0, 0, 0]), Code.INTERNAL, /flag is 2/],
  ["an empty message", "gzip", packed(new Uint8Array()), Code.INTERNAL, /damaged/],
  ["no gzip data", "gzip", packed(new Uint8Array(100)), Code.INTERNAL, /damaged/],
  [
    "truncated data",
    "gzip",
    packed(gzip(encoded({ text: TEXT })).slice(0, -9)),
    Code.INTERNAL,
    /damaged/,
  ],
  [
    "garbage behind it",
    "gzip",
    packed(new Uint8Array([...gzip(encoded({})), 0])),
    Code.INTERNAL,
    /1 bytes stand behind/,
  ],
  [
    "a length on the wire that lies",
    "gzip",
    packed(gzip(encoded({ text: TEXT }))).map((byte, i) => i === 4 ? byte - 1 : byte),
    Code.INTERNAL,
    /damaged|incomplete/,
  ],
  [
    "what is no message once decompressed",
    "gzip",
    packed(gzip(new Uint8Array([0xff, 0xff]))),
    Code.INTERNAL,
    /not a message/,
  ],
  [
    "more than a message may have, decompressed",
    "gzip",
    packed(gzip(new Uint8Array(MIB + 1))),
    Code.RESOURCE_EXHAUSTED,
    /more than 1048576 bytes/,
  ],
  [
    "a bomb",
    "gzip",
    packed(gzip(new Uint8Array(100 * MIB))),
    Code.RESOURCE_EXHAUSTED,
    /more than 1048576 bytes/,
  ],
  ["deflate", "deflate", prefixed(encoded({})), Code.UNIMPLEMENTED, /deflate is not supported/],
  ["snappy", "snappy", packed(encoded({})), Code.UNIMPLEMENTED, /snappy is not supported/],
];

Deno.test("A server refuses compressed requests that it cannot read, and goes on", async (t) => {
  await using test = new TestServer(ECHO_HANDLERS, { messageBytesMax: MIB });
  using client = new ScriptedClient(await test.dial());
  for (const [name, encoding, body, code, text] of BAD_REQUESTS) {
    for (const method of [echo.unary, echo.collect, echo.expand, echo.chat]) {
      await t.step(`${name}, ${method.kind}`, async () => {
        const named: [string, string][] = encoding === undefined
          ? []
          : [["grpc-encoding", encoding]];
        const { fields } = await client.request(requestHead(method.path, ...named), [body]);
        assert.equal(fields.get("grpc-status"), String(code));
        assert.match(decodeURIComponent(fields.get("grpc-message") ?? ""), text);
        assert.equal(fields.get("grpc-accept-encoding"), "identity,gzip");
      });
    }
  }
  const good = requestHead(echo.unary.path, GZIP);
  const { fields } = await client.request(good, [packed(gzip(encoded({ text: TEXT })))]);
  assert.equal(fields.get("grpc-status"), "0");
  assert.deepEqual(test.observer.handlerErrors, []);
});

function answer(stream: ServerStream, more: [string, string][], chunks: Uint8Array[]): void {
  stream.sendHeaders([...RESPONSE_HEAD, ...fieldsOf(more)], MORE);
  for (const chunk of chunks) stream.sendData(chunk, MORE);
  stream.sendHeaders(STATUS_OK, END);
}

Deno.test("A client refuses compressed responses that it cannot read", async (t) => {
  const cases: [name: string, more: [string, string][], body: Uint8Array, code: Code, RegExp][] = [
    ["no encoding", [], packed(gzip(encoded({}))), Code.INTERNAL, /no grpc-encoding was agreed/],
    [
      "an encoding that it does not read",
      [["grpc-encoding", "snappy"]],
      packed(encoded({})),
      Code.INTERNAL,
      /grpc-encoding snappy is not supported, need identity or gzip/,
    ],
    ["flag 2", [GZIP], new Uint8Array([2, 0, 0, 0, 0]), Code.INTERNAL, /flag is 2/],
    ["no gzip data", [GZIP], packed(new Uint8Array(100)), Code.INTERNAL, /damaged/],
    [
      "a bomb",
      [GZIP],
      packed(gzip(new Uint8Array(900_000))),
      Code.RESOURCE_EXHAUSTED,
      /more than 1000 bytes/,
    ],
  ];
  for (const [name, more, body, code, message] of cases) {
    await t.step(name, async () => {
      await using server = new ScriptedServer((stream) => answer(stream, more, [body]));
      const refusal = (error: GrpcError) => {
        assert.equal(error.code, code);
        assert.match(error.message, message);
        return true;
      };
      await assert.rejects(server.channel.unary(echo.unary, {}), refusal);
      await assert.rejects(all(server.channel.serverStreaming(echo.expand, {})), refusal);
    });
  }
  await t.step("but takes plain messages behind an encoding that it does not read", async () => {
    const more: [string, string][] = [["grpc-encoding", "snappy"]];
    await using server = new ScriptedServer((stream) =>
      answer(stream, more, [prefixed(encoded({ count: 7 }))])
    );
    assert.equal((await server.channel.unary(echo.unary, {})).count, 7);
  });
});

Deno.test("A compressed request counts decompressed, until its call is over", async () => {
  const gate = Promise.withResolvers<void>();
  await using test = new TestServer({
    unary: async ({ text }) => {
      await gate.promise;
      return { text } as Note;
    },
  });
  const channel = test.channel();
  const body = new Uint8Array(4 * MIB - 100);
  // All of them together are some 200 KB on the wire.
  const calls = Array.from(
    { length: 50 },
    () => channel.unary(echo.unary, { body }, { compress: true }),
  );
  const outcomes = Promise.allSettled(calls);
  // A connection may hold 26 MB, so that six fit.
  await test.observer.whenEnded(44);
  assert.deepEqual(new Set(test.observer.ended), new Set(["RESOURCE_EXHAUSTED"]));
  gate.resolve();
  const fulfilled = (await outcomes).filter(({ status }) => status === "fulfilled");
  assert.equal(fulfilled.length, 6);
  for (let i = 0; i < 8; i++) await channel.unary(echo.unary, { body }, { compress: true });
});

Deno.test("Streams whose handlers hold a decompressed message each are bounded together", async () => {
  const gate = Promise.withResolvers<void>();
  await using test = new TestServer({
    collect: async (notes) => {
      let count = 0;
      for await (const _ of notes) {
        count++;
        await gate.promise;
      }
      return { count };
    },
  });
  const channel = test.channel();
  const requests = [{ body: new Uint8Array(4 * MIB - 100) }, {}];
  const call = () => channel.clientStreaming(echo.collect, requests, { compress: true });
  const outcomes = Promise.allSettled(Array.from({ length: 50 }, call));
  await test.observer.whenEnded(44);
  gate.resolve();
  const fulfilled = (await outcomes).filter(({ status }) => status === "fulfilled");
  assert.equal(fulfilled.length, 6);
  // One that was read gives back what it held, within a call and behind it.
  const many = Array.from({ length: 30 }, () => requests[0]);
  const { count } = await channel.clientStreaming(echo.collect, many, { compress: true });
  assert.equal(count, 30);
});

Deno.test("Compressed messages wait compressed: a slow reader refuses none", async () => {
  const gate = Promise.withResolvers<void>();
  await using test = new TestServer({
    collect: async (notes) => {
      await gate.promise;
      return { count: (await all(notes)).length };
    },
    expand: ECHO_HANDLERS.expand ?? assert.fail(),
  });
  const channel = test.channel();
  const requests = Array.from({ length: 50 }, () => ({ body: new Uint8Array(MIB) }));
  const calls = Array.from(
    { length: 3 },
    () => channel.clientStreaming(echo.collect, requests, { compress: true }),
  );
  await test.observer.whenStarted(3);
  // Another call's round trip: what the client sends unasked has arrived.
  await all(channel.serverStreaming(echo.expand, {}));
  gate.resolve();
  for (const { count } of await Promise.all(calls)) assert.equal(count, 50);
});

Deno.test("A caller that is slow to read compressed responses gets all of them", async () => {
  await using test = new TestServer({
    expand: async function* ({ count = 0 }, call) {
      call.compress = true;
      for (let i = 0; i < count; i++) yield { body: new Uint8Array(199_000), count: i };
    },
  });
  const channel = test.channel({ messageBytesMax: 200_000 });
  // 60 MB in all, more than the call may hold.
  let received = 0;
  for await (const { count, body } of channel.serverStreaming(echo.expand, { count: 300 })) {
    assert.deepEqual([count, body?.length], [received++, 199_000]);
    if (received < 50) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.equal(received, 300);
});

Deno.test("A listener of messages that throws ends its own call", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  const bug = new Error("in the listener");
  const onMessage = () => {
    throw bug;
  };
  await assert.rejects(channel.unary(echo.unary, {}, { onMessage }), bug);
  const responses = channel.serverStreaming(echo.expand, { count: 3 }, { onMessage });
  await assert.rejects(all(responses), bug);
  assert.equal((await channel.unary(echo.unary, { text: "still here" })).text, "still here");
});
