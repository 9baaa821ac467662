import assert from "node:assert/strict";
import { Code } from "../../lib/grpc/status.ts";
import { all, echo, ECHO_HANDLERS, TestServer } from "./test_server.ts";

const MIB = 1_048_576;

/** Bytes that differ from place to place, so that nothing can be mixed up unseen. */
function patterned(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >>> 8)) & 0xff);
}

Deno.test("Messages of almost 4 MiB come back whole, of every kind of method", async () => {
  const body = patterned(4 * MIB - 100);
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  assert.deepEqual((await channel.unary(echo.unary, { body })).body, body);
  const [response] = await all(channel.serverStreaming(echo.expand, { body, count: 1 }));
  assert.deepEqual(response.body, body);
  const responses = await all(channel.bidiStreaming(echo.chat, [{ body }, { body }, { body }]));
  for (const response of responses) assert.deepEqual(response.body, body);
  assert.equal(responses.length, 3);
});

Deno.test("A request over the server's limit is RESOURCE_EXHAUSTED, one at the limit is not", async () => {
  await using test = new TestServer(ECHO_HANDLERS, { messageBytesMax: 1_000 });
  const channel = test.channel();
  // A tag and a length of two bytes stand before the body.
  const fits = { body: new Uint8Array(997) };
  const over = { body: new Uint8Array(998) };
  assert.equal((await channel.unary(echo.unary, fits)).body?.length, 997);
  const refusal = {
    code: Code.RESOURCE_EXHAUSTED,
    message: "Cannot read message: 1001 bytes, at most 1000 are accepted",
  };
  await assert.rejects(channel.unary(echo.unary, over), refusal);
  await assert.rejects(
    channel.unary(echo.unary, { body: new Uint8Array(MIB) }),
    refusal.code ? { code: refusal.code } : {},
  );
  await assert.rejects(all(channel.bidiStreaming(echo.chat, [fits, over])), refusal);
  assert.equal(test.transports.length, 1);
});

Deno.test("A response over the client's limit is RESOURCE_EXHAUSTED", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel({ messageBytesMax: 1_000 });
  const over = { body: new Uint8Array(998), count: 1 };
  await assert.rejects(channel.unary(echo.unary, over), { code: Code.RESOURCE_EXHAUSTED });
  await assert.rejects(channel.unary(echo.unary, { body: new Uint8Array(MIB) }), {
    code: Code.RESOURCE_EXHAUSTED,
  });
  await assert.rejects(all(channel.serverStreaming(echo.expand, over)), {
    code: Code.RESOURCE_EXHAUSTED,
  });
  assert.equal((await channel.unary(echo.unary, { text: "still here" })).text, "still here");
});

Deno.test("A slow reader of small messages is held back, not refused", async () => {
  await using test = new TestServer(ECHO_HANDLERS, { messageBytesMax: 1_000 });
  const channel = test.channel({ messageBytesMax: 1_000 });
  const note = { body: new Uint8Array(900), count: 200 };
  let received = 0;
  for await (const _ of channel.serverStreaming(echo.expand, note)) {
    if (received++ === 0) await channel.unary(echo.unary, {});
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assert.equal(received, 200);
});

Deno.test("A handler that is slow to read small messages on many streams refuses none", async () => {
  const gate = Promise.withResolvers<void>();
  await using test = new TestServer({
    collect: async (notes) => {
      await gate.promise;
      return { count: (await all(notes)).length };
    },
  }, { messageBytesMax: 1_000 });
  const channel = test.channel();
  const requests = Array.from({ length: 100 }, () => ({ body: new Uint8Array(900) }));
  const calls = Array.from({ length: 20 }, () => channel.clientStreaming(echo.collect, requests));
  await test.observer.whenStarted(20);
  gate.resolve();
  for (const { count } of await Promise.all(calls)) assert.equal(count, 100);
});

Deno.test("100 uploads at once of a stream window each are all answered", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  const body = patterned(200_000);
  const calls = Array.from({ length: 100 }, () => channel.unary(echo.unary, { body }));
  for (const response of await Promise.all(calls)) assert.equal(response.body?.length, 200_000);
});

Deno.test("Uploads past what one connection may hold are refused, and others go on", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  const body = new Uint8Array(4 * MIB - 100);
  const calls = Array.from({ length: 30 }, () => channel.unary(echo.unary, { body }));
  const outcomes = await Promise.allSettled(calls);
  for (const outcome of outcomes) {
    if (outcome.status === "rejected") assert.equal(outcome.reason.code, Code.RESOURCE_EXHAUSTED);
  }
  assert.ok(outcomes.some(({ status }) => status === "fulfilled"));
  // What the refused ones held was given back.
  for (let i = 0; i < 8; i++) await channel.unary(echo.unary, { body });
});
