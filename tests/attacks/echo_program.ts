/** A server process under attack: ModelServer and `test.Echo`, with times of the test's choice. */

import { acceptLoop, listen } from "../../lib/grpc/listener.ts";
import { GrpcServer } from "../../lib/grpc/server.ts";
import { type ServerCall, ServiceRegistry } from "../../lib/grpc/service.ts";
import { codeName, GrpcError } from "../../lib/grpc/status.ts";
import { MESSAGE_BYTES_MAX_DEFAULT } from "../../lib/limits.ts";
import { Predictor } from "../../lib/serving/predictor.ts";
import { allocateSharedMemory, openSharedState } from "../../lib/serving/shared_state.ts";
import { modelServerMethods } from "../../lib/services/modelserver_contract.ts";
import { addModelServer } from "../../lib/services/modelserver_service.ts";
import { aborted, echo, ECHO_HANDLERS, type Note } from "../grpc/test_server.ts";
import { ANSWER_BYTES, ENDS, HANG, LARGE } from "./echo_texts.ts";
import type { EchoOptions } from "./victim.ts";

const { times = {}, roundMs, messageBytesMax = MESSAGE_BYTES_MAX_DEFAULT } = JSON.parse(
  Deno.args[0],
) as EchoOptions;
let begun = 0;
const ends: string[] = [];
const large = new Uint8Array(ANSWER_BYTES);

/** A handler that waits for its call to end, and notes how it did. */
async function hang(call: ServerCall): Promise<Note> {
  begun++;
  const reason = await aborted(call.signal);
  ends.push(reason instanceof GrpcError ? codeName(reason.code) : String(reason));
  return {};
}

const registry = new ServiceRegistry();
const memory = allocateSharedMemory({
  threads: 1,
  cacheEntries: 10,
  cacheBytes: 1_048_576,
  coefsMax: 1_024,
});
addModelServer(registry, modelServerMethods(), new Predictor(openSharedState(memory, 1)));
registry.add(echo.unary, (note, call) => {
  // Reading it is what finds out that metadata is malformed.
  const metadata = call.metadata;
  switch (note.text) {
    case HANG:
      return hang(call);
    case LARGE:
      return { body: large };
    case ENDS:
      return { text: ends.join(" "), count: begun };
    default:
      return { ...note, count: metadata.entries().length };
  }
});
registry.add(echo.expand, async function* ({ text, count = 0 }) {
  for (let i = 0; i < count; i++) yield text === LARGE ? { body: large } : { count: i };
});
registry.add(echo.collect, ECHO_HANDLERS.collect ?? (() => Promise.resolve({})));
// Reads nothing, so that what its clients send has to wait.
registry.add(echo.chat, async function* (_notes, call) {
  yield {};
  await hang(call);
});

const server = new GrpcServer(registry, {
  messageBytesMax,
  times,
  ...(roundMs === undefined ? {} : { roundMs }),
  observer: {
    onCallStart: () => {},
    onCallEnd: () => {},
    onHandlerError: (path, error) => reportError(`${path}: ${String(error)}`),
  },
});
const listener = listen({ hostname: "127.0.0.1", port: 0, sharePort: false, probePort: false });
acceptLoop(listener, (connection) => void server.serve(connection), (error) => {
  reportError(`${error}`);
});
Deno.addSignalListener("SIGTERM", () => Deno.exit(0));
write(Deno.stdout, JSON.stringify({ port: listener.addr.port }));

function reportError(text: string): void {
  write(Deno.stderr, text);
}

function write(to: { writeSync(bytes: Uint8Array): number }, line: string): void {
  to.writeSync(new TextEncoder().encode(`${line}\n`));
}
