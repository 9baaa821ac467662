import assert from "node:assert/strict";
import fc from "fast-check";
import { Http2Error } from "../../lib/http2/http2_error.ts";
import { quiescence } from "./byte_pipe.ts";
import { conversation } from "./conversation.ts";
import { type Frame, join, PREFACE, settings, Type, valueOf } from "./wire.ts";
import { DONE, END, MORE, OK, type RecordedRequest, WiredServer } from "./wired_server.ts";

/** What came of some bytes: what the handlers were told, what was answered, how it ended. */
interface Outcome {
  readonly events: readonly string[][];
  readonly frames: readonly Frame[];
  readonly error: Error | undefined;
}

function answer(request: RecordedRequest): void {
  request.onEnd = () => {
    if (request.stream.localClosed) return;
    request.stream.sendHeaders(OK, MORE);
    request.stream.sendData(new Uint8Array(500), MORE);
    request.stream.sendHeaders(DONE, END);
  };
}

async function serve(bytes: Uint8Array, cut?: () => number): Promise<Outcome> {
  const server = new WiredServer(answer, cut === undefined ? {} : { cut });
  await server.peer.send(bytes);
  const frames = server.peer.take();
  await server.peer.close();
  const error = await server.result;
  return { events: server.requests.map(({ events }) => events), frames, error };
}

/** Sizes that come again and again. */
function cycle(sizes: readonly number[]): () => number {
  let next = 0;
  return () => sizes[next++ % sizes.length];
}

/** An orderly end: no error without GOAWAY, and none but our own. */
function assertOrderly({ frames, error }: Outcome): void {
  const goaways = frames.filter(({ type }) => type === Type.GOAWAY);
  if (error === undefined) return assert.equal(goaways.length, 0);
  assert.ok(error instanceof Http2Error, String(error));
  assert.deepEqual(goaways.map(({ payload }) => valueOf(payload, 4)), [error.code]);
}

const sizes = fc.array(
  fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5_000 })),
  {
    minLength: 1,
    maxLength: 20,
  },
);

Deno.test("a valid conversation is no error", async () => {
  await fc.assert(
    fc.asyncProperty(conversation, async (frames) => {
      const { frames: answers, error, events } = await serve(join(PREFACE, ...frames));
      assert.equal(error, undefined);
      assert.deepEqual(answers.filter(({ type }) => type === Type.RST_STREAM), []);
      assert.ok(events.length > 1);
    }),
    { numRuns: 100 },
  );
});

Deno.test("any chunking of the same bytes gives the same events and answers", async () => {
  await fc.assert(
    fc.asyncProperty(conversation, sizes, async (frames, sizes) => {
      const bytes = join(PREFACE, ...frames);
      assert.deepEqual(await serve(bytes, cycle(sizes)), await serve(bytes));
    }),
    { numRuns: 100 },
  );
});

Deno.test("random bytes end a connection in order", async () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  await fc.assert(
    fc.asyncProperty(fc.boolean(), bytes, async (greeted, bytes) => {
      const beginning = greeted ? join(PREFACE, settings()) : new Uint8Array(0);
      assertOrderly(await serve(join(beginning, bytes)));
    }),
    { numRuns: 200 },
  );
});

Deno.test("a conversation with random bytes changed, lost or repeated ends in order", async () => {
  const mutation = fc.record({
    at: fc.nat({ max: 1_000 }),
    kind: fc.constantFrom("change", "lose", "repeat"),
    value: fc.nat({ max: 255 }),
  });
  await fc.assert(
    fc.asyncProperty(
      conversation,
      fc.array(mutation, { minLength: 1, maxLength: 5 }),
      async (frames, mutations) => {
        const bytes = [...join(PREFACE, ...frames)];
        for (const { at, kind, value } of mutations) {
          const index = PREFACE.length + at % (bytes.length - PREFACE.length);
          if (kind === "change") bytes[index] = value;
          else if (kind === "lose") bytes.splice(index, value % 20);
          else bytes.splice(index, 0, ...bytes.slice(index, index + value));
        }
        assertOrderly(await serve(Uint8Array.from(bytes)));
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("a conversation with random frames moved, lost or repeated ends in order", async () => {
  await fc.assert(
    fc.asyncProperty(
      conversation.chain((frames) => fc.array(fc.constantFrom(...frames), { maxLength: 60 })),
      async (frames) => {
        assertOrderly(await serve(join(PREFACE, settings(), ...frames)));
        await quiescence();
      },
    ),
    { numRuns: 300 },
  );
});
