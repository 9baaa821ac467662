import assert from "node:assert/strict";
import { HeaderField, type HeaderList } from "../../../lib/http2/hpack/header_field.ts";
import { ErrorCode, Http2Error } from "../../../lib/http2/http2_error.ts";
import type { RequestHead } from "../../../lib/http2/message_head.ts";
import { serverConnection, type ServerStream } from "../../../lib/http2/server_connection.ts";
import type { StreamHandler } from "../../../lib/http2/stream.ts";
import { CONCURRENT_STREAMS_MAX, STREAM_WINDOW_BYTES } from "../../../lib/limits.ts";
import { PREFACE } from "../../http2/wire.ts";
import { type Answers, checkAnswers, checkEnd } from "../answer_check.ts";
import { FedTransport, type FeedOptions } from "../fed_transport.ts";
import { type FrameDialect, frameScript } from "../frame_script.ts";
import { Script } from "../script.ts";
import type { FuzzTarget } from "../target.ts";

const field = (name: string, value: string) => new HeaderField(name, value);
const OK: HeaderList = [field(":status", "200"), field("content-type", "text/plain")];
const DONE: HeaderList = [field("grpc-status", "0")];

/** More than a stream's window at first, so that flow control has its part. */
const LARGE_BODY = new Uint8Array(90_000);
const SMALL_BODY = new Uint8Array(500);
const CHOICE_BYTES = 4;

const REQUEST = [field(":method", "POST"), field(":scheme", "http"), field(":path", "/")];
const CLIENT: FrameDialect = {
  choiceBytes: CHOICE_BYTES,
  preface: PREFACE,
  streams: 0,
  heads: [
    REQUEST,
    [...REQUEST, field("content-length", "100")],
    [...REQUEST, field("x", "y".repeat(200)), field("cookie", "a")],
    [field(":method", "CONNECT"), field(":authority", "a:1")],
    [field(":method", "HEAD"), field(":scheme", "https"), field(":path", "*")],
  ],
  largeHead: [...REQUEST, ...Array.from({ length: 60 }, (_, i) => field(`x${i}`, "z".repeat(500)))],
  trailers: [[field("a", "b")], DONE, [field(":path", "/")]],
  body: (random) =>
    new Uint8Array(random.oneIn(3) ? 100 : random.length(random.oneIn(16) ? 60_000 : 800)),
};

/**
 * A server's connection and a client that says anything: each of its streams hears events in their
 * order and ends once, what is answered is HTTP/2, and an error is one of ours, told with GOAWAY.
 * However the bytes are cut, the same comes of them.
 */
export const http2Server: FuzzTarget = {
  name: "http2-server",
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
    const one = await serve(wire, { readCut, writeCut, breaksAfter }, {
      behaviour,
      ending: mode >> 4 & 3,
    });
    if (breaksAfter !== undefined || (mode & 0x33) !== 0) return;
    const other = await serve(wire, { ...UNCUT, breaksAfter }, { behaviour, ending: 0 });
    if (one.calmed || other.calmed) return;
    assert.equal(one.events, other.events, "events that depend on how bytes are cut");
    assert.equal(one.answers, other.answers, "answers that depend on how bytes are cut");
  },
};

const UNCUT = { readCut: 0, writeCut: 0 };

/** What came of one input, as text. */
interface Outcome {
  readonly events: string;
  readonly answers: string;
  /** Whether the peer was told to be calm, of which only the fact is promised. */
  readonly calmed: boolean;
}

/** What the server's side does, beside what the client's bytes make it do. */
interface ServerChoices {
  /** Which way the first request is answered; the others are in turn. */
  readonly behaviour: number;
  /** Whether the second request ends the connection: by shutting it down (1), by closing it (2). */
  readonly ending: number;
}

