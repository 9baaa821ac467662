import assert from "node:assert/strict";
import { Metadata } from "../../lib/grpc/metadata.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { fieldsOf, ScriptedClient } from "./scripted_peer.ts";
import { all, echo, ECHO_HANDLERS, type Note, TestServer } from "./test_server.ts";
import { memoryPipe } from "./memory_pipe.ts";

const CONTENT_TYPE = ["content-type", "application/grpc"] as const;

function request(path: string, ...more: (readonly [string, string])[]) {
  return fieldsOf([[":method", "POST"], [":scheme", "http"], [":path", path], ...more]);
}

Deno.test("A request without one whole message ends INTERNAL", async (t) => {
  const message = [0, 0, 0, 0, 2, 0x18, 1];
  const cases: [name: string, chunks: number[][], text: RegExp][] = [
    ["no body", [], /no message/],
    ["an empty body", [[]], /no message/],
    ["two messages", [[...message, ...message]], /two messages/],
    ["two messages in a frame each", [message, message], /two messages/],
    ["half a message", [message.slice(0, 6)], /incomplete/],
    ["half a prefix", [message.slice(0, 3)], /incomplete/],
    ["a message and half a prefix", [[...message, 0, 0]], /incomplete/],
    ["a message and a byte behind it", [message, [0]], /incomplete/],
    ["a compressed message", [[1, ...message.slice(1)]], /compressed/],
  ];
  await using test = new TestServer(ECHO_HANDLERS);
  using client = new ScriptedClient(await test.dial());
  for (const [name, chunks, text] of cases) {
    await t.step(name, async () => {
      const bytes = chunks.map((chunk) => Uint8Array.from(chunk));
      const response = await client.request(request("/test.Echo/Unary", CONTENT_TYPE), bytes);
      assert.equal(response.status, 200);
      assert.equal(response.fields.get("grpc-status"), String(Code.INTERNAL));
      assert.match(response.fields.get("grpc-message") ?? "", text);
    });
  }
  assert.deepEqual(test.observer.handlerErrors, []);
});

Deno.test("A client stream that is cut off ends INTERNAL", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  using client = new ScriptedClient(await test.dial());
  const head = request("/test.Echo/Collect", CONTENT_TYPE);
  const response = await client.request(head, [new Uint8Array([0, 0, 0, 0, 9, 1])]);
  assert.equal(response.fields.get("grpc-status"), String(Code.INTERNAL));
});

Deno.test("The responses of a method have their head although there is none", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  using client = new ScriptedClient(await test.dial());
  const head = request("/test.Echo/Expand", CONTENT_TYPE);
  const response = await client.request(head, [new Uint8Array(5)]);
  assert.equal(response.status, 200);
  assert.equal(response.fields.get("content-type"), "application/grpc");
  assert.equal(response.fields.get("grpc-status"), "0");
  assert.equal(response.body.length, 0);
});

Deno.test("Requests that are not gRPC's get an answer of HTTP's", async (t) => {
  const get = (...more: (readonly [string, string])[]) =>
    fieldsOf([[":method", "GET"], [":scheme", "http"], [":path", "/"], ...more]);
  await using test = new TestServer(ECHO_HANDLERS);
  using client = new ScriptedClient(await test.dial());
  await t.step("a look", async () => {
    const { status, fields, body } = await client.request(get());
    assert.equal(status, 200);
    assert.equal(new TextDecoder().decode(body), "This port speaks gRPC.\n");
    assert.equal(fields.get("content-length"), String(body.length));
  });
  await t.step("another content-type, with a body", async () => {
    const head = request("/test.Echo/Unary", ["content-type", "application/json"]);
    const { status } = await client.request(head, [new Uint8Array(100), new Uint8Array(100)]);
    assert.equal(status, 415);
  });
  await t.step("another method", async () => {
    const { status, fields } = await client.request(get(CONTENT_TYPE));
    assert.equal(status, 405);
    assert.equal(fields.get("allow"), "POST");
  });
  assert.equal(test.observer.started, 0);
});

