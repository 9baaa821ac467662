import assert from "node:assert/strict";
import { Channel } from "../../lib/grpc/channel.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { ErrorCode } from "../../lib/http2/http2_error.ts";
import type { Transport } from "../../lib/http2/connection.ts";
import { MESSAGE_BYTES_MAX_DEFAULT } from "../../lib/limits.ts";
import { END, MORE, RESPONSE_HEAD, ScriptedServer, STATUS_OK } from "./scripted_peer.ts";
import { all, echo, ECHO_HANDLERS, type Note, TestServer } from "./test_server.ts";

const EMPTY_MESSAGE = new Uint8Array(5);

Deno.test("Channel connects with its first call, and makes all on one connection", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  assert.equal(test.transports.length, 0);
  await Promise.all(Array.from({ length: 50 }, () => channel.unary(echo.unary, {})));
  await channel.connect();
  assert.equal(test.transports.length, 1);
});

Deno.test("Channel.connect() beside calls opens one connection", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  await Promise.all([channel.connect(), channel.unary(echo.unary, {}), channel.connect()]);
  assert.equal(test.transports.length, 1);
});

Deno.test("Channel answers 1 000 calls at once although the server takes 100", async () => {
  let open = 0;
  let openMax = 0;
  await using test = new TestServer({
    unary: async (note) => {
      openMax = Math.max(openMax, ++open);
      await new Promise((resolve) => setTimeout(resolve, 0));
      open--;
      return note;
    },
  });
  const channel = test.channel();
  const calls = Array.from({ length: 1_000 }, (_, count) => channel.unary(echo.unary, { count }));
  const responses = await Promise.all(calls);
  responses.forEach(({ count }, i) => assert.equal(count, i));
  assert.ok(openMax <= 100, `${openMax} at once`);
});

Deno.test("Channel.callsMax is what the server takes at once, once it has said so", async () => {
  await using test = new TestServer(ECHO_HANDLERS, { streamsMax: 7 });
  const channel = test.channel();
  assert.equal(channel.callsMax, Infinity);
  await channel.connect();
  assert.equal(channel.callsMax, 7);
});

Deno.test("Channel keeps its queue when a call that waits cannot be encoded or is made inside", async () => {
  const gate = Promise.withResolvers<void>();
  await using test = new TestServer({
    ...ECHO_HANDLERS,
    unary: async (note) => {
      if (note.text === "held") await gate.promise;
      return note;
    },
  });
  const channel = test.channel();
  await channel.unary(echo.unary, {});
  const held = Array.from({ length: 100 }, () => channel.unary(echo.unary, { text: "held" }));
  const bad = {
    get text(): string {
      throw new TypeError("no text");
    },
  };
  const inner: Promise<Note>[] = [];
  const requests = function* () {
    inner.push(channel.unary(echo.unary, { text: "inner" }));
    yield { text: "outer" };
  };
  const waiting: Promise<Note>[] = [];
  for (let i = 0; i < 20; i++) {
    waiting.push(channel.unary(echo.unary, { count: i }));
    waiting.push(channel.unary(echo.unary, bad));
    waiting.push(channel.clientStreaming(echo.collect, requests()));
  }
  const settled = Promise.allSettled(waiting);
  gate.resolve();
  await Promise.all(held);
  const statuses = (await settled).map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === "rejected").length, 20);
  assert.equal((await Promise.all(inner)).length, 20);
  // Each was made once: those of before, and the bad ones, which the server saw begin or not.
  assert.ok(test.observer.started <= 1 + 100 + 20 * 4, `${test.observer.started} calls`);
});

Deno.test("Channel refuses a call when 10 000 wait already", async () => {
  const stuck: Channel = new Channel({
    dial: () => new Promise<Transport>(() => {}),
    authority: "nowhere:1",
    messageBytesMax: 1_000,
  });
  const calls = Array.from({ length: 10_001 }, () => stuck.unary(echo.unary, {}));
  const settled = Promise.allSettled(calls);
  await assert.rejects(calls[10_000], { code: Code.RESOURCE_EXHAUSTED });
  stuck.close();
  for (const outcome of (await settled).slice(0, 10_000)) {
    assert.equal(outcome.status === "rejected" && outcome.reason.code, Code.UNAVAILABLE);
  }
});

Deno.test("Channel fails all that waits when it cannot connect, and dials again after", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  let failures = 2;
  const channel = new Channel({
    dial: () =>
      failures-- > 0
        ? Promise.reject(new GrpcError(Code.UNAVAILABLE, "nobody there"))
        : test.dial(),
    authority: "memory:1",
    messageBytesMax: MESSAGE_BYTES_MAX_DEFAULT,
  });
  const unavailable = { code: Code.UNAVAILABLE, message: "nobody there" };
  await Promise.all([
    assert.rejects(channel.unary(echo.unary, {}), unavailable),
    assert.rejects(all(channel.serverStreaming(echo.expand, {})), unavailable),
  ]);
  // A call behind connect() waits for the same connection, and fails with it.
  await Promise.all([
    assert.rejects(channel.connect(), unavailable),
    assert.rejects(channel.unary(echo.unary, {}), unavailable),
  ]);
  assert.equal((await channel.unary(echo.unary, { count: 1 })).count, 1);
  channel.close();
});

