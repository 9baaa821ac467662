import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type * as GrpcJs from "@grpc/grpc-js";
import { type Channel, openChannel } from "../../lib/grpc/channel.ts";
import { Metadata } from "../../lib/grpc/metadata.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { grpc, GRPC_JS_ECHO, grpcJsMetadata, mayUseGrpcJs } from "./grpc_js_peer.ts";
import { all, echo, type Note } from "./test_server.ts";

const ignore = !mayUseGrpcJs;

/** What answers each method, as grpc-js has it. */
interface GrpcJsHandlers {
  readonly unary?: GrpcJs.handleUnaryCall<Note, Note>;
  readonly collect?: GrpcJs.handleClientStreamingCall<Note, Note>;
  readonly expand?: GrpcJs.handleServerStreamingCall<Note, Note>;
  readonly chat?: GrpcJs.handleBidiStreamingCall<Note, Note>;
}

/** Answers every method with what came in. */
const HANDLERS: GrpcJsHandlers = {
  unary: ({ request }, answer) => answer(null, request),
  collect: (call, answer) => {
    let text = "";
    call.on("data", (note: Note) => text += note.text);
    call.on("end", () => answer(null, { text }));
  },
  expand: (call) => {
    for (let count = 0; count < (call.request.count ?? 0); count++) call.write({ count });
    call.end();
  },
  chat: (call) => {
    call.on("data", (note: Note) => call.write(note));
    call.on("end", () => call.end());
  },
};

/** A grpc-js server on a port of the system's choice, and our client on it. */
class GrpcJsServer implements AsyncDisposable {
  readonly channel: Channel;
  readonly #server: GrpcJs.Server;

  private constructor(server: GrpcJs.Server, port: number) {
    this.#server = server;
    this.channel = openChannel({ hostname: "127.0.0.1", port });
  }

  static async start(handlers: GrpcJsHandlers): Promise<GrpcJsServer> {
    const server = new grpc.Server({ "grpc.max_receive_message_length": -1 });
    server.addService(GRPC_JS_ECHO, { ...handlers });
    const bound = Promise.withResolvers<number>();
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
      if (error === null) bound.resolve(port);
      else bound.reject(error);
    });
    return new GrpcJsServer(server, await bound.promise);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.channel.close();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.tryShutdown(() => resolve());
    await promise;
    await untilDateIsForgotten();
  }
}

/** node:http2 keeps the `date` of its responses, and a timer, until the second is over. */
function untilDateIsForgotten(): Promise<void> {
  const restMs = 1_000 - new Date().getMilliseconds();
  return new Promise((resolve) => setTimeout(resolve, restMs + 5));
}

function test(name: string, run: () => Promise<void>): void {
  Deno.test({ name: `grpc-js server: ${name}`, ignore, fn: run });
}

test("all four kinds of methods", async () => {
  await using peer = await GrpcJsServer.start(HANDLERS);
  const { channel } = peer;
  assert.equal((await channel.unary(echo.unary, { text: "Köln" })).text, "Köln");
  const texts = [{ text: "a" }, { text: "b" }];
  assert.equal((await channel.clientStreaming(echo.collect, texts)).text, "ab");
  const expanded = await all(channel.serverStreaming(echo.expand, { count: 1_000 }));
  expanded.forEach(({ count }, i) => assert.equal(count, i));
  assert.equal(expanded.length, 1_000);
  const requests = Array.from({ length: 1_000 }, (_, count) => ({ count }));
  const chatted = await all(channel.bidiStreaming(echo.chat, requests));
  assert.deepEqual(chatted.map(({ count }) => count), requests.map(({ count }) => count));
});

test("metadata both ways, -bin and repeated", async () => {
  const bytes = new Uint8Array([0, 1, 255]);
  await using peer = await GrpcJsServer.start({
    unary: (call, answer) => {
      // node:http2 joins the values of a name.
      assert.equal(call.metadata.get("k").join(", "), "a, b");
      assert.deepEqual([...call.metadata.get("k-bin")[0] as Buffer], [...bytes]);
      const buffer = Buffer.from(bytes);
      call.sendMetadata(grpcJsMetadata(["begin", "1"], ["begin", "2"], ["begin-bin", buffer]));
      answer(null, call.request, grpcJsMetadata(["end-bin", buffer]));
    },
  });
  let headers = new Metadata();
  let trailers = new Metadata();
  await peer.channel.unary(echo.unary, {}, {
    metadata: new Metadata().append("k", "a").append("k", "b").append("k-bin", bytes),
    onHeaders: (metadata) => headers = metadata,
    onTrailers: (metadata) => trailers = metadata,
  });
  assert.equal(headers.getAll("begin").join(", "), "1, 2");
  assert.deepEqual(headers.get("begin-bin"), bytes);
  assert.deepEqual(trailers.get("end-bin"), bytes);
});

