import assert from "node:assert/strict";
import { GrpcServer } from "../../../lib/grpc/server.ts";
import type { CallObserver } from "../../../lib/grpc/server_call.ts";
import { Code } from "../../../lib/grpc/status.ts";
import type { HeaderList } from "../../../lib/http2/hpack/header_field.ts";
import { valueOf } from "../../../lib/http2/hpack/header_field.ts";
import { echo } from "../../grpc/test_server.ts";
import { PREFACE } from "../../http2/wire.ts";
import { checkAnswers, checkEnd, type SentSection } from "../answer_check.ts";
import { FedTransport } from "../fed_transport.ts";
import { type FrameDialect, frameScript } from "../frame_script.ts";
import { fuzzRegistry } from "../fuzz_service.ts";
import { field, prefixed, REQUEST_FIELDS, REQUEST_MESSAGES } from "../grpc_script.ts";
import type { Random } from "../random.ts";
import { Script } from "../script.ts";
import type { FuzzTarget } from "../target.ts";

const CHOICE_BYTES = 4;
const MESSAGE_BYTES_MAX = 4_000;

/**
 * A gRPC server over a transport in memory, and a client that says anything: every call that starts
 * ends, with a status of the list; no handler is blamed for what the client did.
 */
export const grpcServer: FuzzTarget = {
  name: "grpc-server",
  share: 1,
  generate: (random) => frameScript(random, CLIENT),
  async run(input) {
    const script = new Script(input);
    const [readCut, writeCut, behaviour, mode] = Array.from(
      { length: CHOICE_BYTES },
      () => script.byte(),
    );
    const wire = script.rest();
    const breaksAfter = (mode & 15) === 1 ? mode * 20 : undefined;
    const transport = new FedTransport(wire, { readCut, writeCut, breaksAfter });
    const observer = new CountingObserver();
    const server = new GrpcServer(fuzzRegistry, { messageBytesMax: MESSAGE_BYTES_MAX, observer });
    const serving = server.serve(transport);
    // The server may be shut down, or closed, while it serves, and also while it writes its last.
    const ending = behaviour & 7;
    for (let steps = ending < 2 ? behaviour : 0; steps > 0; steps -= 2) await undefined;
    const shutdown = ending === 0 ? server.shutdown() : undefined;
    if (ending === 1) server.close();
    const error = await serving;
    await shutdown;
    server.close();
    assert.equal(server.connectionCount, 0, "a connection that is not over");
    assert.ok(transport.closed, "a transport that is left open");
    observer.check();
    const broken = error?.message === FedTransport.BROKEN;
    const answers = checkAnswers(transport.joined(), wire, { cut: broken || ending < 2 });
    for (const section of answers.sections) checkSection(section);
    if (!broken && ending > 1) checkEnd(error, answers);
  },
};

/** A gRPC response ends with a status that a server may give, a plain one has none. */
function checkSection({ fields, end }: SentSection): void {
  const status = valueOf(fields, "grpc-status");
  if (!end) return assert.equal(status, undefined);
  if (status === undefined) return assert.notEqual(valueOf(fields, ":status"), undefined);
  const code = Number(status);
  assert.ok(code >= Code.OK && code <= Code.UNAUTHENTICATED, `grpc-status ${status}`);
  assert.notEqual(code, Code.UNKNOWN);
}

class CountingObserver implements CallObserver {
  #started = 0;
  #ended = 0;
  #handlerError: unknown;

  onCallStart(): void {
    this.#started++;
  }

  onCallEnd(code: Code): void {
    this.#ended++;
    assert.ok(code >= Code.OK && code <= Code.UNAUTHENTICATED, `call ended with ${code}`);
  }

  onHandlerError(_path: string, error: unknown): void {
    this.#handlerError ??= error;
  }

  check(): void {
    assert.equal(this.#ended, this.#started, "calls that have no end");
    if (this.#handlerError !== undefined) throw this.#handlerError;
  }
}

const PATHS = [
  ...["/ModelServer/Predict", "/ModelServer/Predict", "/ModelServer/SetCoefs"],
  ...[echo.unary.path, echo.unary.path, echo.collect.path, echo.expand.path, echo.chat.path],
  ...["/ModelServer/None", "/None/None", "/", "*"],
] as const;

const head = (path: string) => [
  field(":method", "POST"),
  field(":scheme", "http"),
  field(":path", path),
  field(":authority", "a:1"),
  field("te", "trailers"),
  field("content-type", "application/grpc"),
];

const HEADS: readonly HeaderList[] = PATHS.flatMap((path, i) => [
  head(path),
  head(path),
  [...head(path), REQUEST_FIELDS[i], REQUEST_FIELDS[i + 5]],
  [...head(path), REQUEST_FIELDS[(i * 7) % REQUEST_FIELDS.length]],
]).concat([
  [field(":method", "GET"), field(":scheme", "http"), field(":path", "/")],
  [...head("/").slice(0, 5), field("content-type", "text/html")],
]);

const CLIENT: FrameDialect = {
  choiceBytes: CHOICE_BYTES,
  preface: PREFACE,
  streams: 0,
  heads: HEADS,
  trailers: [[field("a", "b")]],
  largeHead: [
    ...head(PATHS[0]),
    ...Array.from({ length: 60 }, (_, i) => field(`x${i}-bin`, "AAAA".repeat(120))),
  ],
  body: (random: Random) => prefixed(random, REQUEST_MESSAGES),
};
