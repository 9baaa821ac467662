import assert from "node:assert/strict";
import type { Channel } from "../../lib/grpc/channel.ts";
import { Metadata } from "../../lib/grpc/metadata.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { CONNECTION_WINDOW_BYTES, STREAM_WINDOW_BYTES } from "../../lib/limits.ts";
import { aborted, all, echo, ECHO_HANDLERS, type Note, TestServer } from "./test_server.ts";

/** Bytes of a message that fills a stream's queue on its own. */
const LARGE_BYTES = 100_000;

/** So many streams' windows are more than the connection's. */
const SLOW_STREAMS = CONNECTION_WINDOW_BYTES / STREAM_WINDOW_BYTES + 2;

/** A call that is held back fails rather than hang. */
const IN_TIME = { timeoutMs: 20_000 } as const;

Deno.test("Client streaming: all requests, one response", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  const requests = ["a", "b", "c"].map((text) => ({ text }));
  const response = await channel.clientStreaming(echo.collect, requests);
  assert.deepEqual([response.text, response.count], ["abc", 3]);
  assert.equal((await channel.clientStreaming(echo.collect, [])).count, 0);
});

Deno.test("Server streaming: one request, all responses in order, or none", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  const responses = await all(channel.serverStreaming(echo.expand, { text: "x", count: 5 }));
  assert.deepEqual(responses.map(({ count }) => count), [0, 1, 2, 3, 4]);
  assert.deepEqual(await all(channel.serverStreaming(echo.expand, { count: 0 })), []);
  assert.deepEqual(test.observer.ended, ["OK", "OK"]);
});

