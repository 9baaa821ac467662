import assert from "node:assert/strict";
import { Channel } from "../../../lib/grpc/channel.ts";
import { Metadata } from "../../../lib/grpc/metadata.ts";
import { Code, GrpcError } from "../../../lib/grpc/status.ts";
import { modelServerMethods } from "../../../lib/services/modelserver_contract.ts";
import { echo } from "../../grpc/test_server.ts";
import { checkAnswers } from "../answer_check.ts";
import { FedTransport } from "../fed_transport.ts";
import { type FrameDialect, frameScript } from "../frame_script.ts";
import { field, prefixed, REQUEST_MESSAGES } from "../grpc_script.ts";
import type { Random } from "../random.ts";
import { Script } from "../script.ts";
import { describe, type FuzzTarget } from "../target.ts";

const CHOICE_BYTES = 4;
const MESSAGE_BYTES_MAX = 4_000;
const STREAMS = 4;
const ABORTED = new Error("the caller has lost interest");
const methods = modelServerMethods();
const metadata = new Metadata().append("k", "v").append("k-bin", Uint8Array.of(1, 2));

/**
 * A channel and a server that says anything: every call gives what the server says or a status, and
 * none waits for ever.
 */
export const grpcClient: FuzzTarget = {
  name: "grpc-client",
  share: 1,
  generate: (random) => frameScript(random, SERVER),
  async run(input) {
    const script = new Script(input);
    const [readCut, writeCut, behaviour, mode] = Array.from(
      { length: CHOICE_BYTES },
      () => script.byte(),
    );
    const wire = script.rest();
    const breaksAfter = (mode & 15) === 1 ? mode * 20 : undefined;
    const transport = new FedTransport(wire, { readCut, writeCut, breaksAfter });
    let dials = 0;
    const channel = new Channel({
      dial: () =>
        dials++ === 0
          ? Promise.resolve(transport)
          : Promise.reject(new GrpcError(Code.UNAVAILABLE, "nobody listens")),
      authority: "fuzz:1",
      messageBytesMax: MESSAGE_BYTES_MAX,
    });
    const aborter = new AbortController();
    const calls = callsOf(channel, behaviour, aborter);
    for (let steps = 0; steps < behaviour; steps += 2) await undefined;
    if ((behaviour & 3) === 0) aborter.abort(ABORTED);
    await Promise.all(calls.map(settle));
    channel.close();
    assert.ok(transport.closed, "a transport that is left open");
    // The connection may have been closed while it wrote.
    checkAnswers(transport.joined(), wire, { cut: true });
  },
};

/** A call of each kind; some are cancelled, by their signal or because nobody reads on. */
function callsOf(channel: Channel, behaviour: number, aborter: AbortController) {
  const { signal } = aborter;
  const onHeaders = (headers: Metadata) => {
    read(headers);
    if ((behaviour & 3) === 1) aborter.abort(ABORTED);
  };
  const itemsMax = (behaviour & 4) === 0 ? 1 : Infinity;
  return [
    channel.unary(methods.predict, { inputs: [1, 2, 3] }),
    channel.unary(echo.unary, { text: "a" }, { metadata, signal, onHeaders, onTrailers: read }),
    take(channel.serverStreaming(echo.expand, { count: 2 }, { signal }), itemsMax),
    take(
      channel.bidiStreaming(echo.chat, [{ text: "a" }, { count: 1 }], { metadata, onHeaders }),
      itemsMax,
    ),
    channel.clientStreaming(echo.collect, [{ text: "a" }], { signal }),
  ];
}

async function settle(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (error === ABORTED) return;
    if (!(error instanceof GrpcError)) throw new Error(describe(error), { cause: error });
    assert.ok(error.code > Code.OK && error.code <= Code.UNAUTHENTICATED, `code ${error.code}`);
  }
}

/** Reads at most so many items. */
async function take(items: AsyncIterable<unknown>, itemsMax: number): Promise<number> {
  let count = 0;
  for await (const _ of items) if (++count >= itemsMax) break;
  return count;
}

function read(metadata: Metadata): void {
  for (const [key] of metadata.entries()) assert.ok(metadata.getAll(key).length > 0);
}

const OK = [field(":status", "200"), field("content-type", "application/grpc")];
const SERVER: FrameDialect = {
  choiceBytes: CHOICE_BYTES,
  preface: new Uint8Array(0),
  streams: STREAMS,
  heads: [
    ...[OK, OK, OK, [...OK, field("k-bin", "AAEC"), field("k", "v")], [field(":status", "100")]],
    [...OK, field("k-bin", "*")],
    [...OK, field("grpc-encoding", "gzip")],
    [...OK, field("grpc-status", "5"), field("grpc-message", "no%20such%")],
    [field(":status", "503")],
    [field(":status", "200"), field("content-type", "text/html")],
  ],
  trailers: [
    [field("grpc-status", "0")],
    [field("grpc-status", "0"), field("x-bin", "AA"), field("x", "y")],
    [field("grpc-status", "99"), field("grpc-message", "%ff%C3%A4%2")],
    [field("grpc-status", "13"), field("x-bin", "*")],
    [field("a", "b")],
  ],
  largeHead: [...OK, ...Array.from({ length: 60 }, (_, i) => field(`x${i}`, "z".repeat(500)))],
  body: (random: Random) => prefixed(random, REQUEST_MESSAGES),
};
