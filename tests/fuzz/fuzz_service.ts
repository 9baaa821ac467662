import assert from "node:assert/strict";
import { OperationError } from "../../lib/errors.ts";
import type { CallObserver } from "../../lib/grpc/server_call.ts";
import { type ServerCall, ServiceRegistry } from "../../lib/grpc/service.ts";
import { modelServerMethods } from "../../lib/services/modelserver_contract.ts";
import { addModelServer } from "../../lib/services/modelserver_service.ts";
import { echo, type Note } from "../grpc/test_server.ts";
import { literalBlock } from "../http2/wire.ts";

/** More responses to one request would say nothing new. */
const RESPONSES_MAX = 50;

/** ModelServer and test.Echo, for all inputs: their handlers keep nothing and are never at fault. */
export const fuzzRegistry: ServiceRegistry = newRegistry();

/** An observer that a handler's error is a finding to. */
export const IGNORANT: CallObserver = {
  onCallStart() {},
  onCallEnd() {},
  onHandlerError(_path, error) {
    throw error;
  },
};

/** The header block of a call without anything wrong. */
export function callOf(path: string): Uint8Array {
  return literalBlock([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    ["te", "trailers"],
    ["content-type", "application/grpc"],
  ]);
}

function newRegistry(): ServiceRegistry {
  const registry = new ServiceRegistry();
  addModelServer(registry, modelServerMethods(), {
    setCoefs(coefs) {
      if (coefs.length === 0) throw new OperationError("invalid-argument", "no coefficients");
    },
    predict(inputs) {
      if (inputs.length === 0) throw new OperationError("invalid-argument", "no inputs");
      return { output: inputs.reduce((sum, input) => sum + input), cacheHit: true };
    },
  });
  registry.add(echo.unary, (note, call) => {
    returnMetadata(call);
    return (note.count ?? 0) % 2 === 0 ? note : Promise.resolve(note);
  });
  registry.add(echo.collect, async (notes, call) => {
    let count = 0;
    for await (const note of notes) {
      count++;
      if (note.text === "abc") break;
    }
    returnMetadata(call);
    return { count };
  });
  registry.add(echo.expand, async function* (note): AsyncGenerator<Note> {
    for (let i = 0; i < Math.min(RESPONSES_MAX, note.count ?? 0); i++) yield note;
  });
  registry.add(echo.chat, async function* (notes, call): AsyncGenerator<Note> {
    call.sendHeaders();
    for await (const note of notes) {
      yield note;
      if (call.signal.aborted || (note.count ?? 0) < 0) return;
    }
  });
  return registry;
}

/** Sends back what metadata can be sent, some in front and some behind. */
function returnMetadata(call: ServerCall): void {
  for (const [key, value] of call.metadata.entries()) {
    try {
      (typeof value === "string" ? call.headers : call.trailers).append(key, value);
    } catch (error) {
      assert.ok(error instanceof TypeError); // What a client may send, a server need not.
    }
  }
}