test("status, message and details of an error", async () => {
  await using peer = await GrpcJsServer.start({
    unary: (_call, answer) =>
      answer({
        code: grpc.status.ALREADY_EXISTS,
        details: "50% → no\n",
        metadata: grpcJsMetadata(["detail-bin", Buffer.from([5])]),
      }),
  });
  await assert.rejects(peer.channel.unary(echo.unary, {}), (error: GrpcError) => {
    assert.equal(error.code, Code.ALREADY_EXISTS);
    assert.equal(error.message, "50% → no\n");
    assert.deepEqual(error.trailers?.get("detail-bin"), new Uint8Array([5]));
    return true;
  });
});

test("details of an error", async () => {
  await using peer = await GrpcJsServer.start({
    unary: (_call, answer) =>
      answer({
        code: grpc.status.NOT_FOUND,
        metadata: grpcJsMetadata(["grpc-status-details-bin", Buffer.from([8, 5])]),
      }),
  });
  await assert.rejects(peer.channel.unary(echo.unary, {}), (error: GrpcError) => {
    assert.deepEqual(error.details, new Uint8Array([8, 5]));
    return true;
  });
});

// What grpc-js answers is never compressed.
test("requests by gzip, each by choice", async () => {
  await using peer = await GrpcJsServer.start(HANDLERS);
  const { channel } = peer;
  const text = "what repeats, repeats; ".repeat(500);
  const compress = (index: number) => index % 2 === 0;
  for (const note of [{ text }, { text: "" }]) {
    assert.equal((await channel.unary(echo.unary, note, { compress: true })).text, note.text);
  }
  const requests = Array.from({ length: 20 }, (_, count) => ({ text, count }));
  const notes = await all(channel.bidiStreaming(echo.chat, requests, { compress }));
  assert.deepEqual(notes.map(({ count }) => count), requests.map(({ count }) => count));
  const collected = await channel.clientStreaming(echo.collect, requests, { compress });
  assert.equal(collected.text, text.repeat(20));
});

test("a method that is not there", async () => {
  await using peer = await GrpcJsServer.start(HANDLERS);
  const method = { ...echo.unary, path: "/test.Echo/Other" };
  await assert.rejects(peer.channel.unary(method, {}), { code: Code.UNIMPLEMENTED });
});

test("a deadline and a cancellation, of which the handler hears", async () => {
  const deadlines: GrpcJs.Deadline[] = [];
  let begun = Promise.withResolvers<void>();
  let cancelled = Promise.withResolvers<void>();
  await using peer = await GrpcJsServer.start({
    unary: (call) => {
      deadlines.push(call.getDeadline());
      call.on("cancelled", () => cancelled.resolve());
      begun.resolve();
    },
  });
  const late = peer.channel.unary(echo.unary, {}, { timeoutMs: 100 });
  await assert.rejects(late, { code: Code.DEADLINE_EXCEEDED });
  await cancelled.promise;
  assert.notEqual(deadlines[0], Infinity);
  begun = Promise.withResolvers<void>();
  cancelled = Promise.withResolvers<void>();
  const aborter = new AbortController();
  const call = peer.channel.unary(echo.unary, {}, { signal: aborter.signal });
  const rejects = assert.rejects(call, /enough/);
  await begun.promise;
  aborter.abort(new Error("enough"));
  await rejects;
  await cancelled.promise;
  assert.equal(deadlines[1], Infinity);
});

test("large messages both ways", async () => {
  await using peer = await GrpcJsServer.start(HANDLERS);
  const body = Uint8Array.from({ length: 4_000_000 }, (_, i) => i * 7);
  const responses = await Promise.all(
    [1, 2, 3].map(() => peer.channel.unary(echo.unary, { body })),
  );
  for (const note of responses) assert.equal(Buffer.compare(note.body ?? Buffer.of(), body), 0);
});

test("1 000 calls at once", async () => {
  await using peer = await GrpcJsServer.start(HANDLERS);
  const { channel } = peer;
  const calls = Array.from({ length: 1_000 }, (_, count) => channel.unary(echo.unary, { count }));
  (await Promise.all(calls)).forEach(({ count }, i) => assert.equal(count, i));
});
