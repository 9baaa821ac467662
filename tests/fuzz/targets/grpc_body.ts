import assert from "node:assert/strict";
import { GrpcServer } from "../../../lib/grpc/server.ts";
import { echo } from "../../grpc/test_server.ts";
import { data, END_STREAM, headers, join, PREFACE, settings } from "../../http2/wire.ts";
import { checkAnswers } from "../answer_check.ts";
import { callOf, fuzzRegistry, IGNORANT } from "../fuzz_service.ts";
import { FedTransport } from "../fed_transport.ts";
import { mutant } from "../mutation.ts";
import { REQUEST_MESSAGES } from "../grpc_script.ts";
import { cuts, Script } from "../script.ts";
import type { FuzzTarget } from "../target.ts";
import { concatenated } from "../wire_builder.ts";

const MESSAGE_BYTES_MAX = 300;
const FRAME_BYTES_MAX = 16_384;
const PATHS = [
  "/ModelServer/Predict",
  ...[echo.unary.path, echo.expand.path, echo.collect.path, echo.chat.path],
];
/** All that comes before a call's body, by method. */
const BEGINNINGS = PATHS.map((path) => join(PREFACE, settings(), headers(1, callOf(path))));
/** Of those, the calls whose requests are a stream. */
const STREAMED = BEGINNINGS.filter((_, i) =>
  [echo.collect.path, echo.chat.path].includes(PATHS[i])
);

/**
 * The body of one call, of the method that the first byte chooses: in frames cut as the second byte
 * says it gets the answer that it gets in one frame.
 */
export const grpcBody: FuzzTarget = {
  name: "grpc-body",
  share: 1,
  generate: (random) => mutant(random, SEEDS),
  async run(input) {
    const script = new Script(input);
    const beginning = script.pick(BEGINNINGS);
    const choice = script.byte();
    const body = script.take(FRAME_BYTES_MAX);
    const whole = await answerTo(beginning, [data(1, body, END_STREAM)]);
    const parts: Uint8Array[] = [];
    const cut = cuts(choice);
    for (let at = 0; at < body.length;) {
      const end = Math.min(body.length, at + cut());
      parts.push(data(1, body.subarray(at, end), end === body.length ? choice >> 7 : 0));
      at = end;
    }
    // The end comes with the last bytes or in a frame of its own.
    if (choice < 128 || body.length === 0) parts.push(data(1, 0, END_STREAM));
    const parted = await answerTo(beginning, parts);
    // A call that reads its requests as they come fails by the first fault that it meets: of two in one
    // body, which that is depends on how many bytes a read gives.
    if (STREAMED.includes(beginning) && FAULT.test(parted) && FAULT.test(whole)) return;
    assert.equal(parted, whole);
  },
};

const FAULT = /grpc-status: [1-9]/;

async function answerTo(beginning: Uint8Array, body: readonly Uint8Array[]): Promise<string> {
  const wire = concatenated([beginning, ...body]);
  const transport = new FedTransport(wire, { readCut: 0, writeCut: 0, breaksAfter: undefined });
  const server = new GrpcServer(fuzzRegistry, {
    messageBytesMax: MESSAGE_BYTES_MAX,
    observer: IGNORANT,
  });
  const error = await server.serve(transport);
  server.close();
  if (error !== undefined) throw error;
  const { sections, bodies } = checkAnswers(transport.joined(), wire, { cut: false });
  const lines = sections.map(({ fields, end }) =>
    `${end} ${fields.map(({ name, value }) => `${name}: ${value}`)}`
  );
  assert.ok(lines.length > 0, "no answer");
  return [...lines, ...(bodies.get(1) ?? []).map((bytes) => bytes.toHex())].join("\n");
}

const prefix = (length: number) => [0, 0, 0, length >> 8, length & 0xff];
const SEEDS = PATHS.flatMap((_, i) =>
  [1, 2, 3, 0x81, 0x82, 0x83].map((cut, j) => {
    const [one, two] = [0, 1].map((k) =>
      REQUEST_MESSAGES[(2 * i + j + k) % REQUEST_MESSAGES.length]
    );
    const body = join(prefix(one.length), one);
    return join([i, cut], body, ...(i < 3 ? [] : [prefix(two.length), two]));
  })
);
