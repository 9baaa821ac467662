import assert from "node:assert/strict";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { aborted, all, echo, type EchoHandlers, type Note, TestServer } from "./test_server.ts";
import { fieldsOf, ScriptedClient } from "./scripted_peer.ts";

/** Handlers that never answer, and what their signals say. */
function silentHandlers(): { handlers: EchoHandlers; reason: Promise<unknown> } {
  const { promise: reason, resolve } = Promise.withResolvers<unknown>();
  const wait = async (signal: AbortSignal): Promise<never> => {
    resolve(await aborted(signal));
    throw new Error("nobody hears this");
  };
  const handlers: EchoHandlers = {
    unary: (_note, { signal }) => wait(signal),
    collect: (_notes, { signal }) => wait(signal),
    expand: async function* (_note, { signal }) {
      yield await wait(signal);
    },
    chat: async function* (_notes, { signal }) {
      yield await wait(signal);
    },
  };
  return { handlers, reason };
}

type Options = { timeoutMs?: number; signal?: AbortSignal };
type Channel = ReturnType<TestServer["channel"]>;

/** Requests that never come. */
async function* noRequests(): AsyncGenerator<Note> {
  yield await Promise.withResolvers<never>().promise;
}

const KINDS: [name: string, call: (channel: Channel, options: Options) => Promise<unknown>][] = [
  ["unary", (channel, options) => channel.unary(echo.unary, {}, options)],
  ["client", (channel, options) => channel.clientStreaming(echo.collect, noRequests(), options)],
  ["server", (channel, options) => all(channel.serverStreaming(echo.expand, {}, options))],
  ["bidi", (channel, options) => all(channel.bidiStreaming(echo.chat, noRequests(), options))],
];

Deno.test("A deadline ends a call whose handler never answers, on both sides", async (t) => {
  for (const [name, call] of KINDS) {
    await t.step(name, async () => {
      const { handlers, reason } = silentHandlers();
      await using test = new TestServer(handlers);
      const startMs = performance.now();
      await assert.rejects(call(test.channel(), { timeoutMs: 30 }), {
        code: Code.DEADLINE_EXCEEDED,
      });
      assert.ok(performance.now() - startMs >= 30, "the deadline came early");
      assert.ok(await reason instanceof GrpcError);
      await test.observer.whenEnded(1);
      assert.deepEqual(test.observer.handlerErrors, []);
    });
  }
});

Deno.test("A server keeps the deadline by itself when the client does not", async () => {
  const { handlers, reason } = silentHandlers();
  await using test = new TestServer(handlers);
  using client = new ScriptedClient(await test.dial());
  const response = await client.request(
    fieldsOf([
      [":method", "POST"],
      [":scheme", "http"],
      [":path", "/test.Echo/Unary"],
      ["content-type", "application/grpc"],
      ["grpc-timeout", "20m"],
    ]),
    [new Uint8Array(5)],
  );
  assert.equal(response.fields.get("grpc-status"), String(Code.DEADLINE_EXCEEDED));
  assert.equal((await reason as GrpcError).code, Code.DEADLINE_EXCEEDED);
  assert.deepEqual(test.observer.ended, ["DEADLINE_EXCEEDED"]);
});

Deno.test("A handler sees the deadline of its call", async () => {
  let leftMs: number | undefined = 0;
  await using test = new TestServer({
    unary: (note, { deadlineMs }) => {
      leftMs = deadlineMs === undefined ? undefined : deadlineMs - performance.now();
      return note;
    },
  });
  const channel = test.channel();
  await channel.unary(echo.unary, {}, { timeoutMs: 60_000 });
  assert.ok(leftMs > 0 && leftMs <= 60_001, `${leftMs} ms left`);
  await channel.unary(echo.unary, {});
  assert.equal(leftMs, undefined);
});

Deno.test("An AbortSignal cancels a call, which rejects with its reason", async (t) => {
  for (const [name, call] of KINDS) {
    await t.step(name, async () => {
      const { handlers, reason } = silentHandlers();
      await using test = new TestServer(handlers);
      const aborter = new AbortController();
      const rejects = assert.rejects(call(test.channel(), { signal: aborter.signal }), /enough/);
      await test.observer.whenStarted(1);
      aborter.abort(new Error("enough"));
      await rejects;
      assert.equal((await reason as GrpcError).code, Code.CANCELLED);
      assert.deepEqual(test.observer.ended, ["CANCELLED"]);
    });
  }
});

Deno.test("A call with a signal that has aborted is not made", async (t) => {
  for (const [name, call] of KINDS) {
    await t.step(name, async () => {
      await using test = new TestServer(silentHandlers().handlers);
      const signal = AbortSignal.abort(new Error("before"));
      await assert.rejects(call(test.channel(), { signal }), /before/);
      assert.equal(test.transports.length, 0);
    });
  }
});

Deno.test("A client that vanishes cancels the handler's signal", async (t) => {
  for (const [name, call] of KINDS) {
    await t.step(name, async () => {
      const { handlers, reason } = silentHandlers();
      await using test = new TestServer(handlers);
      const rejects = assert.rejects(call(test.channel(), {}), { code: Code.UNAVAILABLE });
      await test.observer.whenStarted(1);
      test.transports[0].close();
      assert.equal((await reason as GrpcError).code, Code.CANCELLED);
      await rejects;
    });
  }
});

Deno.test("A signal that is first asked for after the end has aborted", async () => {
  const late = Promise.withResolvers<AbortSignal>();
  const gate = Promise.withResolvers<void>();
  await using test = new TestServer({
    unary: async (note, call) => {
      await gate.promise;
      late.resolve(call.signal);
      return note;
    },
  });
  const aborter = new AbortController();
  const call = test.channel().unary(echo.unary, {}, { signal: aborter.signal });
  await test.observer.whenStarted(1);
  aborter.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
  await test.observer.whenEnded(1);
  gate.resolve();
  assert.ok((await late.promise).aborted);
});

Deno.test("Requests of a call that was cancelled fail for a handler that reads them", async () => {
  const failed = Promise.withResolvers<unknown>();
  await using test = new TestServer({
    collect: async (notes) => {
      try {
        await all(notes);
      } catch (error) {
        failed.resolve(error);
      }
      return {};
    },
  });
  const aborter = new AbortController();
  const call = test.channel().clientStreaming(echo.collect, noRequests(), {
    signal: aborter.signal,
  });
  await test.observer.whenStarted(1);
  aborter.abort(new Error("enough"));
  await assert.rejects(call, /enough/);
  assert.equal((await failed.promise as GrpcError).code, Code.CANCELLED);
});