Deno.test("Bidirectional streaming: responses come while requests go", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  let answered = Promise.withResolvers<void>();
  const requests = async function* () {
    for (let i = 0; i < 10; i++) {
      yield { count: i };
      // The next request goes only when this one was answered.
      await answered.promise;
      answered = Promise.withResolvers<void>();
    }
  };
  const seen: (number | undefined)[] = [];
  for await (const { count } of test.channel().bidiStreaming(echo.chat, requests())) {
    seen.push(count);
    answered.resolve();
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("Metadata of a stream arrives before its messages and behind them", async () => {
  const gate = Promise.withResolvers<void>();
  await using test = new TestServer({
    expand: async function* (_note, call) {
      call.headers.append("begin", "1");
      call.sendHeaders();
      await gate.promise;
      call.trailers.append("end", "2");
      yield {};
    },
  });
  let trailers: Metadata | undefined;
  const responses = await all(
    test.channel().serverStreaming(echo.expand, {}, {
      onHeaders: (headers) => {
        assert.deepEqual(headers.entries(), [["begin", "1"]]);
        gate.resolve();
      },
      onTrailers: (metadata) => trailers = metadata,
    }),
  );
  assert.equal(responses.length, 1);
  assert.deepEqual(trailers?.entries(), [["end", "2"]]);
});

Deno.test("An error behind messages reaches the reader behind them", async () => {
  await using test = new TestServer({
    expand: async function* () {
      yield { count: 1 };
      yield { count: 2 };
      throw new GrpcError(Code.DATA_LOSS, "the rest is gone");
    },
  });
  const seen: (number | undefined)[] = [];
  const read = async () => {
    for await (const { count } of test.channel().serverStreaming(echo.expand, {})) seen.push(count);
  };
  await assert.rejects(read(), { code: Code.DATA_LOSS, message: "the rest is gone" });
  assert.deepEqual(seen, [1, 2]);
});

Deno.test("A caller that stops reading cancels the call, which the handler's signal tells", async () => {
  const cancelled = Promise.withResolvers<unknown>();
  await using test = new TestServer({
    expand: async function* (_note, call) {
      aborted(call.signal).then(cancelled.resolve);
      for (let count = 0; !call.signal.aborted; count++) {
        yield { count };
        await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
      }
    },
  });
  for await (const { count } of test.channel().serverStreaming(echo.expand, {})) {
    if (count === 3) break;
  }
  assert.equal((await cancelled.promise as GrpcError).code, Code.CANCELLED);
  assert.deepEqual(test.observer.ended, ["CANCELLED"]);
});

Deno.test("A server that has answered takes no more requests, and the caller is told to stop", async () => {
  await using test = new TestServer({
    collect: async (notes) => {
      for await (const { text } of notes) return { text } as Note;
      return {};
    },
  });
  const stopped = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const requests = async function* () {
    try {
      yield { text: "first" };
      await gate.promise;
      yield { text: "second" };
    } finally {
      stopped.resolve();
    }
  };
  const response = await test.channel().clientStreaming(echo.collect, requests());
  assert.equal(response.text, "first");
  gate.resolve();
  await stopped.promise;
});

Deno.test("An error of the caller's requests cancels the call", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const requests = async function* () {
    yield { text: "a" };
    throw new RangeError("no more");
  };
  await assert.rejects(test.channel().clientStreaming(echo.collect, requests()), RangeError);
  await test.observer.whenEnded(1);
  assert.deepEqual(test.observer.ended, ["CANCELLED"]);
});

Deno.test("10 000 responses to a slow reader: the server is held back", async () => {
  let sent = 0;
  await using test = new TestServer({
    expand: async function* ({ count = 0 }) {
      for (; sent < count; sent++) yield { body: new Uint8Array(1_000), count: sent };
    },
  });
  let received = 0;
  let aheadMax = 0;
  for await (const { count } of test.channel().serverStreaming(echo.expand, { count: 10_000 })) {
    assert.equal(count, received++);
    aheadMax = Math.max(aheadMax, sent - received);
    // A turn of the event loop for each message is slower than the server.
    if (received < 500) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.equal(received, 10_000);
  // A stream window, a queue on either side, the pipe: not the ten megabytes of all.
  assert.ok(aheadMax < 1_000, `${aheadMax} messages ahead`);
});

Deno.test("10 000 requests to a slow handler: the client is held back", async () => {
  let sent = 0;
  let aheadMax = 0;
  await using test = new TestServer({
    collect: async (notes) => {
      let received = 0;
      for await (const { count } of notes) {
        assert.equal(count, received++);
        aheadMax = Math.max(aheadMax, sent - received);
        if (received < 500) await new Promise((resolve) => setTimeout(resolve, 0));
      }
      return { count: received };
    },
  });
  const requests = function* () {
    for (; sent < 10_000; sent++) yield { body: new Uint8Array(1_000), count: sent };
  };
  const { count } = await test.channel().clientStreaming(echo.collect, requests());
  assert.equal(count, 10_000);
  assert.ok(aheadMax < 1_000, `${aheadMax} messages ahead`);
});

Deno.test("Streams that nobody reads do not hold back the others", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  const large = { body: new Uint8Array(LARGE_BYTES), count: 100 };
  const readers = Array.from(
    { length: SLOW_STREAMS },
    () => channel.serverStreaming(echo.expand, large, IN_TIME)[Symbol.asyncIterator](),
  );
  for (const reader of readers) await reader.next();
  await assertOthersGoOn(channel);
  for (const reader of readers) await reader.return?.();
});

Deno.test("Uploads that the server does not read do not hold back the others", async () => {
  const gate = Promise.withResolvers<void>();
  await using test = new TestServer({
    ...ECHO_HANDLERS,
    collect: async (notes) => {
      await gate.promise;
      let count = 0;
      for await (const _ of notes) count++;
      return { count };
    },
  });
  const channel = test.channel();
  let sent = 0;
  const requests = function* () {
    for (let i = 0; i < 20; i++, sent++) yield { body: new Uint8Array(LARGE_BYTES) };
  };
  const uploads = Array.from(
    { length: SLOW_STREAMS },
    () => channel.clientStreaming(echo.collect, requests(), IN_TIME),
  );
  await untilSettled(() => sent);
  assert.ok(sent < SLOW_STREAMS * 10, `${sent} messages have left although nobody reads them`);
  await assertOthersGoOn(channel);
  gate.resolve();
  for (const { count } of await Promise.all(uploads)) assert.equal(count, 20);
});

/** Calls of every kind, which together send more than a connection's window either way. */
async function assertOthersGoOn(channel: Channel): Promise<void> {
  const note = { body: new Uint8Array(LARGE_BYTES), count: 20 };
  for (let i = 0; i < 20; i++) {
    const { body } = await channel.unary(echo.unary, note, IN_TIME);
    assert.equal(body?.length, LARGE_BYTES);
  }
  assert.equal((await all(channel.serverStreaming(echo.expand, note, IN_TIME))).length, 20);
  const requests = Array.from({ length: 20 }, () => note);
  assert.equal((await all(channel.bidiStreaming(echo.chat, requests, IN_TIME))).length, 20);
}

/** Resolves once `count` is the same after a turn of the event loop. */
async function untilSettled(count: () => number): Promise<void> {
  for (let before = -1; before !== count();) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

Deno.test("A cancelled call takes no further response from a handler that was held back", async () => {
  let taken = 0;
  await using test = new TestServer({
    expand: async function* () {
      for (;;) {
        taken++;
        yield { body: new Uint8Array(LARGE_BYTES) };
      }
    },
  });
  const responses = test.channel().serverStreaming(echo.expand, {});
  const reader = responses[Symbol.asyncIterator]();
  await reader.next();
  // The window is full and stays so: nothing is read meanwhile.
  await untilSettled(() => taken);
  const before = taken;
  await reader.return?.();
  await test.observer.whenEnded(1);
  assert.equal(taken, before);
});