Deno.test("A malformed timeout and an encoding we lack end the call before its handler", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  using client = new ScriptedClient(await test.dial());
  const path = "/test.Echo/Unary";
  const timeout = await client.request(request(path, CONTENT_TYPE, ["grpc-timeout", "soon"]));
  assert.equal(timeout.fields.get("grpc-status"), String(Code.INTERNAL));
  const encoding = await client.request(request(path, CONTENT_TYPE, ["grpc-encoding", "deflate"]));
  assert.equal(encoding.fields.get("grpc-status"), String(Code.UNIMPLEMENTED));
  assert.equal(encoding.fields.get("grpc-accept-encoding"), "identity,gzip");
  assert.match(encoding.fields.get("grpc-message") ?? "", /deflate .* need identity or gzip/);
  const identity = await client.request(
    request(path, CONTENT_TYPE, ["grpc-encoding", "identity"]),
    [new Uint8Array(5)],
  );
  assert.equal(identity.fields.get("grpc-status"), "0");
  assert.deepEqual(test.observer.ended, ["INTERNAL", "UNIMPLEMENTED", "OK"]);
});

Deno.test("Metadata that is not base64 is INTERNAL to the handler that asks for it", async () => {
  await using test = new TestServer({ unary: (note, call) => call.metadata ? note : note });
  using client = new ScriptedClient(await test.dial());
  const head = request("/test.Echo/Unary", CONTENT_TYPE, ["k-bin", "*"]);
  const response = await client.request(head, [new Uint8Array(5)]);
  assert.equal(response.fields.get("grpc-status"), String(Code.INTERNAL));
  assert.deepEqual(test.observer.handlerErrors, []);
});

Deno.test("GrpcServer.shutdown() lets calls in flight finish, and the client reconnects", async () => {
  const gate = Promise.withResolvers<void>();
  await using test = new TestServer({
    unary: async (note) => {
      await gate.promise;
      return note;
    },
    chat: async function* (notes) {
      yield* notes;
    },
  });
  await using next = new TestServer(ECHO_HANDLERS);
  const channel = test.channel();
  const call = channel.unary(echo.unary, { text: "in flight" });
  const inFlight = Promise.withResolvers<void>();
  const requests = async function* (): AsyncGenerator<Note> {
    yield { text: "1" };
    await inFlight.promise;
    yield { text: "2" };
  };
  const chat = all(channel.bidiStreaming(echo.chat, requests()));
  await test.observer.whenStarted(2);
  const shutdown = test.server.shutdown();
  // The channel's next connection is to the server that has taken over.
  test.dial = () => next.dial();
  while (next.observer.started === 0) {
    await channel.unary(echo.unary, { text: "next" }, { timeoutMs: 20 }).catch(() => {});
  }
  gate.resolve();
  inFlight.resolve();
  assert.equal((await call).text, "in flight");
  assert.deepEqual((await chat).map(({ text }) => text), ["1", "2"]);
  await shutdown;
  assert.equal(test.server.connectionCount, 0);
});

Deno.test("GrpcServer serves nobody after shutdown() or close()", async (t) => {
  for (const how of ["shutdown", "close"] as const) {
    await t.step(how, async () => {
      await using test = new TestServer(ECHO_HANDLERS);
      await test.server[how]();
      const [, server] = memoryPipe();
      await test.server.serve(server);
      assert.equal(test.server.connectionCount, 0);
    });
  }
});

Deno.test("GrpcServer.serve() tells why a connection ended", async () => {
  await using test = new TestServer(ECHO_HANDLERS);
  const [client, server] = memoryPipe();
  const served = test.server.serve(server);
  await client.write(new TextEncoder().encode("GET / HTTP/1.1\r\nhost: here\r\n\r\n"));
  await client.closeWrite();
  assert.match((await served)?.message ?? "", /preface/);
  client.close();
});

Deno.test("Calls can share trailers that are frozen, those that fail too", async () => {
  const shared = new Metadata().append("k", "v").freeze();
  await using test = new TestServer({
    unary: (note, call) => {
      call.trailers = shared;
      if (note.text === "fail") throw new GrpcError(Code.ABORTED, "no");
      return note;
    },
  });
  const channel = test.channel();
  const found: unknown[] = [];
  const onTrailers = (trailers: Metadata) => found.push(trailers.entries());
  for (let turn = 0; turn < 2; turn++) {
    await channel.unary(echo.unary, { text: "a" }, { onTrailers });
    await assert.rejects(channel.unary(echo.unary, { text: "fail" }, { onTrailers }));
  }
  assert.deepEqual(found, Array(4).fill([["k", "v"]]));
});