async function serve(
  wire: Uint8Array,
  feed: FeedOptions,
  { behaviour, ending }: ServerChoices,
): Promise<Outcome> {
  const transport = new FedTransport(wire, feed);
  const requests: FuzzedRequest[] = [];
  let shutdown: Promise<void> | undefined;
  const connection = serverConnection(transport, {
    onRequest(stream, head, endStream) {
      assert.ok(connection.streamCount <= CONCURRENT_STREAMS_MAX, "too many streams at once");
      requests.push(new FuzzedRequest(stream, head, endStream, (behaviour + requests.length) & 7));
      if (requests.length !== 2) return;
      if (ending === 1) shutdown = connection.shutdown();
      if (ending === 2) connection.close();
    },
  });
  const error = await connection.run();
  await shutdown;
  assert.ok(transport.closed, "a transport that is left open");
  assert.equal(connection.streamCount, 0, "streams that outlive their connection");
  const broken = error?.message === FedTransport.BROKEN;
  const answers = checkAnswers(transport.joined(), wire, { cut: broken || ending === 2 });
  if (!broken && ending === 0) checkEnd(error, answers);
  for (const request of requests) request.checkEnd();
  return {
    events: requests.map(({ events }) => events).join("\n"),
    answers: `${describeSections(answers)} ${error?.message} ${transport.outputBytes}`,
    calmed: answers.goaways.includes(ErrorCode.ENHANCE_YOUR_CALM),
  };
}

function describeSections({ sections }: Answers): string {
  return sections.map(({ id, fields, end }) => `${id} ${fields[0]?.value} ${end}`).join();
}

/** A request that is answered in one of eight ways, and that checks what it is told. */
class FuzzedRequest implements StreamHandler {
  events = "";
  readonly #stream: ServerStream;
  readonly #way: number;
  #ended: boolean;
  #reset = false;
  #over = false;
  #heldBytes = 0;
  #headSent = false;

  constructor(stream: ServerStream, head: RequestHead, endStream: boolean, way: number) {
    this.#stream = stream;
    this.#way = way;
    this.#ended = endStream;
    stream.handler = this;
    this.events += `${head.method} ${head.fields.length} ${endStream}`;
    if (way === 1) this.#answer(SMALL_BODY);
    else if (way === 3) this.#answer(LARGE_BODY);
    else if (endStream) this.#onEnd();
  }

  onData(_bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    assert.ok(!this.#ended && !this.#reset, "data behind the end");
    assert.ok(start <= end);
    this.events += "d";
    this.#heldBytes += end - start;
    assert.ok(this.#heldBytes <= STREAM_WINDOW_BYTES, "more data than the window");
    if (this.#way !== 5) {
      this.#stream.consume(end - start);
      this.#heldBytes = 0;
    }
    this.#ended = endStream;
    if (this.#way === 4 && !this.#over) {
      this.#over = true;
      this.#stream.reset(ErrorCode.CANCEL);
    } else if (this.#way === 2 && !this.#over) {
      this.#sendHead();
      this.#stream.sendData(new Uint8Array(end - start), false);
    } else if (this.#way === 6 && !this.#over) {
      this.#sendHead();
      const encoder = { encodeData: (_: Uint8Array, offset: number) => offset + 100 };
      if (!this.#stream.encodeData(100, encoder, false)) this.#stream.sendData(SMALL_BODY, false);
    }
    if (endStream) this.#onEnd();
  }

  onTrailers(fields: HeaderList): void {
    assert.ok(!this.#ended && !this.#reset, "trailers behind the end");
    this.#ended = true;
    this.events += `t${fields.length}`;
    this.#onEnd();
  }

  onWritable(): void {
    assert.ok(!this.#reset, "room on a stream that was reset");
    this.events += "w";
  }

  onReset(error: Http2Error): void {
    assert.ok(!this.#reset, "a stream that is reset twice");
    assert.ok(error instanceof Http2Error);
    this.#reset = true;
    this.events += `r${error.scope}`;
  }

  /** At its connection's end a stream is over, one way or the other. */
  checkEnd(): void {
    assert.ok(this.#reset || this.#over, `a stream that has no end: ${this.events}`);
  }

  #onEnd(): void {
    if (this.#over || this.#way === 5) return;
    if (this.#way === 7) return this.#answer(LARGE_BODY);
    this.#sendHead();
    this.#over = true;
    this.#stream.sendHeaders(DONE, true);
  }

  #answer(body: Uint8Array): void {
    this.#sendHead();
    this.#over = true;
    this.#stream.sendData(body, false);
    this.#stream.sendHeaders(DONE, true);
  }

  #sendHead(): void {
    if (!this.#headSent) this.#stream.sendHeaders(OK, false);
    this.#headSent = true;
  }
}
