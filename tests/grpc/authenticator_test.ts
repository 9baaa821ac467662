import assert from "node:assert/strict";
import { Channel } from "../../lib/grpc/channel.ts";
import { MESSAGE_BYTES_MAX_DEFAULT } from "../../lib/limits.ts";
import { Metadata } from "../../lib/grpc/metadata.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import type { RequestHead } from "../../lib/http2/message_head.ts";
import { fieldsOf, ScriptedClient } from "./scripted_peer.ts";
import { all, echo, ECHO_HANDLERS, TestServer } from "./test_server.ts";

const REFUSED = { code: Code.UNAUTHENTICATED, message: "who are you" };

/** Lets those in who show a word, and counts how often it is asked. */
class Doorman {
  asked = 0;
  readonly #word: string;

  constructor(word: string) {
    this.#word = word;
  }

  refusalOf({ fields }: RequestHead): GrpcError | undefined {
    this.asked++;
    const isKnown = fields.some(({ name, value }) => name === "word" && value === this.#word);
    return isKnown ? undefined : new GrpcError(REFUSED.code, REFUSED.message);
  }
}

const showing = (word: string) => ({ metadata: new Metadata().append("word", word) });

Deno.test("An authenticator's refusal is the status of calls of every kind, and no handler hears of them", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  test.server.authenticator = new Doorman("yes");
  const channel = test.channel();
  await assert.rejects(channel.unary(echo.unary, {}), REFUSED);
  await assert.rejects(channel.unary(echo.unary, {}, showing("no")), REFUSED);
  await assert.rejects(channel.clientStreaming(echo.collect, [{}, {}]), REFUSED);
  await assert.rejects(all(channel.serverStreaming(echo.expand, { count: 1 })), REFUSED);
  await assert.rejects(all(channel.bidiStreaming(echo.chat, [{}])), REFUSED);
  assert.deepEqual(new Set(test.observer.ended), new Set(["UNAUTHENTICATED"]));
  assert.equal((await channel.unary(echo.unary, { text: "a" }, showing("yes"))).text, "a");
});

Deno.test("Whether a method exists is told only to who may call", async () => {
  await using test = new TestServer({});
  test.server.authenticator = new Doorman("yes");
  const channel = test.channel();
  await assert.rejects(channel.unary(echo.unary, {}), REFUSED);
  await assert.rejects(channel.unary(echo.unary, {}, showing("yes")), {
    code: Code.UNIMPLEMENTED,
  });
});

Deno.test("A request that is not gRPC's is greeted without an authenticator's leave", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  test.server.authenticator = new Doorman("yes");
  using client = new ScriptedClient(await test.dial());
  const head = fieldsOf([[":method", "GET"], [":scheme", "http"], [":path", "/"]]);
  assert.equal((await client.request(head, [])).status, 200);
});

Deno.test("An authenticator is asked once for calls that repeat their head", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const doorman = new Doorman("yes");
  test.server.authenticator = doorman;
  const channel = new Channel({
    dial: () => test.dial(),
    authority: "memory:1",
    messageBytesMax: MESSAGE_BYTES_MAX_DEFAULT,
    metadata: showing("yes").metadata,
  });
  // The first call's fields enter the tables; from the second on the head is the same object.
  for (let i = 0; i < 10; i++) await channel.unary(echo.unary, {});
  assert.ok(doorman.asked <= 2, `asked ${doorman.asked} times`);
  channel.close();
});

Deno.test("Another authenticator judges the next call on connections that are open", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  const first = showing("first");
  test.server.authenticator = new Doorman("first");
  for (let i = 0; i < 3; i++) await channel.unary(echo.unary, {}, first);
  test.server.authenticator = new Doorman("second");
  await assert.rejects(channel.unary(echo.unary, {}, first), REFUSED);
  await channel.unary(echo.unary, {}, showing("second"));
  test.server.authenticator = undefined;
  await channel.unary(echo.unary, {}, first);
  assert.equal(test.transports.length, 1);
});
