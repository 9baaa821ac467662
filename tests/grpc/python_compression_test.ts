import assert from "node:assert/strict";
import { type Channel, openChannel } from "../../lib/grpc/channel.ts";
import { Metadata } from "../../lib/grpc/metadata.ts";
import type { ServerCall } from "../../lib/grpc/service.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { hasGrpcio, PythonServer, runPythonClient } from "./python_peer.ts";
import { all, echo, type Note, TestServer } from "./test_server.ts";

const ignore = !hasGrpcio();

const TEXT = "what repeats, repeats; ".repeat(500);

/** Checks that the request came as the client says that it does. */
function checkWanted(call: ServerCall): void {
  const wanted = call.metadata.get("want");
  if (wanted === undefined || wanted === String(call.requestCompressed)) return;
  throw new GrpcError(Code.FAILED_PRECONDITION, `compressed: need ${wanted}`);
}

/** What python wrote has no fields at their defaults; so has what it compares with. */
function textOf({ text = "" }: Note): Note {
  return { text };
}

Deno.test({ name: "grpcio client: gzip both ways, deflate refused, details", ignore }, async () => {
  await using test = new TestServer({
    unary: (note, call) => {
      if (note.text?.startsWith("fail") === true) {
        throw new GrpcError(Code.NOT_FOUND, "no", { details: new Uint8Array([8, 5]) });
      }
      checkWanted(call);
      call.compress = call.requestCompressed;
      return textOf(note);
    },
    collect: async (notes, call) => {
      let last: Note = {};
      for await (const note of notes) {
        checkWanted(call);
        last = textOf(note);
      }
      call.compress = true;
      return last;
    },
    expand: async function* (note, call) {
      checkWanted(call);
      call.compress = true;
      for (let i = 0; i < 4; i++) {
        call.compress = i % 2 === 1;
        yield textOf(note);
      }
    },
    chat: async function* (notes, call) {
      call.compress = true;
      for await (const note of notes) {
        checkWanted(call);
        call.compress = call.requestCompressed;
        yield textOf(note);
      }
    },
  });
  await runPythonClient("compression_client.py", test.listen());
  assert.deepEqual(test.observer.handlerErrors, []);
});

/** Runs a test with our client on the python server. */
async function withChannel(run: (channel: Channel) => Promise<void>): Promise<void> {
  await using server = await PythonServer.start("compression_server.py");
  const channel = openChannel({ hostname: "127.0.0.1", port: server.port });
  try {
    await run(channel);
  } finally {
    channel.close();
  }
}

Deno.test(
  { name: "grpcio server: gzip both ways, each message by choice", ignore },
  () =>
    withChannel(async (channel) => {
      const cases = [["gzip", true], ["none", false]] as const;
      for (const [encoding, compressed] of cases) {
        const seen: boolean[] = [];
        const options = {
          compress: (index: number) => index % 3 === 0,
          metadata: new Metadata().append("with", encoding),
          onMessage: (how: { compressed: boolean }) => seen.push(how.compressed),
        };
        const { text } = await channel.unary(echo.unary, { text: TEXT }, options);
        assert.equal(text, TEXT);
        const requests = Array.from({ length: 100 }, (_, count) => ({ text: TEXT, count }));
        const notes = await all(channel.bidiStreaming(echo.chat, requests, options));
        assert.deepEqual(notes.map(({ count }) => count), requests.map(({ count }) => count));
        const collected = await channel.clientStreaming(echo.collect, requests, options);
        assert.equal(collected.count, 99);
        // The flags of what came back: one answer, a stream of which every second is plain, one more.
        const chatted = requests.map((_, i) => compressed && i % 2 === 0);
        assert.deepEqual(seen, [compressed, ...chatted, compressed]);
      }
    }),
);

Deno.test(
  { name: "grpcio server: details of an error", ignore },
  () =>
    withChannel(async (channel) => {
      const empty = { ...echo.unary.request, encode: (_: Note, __: Uint8Array, at: number) => at };
      const method = { ...echo.unary, request: empty };
      await assert.rejects(channel.unary(method, {}), (error: GrpcError) => {
        assert.equal(error.code, Code.NOT_FOUND);
        assert.deepEqual(error.details, new Uint8Array([8, 5]));
        return true;
      });
    }),
);
