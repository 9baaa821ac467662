import assert from "node:assert/strict";
import {
  clientConnection,
  type ClientStream,
  type ResponseHandler,
} from "../../../lib/http2/client_connection.ts";
import { HeaderField, type HeaderList } from "../../../lib/http2/hpack/header_field.ts";
import { ErrorCode, Http2Error } from "../../../lib/http2/http2_error.ts";
import type { ResponseHead } from "../../../lib/http2/message_head.ts";
import { checkAnswers, checkEnd } from "../answer_check.ts";
import { FedTransport } from "../fed_transport.ts";
import { type FrameDialect, frameScript } from "../frame_script.ts";
import { Script } from "../script.ts";
import type { FuzzTarget } from "../target.ts";

const field = (name: string, value: string) => new HeaderField(name, value);
const POST: HeaderList = [
  field(":method", "POST"),
  field(":scheme", "http"),
  field(":path", "/"),
];
const BODY = new Uint8Array(40_000);
const CHOICE_BYTES = 4;
/** Requests that are open at once; more follow as they end. */
const OPEN_MAX = 4;
const REQUESTS_MAX = 12;

const OK = [field(":status", "200"), field("content-type", "application/grpc")];
const SERVER: FrameDialect = {
  choiceBytes: CHOICE_BYTES,
  preface: new Uint8Array(0),
  streams: OPEN_MAX,
  heads: [
    OK,
    OK,
    [field(":status", "100")],
    [field(":status", "404"), field("content-length", "100")],
    [...OK, field("x", "y".repeat(200))],
  ],
  trailers: [[field("grpc-status", "0")], [field("a", "b"), field("grpc-message", "c")]],
  largeHead: [...OK, ...Array.from({ length: 60 }, (_, i) => field(`x${i}`, "z".repeat(500)))],
  body: (random) =>
    new Uint8Array(random.oneIn(3) ? 100 : random.length(random.oneIn(16) ? 60_000 : 800)),
};

/**
 * A client's connection and a server that says anything: each request ends once, what is sent is
 * HTTP/2, and an error is one of ours, told with GOAWAY.
 */
export const http2Client: FuzzTarget = {
  name: "http2-client",
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
    const requests: FuzzedResponse[] = [];
    // A request after the first ones may end the connection: by shutting it down, by closing it.
    const ending = mode >> 4 & 3;
    let shutdown: Promise<void> | undefined;
    const connection = clientConnection(transport, () => open());
    const open = () => {
      while (
        connection.hasCapacity && !connection.closing && connection.streamCount < OPEN_MAX &&
        requests.length < REQUESTS_MAX
      ) {
        const request = new FuzzedResponse((behaviour + requests.length) & 3);
        requests.push(request);
        request.start(connection.openStream(request));
        if (requests.length !== OPEN_MAX + 1) continue;
        if (ending === 1) shutdown = connection.shutdown();
        if (ending === 2) connection.close();
      }
    };
    const over = connection.run();
    open();
    const error = await over;
    await shutdown;
    assert.ok(transport.closed, "a transport that is left open");
    assert.equal(connection.streamCount, 0, "streams that outlive their connection");
    const broken = error?.message === FedTransport.BROKEN;
    const answers = checkAnswers(transport.joined(), wire, { cut: broken || ending === 2 });
    for (const request of requests) request.checkEnd();
    if (!broken && ending === 0) checkEnd(error, answers);
  },
};

/** A request that is sent in one of four ways, and that checks what it is told of its response. */
class FuzzedResponse implements ResponseHandler {
  readonly #way: number;
  #stream: ClientStream | undefined;
  #headSeen = false;
  #ended = false;
  #reset = false;
  #cancelled = false;

  constructor(way: number) {
    this.#way = way;
  }

  start(stream: ClientStream): void {
    this.#stream = stream;
    stream.sendHeaders(POST, this.#way === 0);
    if (this.#way === 1) stream.sendData(BODY, true);
    if (this.#way === 2) stream.sendData(new Uint8Array(10), false);
  }

  onResponse(head: ResponseHead, endStream: boolean): void {
    assert.ok(!this.#headSeen && !this.#over, "a second head");
    assert.ok(head.status >= 200 && head.status <= 999);
    this.#headSeen = true;
    this.#ended = endStream;
    if (this.#way === 3 && !endStream) this.#cancel();
  }

  onData(_bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    assert.ok(this.#headSeen && !this.#over, "data where there can be none");
    this.#stream?.consume(end - start);
    this.#ended = endStream;
  }

  onTrailers(): void {
    assert.ok(this.#headSeen && !this.#over, "trailers where there can be none");
    this.#ended = true;
  }

  onWritable(): void {
    assert.ok(!this.#reset && !this.#cancelled, "room on a stream that is over");
  }

  onReset(error: Http2Error): void {
    assert.ok(!this.#reset && !this.#cancelled, "a stream that is reset twice");
    assert.ok(error instanceof Http2Error);
    this.#reset = true;
  }

  /** At its connection's end a response is over, one way or the other. */
  checkEnd(): void {
    assert.ok(this.#over, "a response that has no end");
  }

  get #over(): boolean {
    return this.#ended || this.#reset || this.#cancelled;
  }

  #cancel(): void {
    this.#cancelled = true;
    this.#stream?.reset(ErrorCode.CANCEL);
  }
}