Deno.test("Channel makes a new connection after the old one broke", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  await channel.unary(echo.unary, {});
  test.transports[0].close();
  for (let i = 0; i < 3; i++) {
    try {
      await channel.unary(echo.unary, {});
    } catch (error) {
      assert.equal((error as GrpcError).code, Code.UNAVAILABLE);
    }
  }
  assert.equal((await channel.unary(echo.unary, { count: 2 })).count, 2);
  assert.equal(test.transports.length, 2);
});

Deno.test("Channel.close() fails calls in flight, and those made later", async () => {
  await using test = new TestServer({
    unary: () => Promise.withResolvers<Note>().promise,
    expand: async function* () {
      yield {};
      await Promise.withResolvers<never>().promise;
    },
  });
  const channel = test.channel();
  const unary = assert.rejects(channel.unary(echo.unary, {}), { code: Code.UNAVAILABLE });
  const reader = channel.serverStreaming(echo.expand, {})[Symbol.asyncIterator]();
  await reader.next();
  channel.close();
  await unary;
  await assert.rejects(reader.next(), { code: Code.UNAVAILABLE });
  const late = channel.unary(echo.unary, {}, { timeoutMs: 3_600_000 });
  await assert.rejects(late, { code: Code.UNAVAILABLE, message: "the channel was closed" });
  await assert.rejects(channel.connect(), { code: Code.UNAVAILABLE });
  assert.equal(test.transports.length, 1);
});

Deno.test("Channel.close() fails calls that wait without dialling again", async () => {
  await using test = new TestServer({ unary: () => Promise.withResolvers<Note>().promise });
  const channel = test.channel();
  await channel.connect();
  const calls = Array.from({ length: 150 }, () => channel.unary(echo.unary, {}));
  const settled = Promise.allSettled(calls);
  await test.observer.whenStarted(100);
  channel.close();
  for (const outcome of await settled) {
    assert.equal(outcome.status === "rejected" && outcome.reason.code, Code.UNAVAILABLE);
  }
  assert.equal(test.transports.length, 1);
});

Deno.test("A unary call that was refused unseen is made once more", async () => {
  let refusals = 1;
  await using server = new ScriptedServer((stream) => {
    if (refusals-- > 0) return stream.reset(ErrorCode.REFUSED_STREAM);
    stream.sendHeaders(RESPONSE_HEAD, MORE);
    stream.sendData(EMPTY_MESSAGE, MORE);
    stream.sendHeaders(STATUS_OK, END);
  });
  await server.channel.unary(echo.unary, {});
  assert.equal(server.heads.length, 2);
  refusals = 2;
  await assert.rejects(server.channel.unary(echo.unary, {}), { code: Code.UNAVAILABLE });
  assert.equal(server.heads.length, 4);
});

Deno.test("After GOAWAY a channel calls on a new connection, and close() ends the old one too", async () => {
  const begun: Promise<void>[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using server = new ScriptedServer(() => gates[begun.push(Promise.resolve()) - 1].resolve());
  const first = server.channel.unary(echo.unary, {});
  const firstFails = assert.rejects(first, { code: Code.UNAVAILABLE });
  await gates[0].promise;
  const drained = server.connections[0].shutdown();
  // A round trip later GOAWAY has come in.
  let second: Promise<unknown> = Promise.resolve();
  while (server.connections.length < 2) {
    second = assert.rejects(server.channel.unary(echo.unary, {}), { code: Code.UNAVAILABLE });
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  server.channel.close();
  await Promise.all([firstFails, second, drained]);
});

Deno.test("Channel keeps a connection whose server answers PINGs, however long a call takes", async () => {
  const gate = Promise.withResolvers<void>();
  await using test = new TestServer({ unary: (note) => gate.promise.then(() => note) });
  const channel = new Channel({
    dial: () => test.dial(),
    authority: "memory:1",
    messageBytesMax: 1_000,
    keepalive: { quietMs: 1, answerMs: 1_000, roundMs: 1 },
  });
  try {
    const call = channel.unary(echo.unary, { text: "late" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    gate.resolve();
    assert.equal((await call).text, "late");
    assert.equal(test.transports.length, 1);
  } finally {
    channel.close();
  }
});

Deno.test("Channel fails the calls of a server that answers no PING", async () => {
  await using test = new TestServer({ unary: () => new Promise<Note>(() => {}) });
  const channel = new Channel({
    dial: async () => {
      const transport = await test.dial();
      const closed = Promise.withResolvers<null>();
      let greeted = false;
      // What the server says after its greeting never arrives, as from a machine that is gone.
      const read = async (into: Uint8Array): Promise<number | null> => {
        if (greeted) return await closed.promise;
        greeted = true;
        return await transport.read(into);
      };
      return {
        read,
        write: (bytes) => transport.write(bytes),
        closeWrite: () => transport.closeWrite(),
        close: () => {
          closed.resolve(null);
          transport.close();
        },
      };
    },
    authority: "memory:1",
    messageBytesMax: 1_000,
    keepalive: { quietMs: 1, answerMs: 1, roundMs: 1 },
  });
  try {
    await assert.rejects(
      channel.unary(echo.unary, {}),
      (error) =>
        error instanceof GrpcError && error.code === Code.UNAVAILABLE &&
        /the peer has not answered a PING/.test(error.message),
    );
  } finally {
    channel.close();
  }
});
