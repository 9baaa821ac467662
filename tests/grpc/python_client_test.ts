import assert from "node:assert/strict";
import { Metadata } from "../../lib/grpc/metadata.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import { BearerAuth, digestOf } from "../../lib/security/bearer_auth.ts";
import { NumStore } from "../../lib/numstore/num_store.ts";
import { modelServerMethods } from "../../lib/services/modelserver_contract.ts";
import { addModelServer } from "../../lib/services/modelserver_service.ts";
import { numStoreMethods } from "../../lib/services/numstore_contract.ts";
import { addNumStore } from "../../lib/services/numstore_service.ts";
import { Predictor } from "../../lib/serving/predictor.ts";
import { allocateSharedMemory, openSharedState } from "../../lib/serving/shared_state.ts";
import { certificatePath, keyPairOf } from "../support/certificates.ts";
import { hasGrpcio, runPythonClient } from "./python_peer.ts";
import { aborted, ECHO_HANDLERS, type EchoHandlers, type Note, TestServer } from "./test_server.ts";
import { TlsTestServer } from "./tls_server.ts";

const ignore = !hasGrpcio();

Deno.test(
  { name: "grpcio: streams, metadata, errors, deadlines, 1 000 calls", ignore },
  async () => {
    const handlers: EchoHandlers = {
      ...ECHO_HANDLERS,
      unary: async (note, call): Promise<Note> => {
        if (note.text === "hang") await aborted(call.signal);
        if (note.text === "metadata") {
          for (const [key, value] of call.metadata.entries()) {
            if (!key.startsWith("k")) continue;
            call.headers.append(key, value);
            call.trailers.append(key, value);
          }
        }
        if (note.text === "fail") {
          const trailers = new Metadata().append("detail-bin", new Uint8Array([5]));
          throw new GrpcError(Code.ABORTED, "50% → no\n", { trailers });
        }
        // What python wrote has no fields at their defaults; so has what it compares with.
        return Object.fromEntries(
          Object.entries(note).filter(([, value]) =>
            value !== "" && value !== 0 && value.length !== 0
          ),
        );
      },
      chat: async function* (notes) {
        for await (const { text, count } of notes) {
          yield text === "" ? { count } as Note : { text } as Note;
        }
      },
      expand: async function* ({ text, count = 0 }) {
        for (let i = 0; i < count; i++) yield (i === 0 ? { text } : { text, count: i }) as Note;
      },
    };
    await using test = new TestServer(handlers);
    await runPythonClient("echo_client.py", test.listen());
    assert.deepEqual(test.observer.handlerErrors, []);
  },
);

function newPredictor(): Predictor {
  const limits = { threads: 1, cacheEntries: 10, cacheBytes: 1_048_576, coefsMax: 100 };
  return new Predictor(openSharedState(allocateSharedMemory(limits), 1));
}

Deno.test({ name: "grpcio: the sequence of ModelServer's contract", ignore }, async () => {
  const backend = newPredictor();
  await using test = new TestServer({}, {
    register: (registry) => addModelServer(registry, modelServerMethods(), backend),
  });
  await runPythonClient("modelserver_client.py", test.listen());
});

Deno.test({ name: "grpcio: TLS with a bearer token, and without either", ignore }, async () => {
  const token = "token-0123456789abcdef";
  const backend = newPredictor();
  await using server = new TlsTestServer({}, keyPairOf("first"), {
    register: (registry) => addModelServer(registry, modelServerMethods(), backend),
  });
  server.test.server.authenticator = new BearerAuth({
    callers: [digestOf(token)],
    admins: undefined,
  });
  const authority = certificatePath("authority.pem");
  await runPythonClient("secure_client.py", server.port.number, authority, token);
});

Deno.test({ name: "grpcio: the sequence of NumStore's contract", ignore }, async () => {
  const limits = { threads: 1, cacheEntries: 10, cacheBytes: 1_048_576, coefsMax: 100 };
  const backend = new NumStore(openSharedState(allocateSharedMemory(limits), 1).numStore);
  await using test = new TestServer({}, {
    register: (registry) => addNumStore(registry, numStoreMethods(), backend),
  });
  await runPythonClient("numstore_client.py", test.listen());
});
