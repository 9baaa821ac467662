import assert from "node:assert/strict";
import { Metadata } from "../../lib/grpc/metadata.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { END, fieldsOf, MORE, RESPONSE_HEAD, ScriptedServer } from "./scripted_peer.ts";
import { all, echo, type EchoHandlers, mayUseNet, TestServer } from "./test_server.ts";

/** A serialized google.rpc.Status: code 5, message "no". Its base64 has no padding to spare. */
const DETAILS = new Uint8Array([0x08, 5, 0x12, 2, 0x6e, 0x6f, 0x1a, 0]);

function failure(details = DETAILS): GrpcError {
  const trailers = new Metadata().append("k", "v");
  return new GrpcError(Code.NOT_FOUND, "no 50% → thing", { details, trailers });
}

/** Fails every call: before any message, but for `expand` behind one. */
const FAILING: EchoHandlers = {
  unary: () => Promise.reject(failure()),
  collect: () => Promise.reject(failure()),
  expand: async function* () {
    yield {};
    throw failure();
  },
  // deno-lint-ignore require-yield
  chat: async function* (_notes, call) {
    call.headers.append("begin", "1");
    throw failure();
  },
};

Deno.test("Details of an error travel, in trailers behind a head and alone", async () => {
  await using test = new TestServer(FAILING);
  const channels = [test.channel()];
  if (mayUseNet) channels.push(test.tcpChannel(test.listen()));
  for (const channel of channels) {
    const calls = [
      () => channel.unary(echo.unary, {}),
      () => channel.clientStreaming(echo.collect, []),
      () => all(channel.serverStreaming(echo.expand, {})),
      () => all(channel.bidiStreaming(echo.chat, [{}])),
    ];
    for (const call of calls) {
      await assert.rejects(call(), (error: GrpcError) => {
        assert.equal(error.code, Code.NOT_FOUND);
        assert.equal(error.message, "no 50% → thing");
        assert.deepEqual(error.details, DETAILS);
        assert.deepEqual(error.trailers?.entries(), [["k", "v"]]);
        return true;
      });
    }
  }
});

Deno.test("Details are whatever bytes, or none; what no peer would take is left out", async () => {
  const lengths = [undefined, 0, 1, 2, 3, 4_096, 4_097, 1_000_000];
  for (const length of lengths) {
    const options = length === undefined ? {} : { details: new Uint8Array(length).fill(0xfb) };
    // The longest message there is beside it.
    const message = "→".repeat(2_000);
    await using test = new TestServer({
      unary: () => {
        throw new GrpcError(Code.ABORTED, message, options);
      },
    });
    await assert.rejects(test.channel().unary(echo.unary, {}), (error: GrpcError) => {
      assert.equal(error.code, Code.ABORTED);
      assert.equal(error.message, message.slice(0, 1_024));
      assert.equal(
        error.details?.length,
        length === undefined || length > 4_096 ? undefined : length,
      );
      assert.ok(error.details === undefined || error.details.every((byte) => byte === 0xfb));
      return true;
    });
  }
});

Deno.test("A client reads details in any base64, and the status beside what is none", async (t) => {
  const cases: [name: string, value: string, expected: Uint8Array | undefined][] = [
    ["no padding", "AQIDBA", new Uint8Array([1, 2, 3, 4])],
    ["padding", "AQIDBA==", new Uint8Array([1, 2, 3, 4])],
    ["nothing", "", new Uint8Array()],
    ["no base64", "*", undefined],
  ];
  for (const [name, value, expected] of cases) {
    for (const alone of [true, false]) {
      await t.step(`${name}, ${alone ? "alone" : "behind a head"}`, async () => {
        const trailers = fieldsOf([["grpc-status", "5"], ["grpc-status-details-bin", value]]);
        await using server = new ScriptedServer((stream) => {
          if (alone) return stream.sendHeaders([...RESPONSE_HEAD, ...trailers], END);
          stream.sendHeaders(RESPONSE_HEAD, MORE);
          stream.sendHeaders(trailers, END);
        });
        await assert.rejects(server.channel.unary(echo.unary, {}), (error: GrpcError) => {
          assert.equal(error.code, Code.NOT_FOUND);
          assert.deepEqual(error.details, expected);
          assert.deepEqual(error.trailers?.entries(), []);
          return true;
        });
      });
    }
  }
});

Deno.test("Details are no metadata", () => {
  assert.throws(() => new Metadata().append("grpc-status-details-bin", DETAILS), TypeError);
});
