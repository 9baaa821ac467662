import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type * as GrpcJs from "@grpc/grpc-js";
import type { Method } from "../../lib/grpc/service.ts";
import { ProtoFile } from "../../lib/grpc/proto_service.ts";
import { NumStore } from "../../lib/numstore/num_store.ts";
import { allocateNumStore, openNumStore } from "../../lib/numstore/num_store_memory.ts";
import { numStoreMethods, numStoreSource } from "../../lib/services/numstore_contract.ts";
import { addNumStore } from "../../lib/services/numstore_service.ts";
import { grpc, mayUseGrpcJs } from "../grpc/grpc_js_peer.ts";
import { TestServer } from "../grpc/test_server.ts";

type AnyMethod = Method<"unary", object, object>;

/** Calls a method as users of grpc-js and proto-loader do: int64 as decimal strings. */
function call(client: GrpcJs.Client, { path, request, response }: AnyMethod, message: object) {
  const { promise, resolve, reject } = Promise.withResolvers<object>();
  client.makeUnaryRequest(
    path,
    (message: object) => {
      const bytes = Buffer.alloc(request.encodedBytesMax(message));
      request.encode(message, bytes, 0);
      return bytes;
    },
    (bytes) => response.decode(bytes, 0, bytes.length),
    message,
    (error, answer) => error === null ? resolve(answer ?? {}) : reject(error),
  );
  return promise;
}

Deno.test({
  name: "grpc-js client: NumStore's sequence, int64 digit for digit, errors",
  ignore: !mayUseGrpcJs,
}, async () => {
  const limits = { keys: 3, bytes: 4_096, cacheEntries: 10 };
  const backend = new NumStore(openNumStore(allocateNumStore(limits), 1));
  await using server = new TestServer({}, {
    register: (registry) => addNumStore(registry, numStoreMethods(), backend),
  });
  const address = `127.0.0.1:${server.listen()}`;
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const file = new ProtoFile(numStoreSource.text);
  const method = (name: string): AnyMethod => file.method("NumStore", name, "unary");
  const setNum = (key: string, value: string) => call(client, method("SetNum"), { key, value });
  const fact = (key: string) => call(client, method("Fact"), { key });
  try {
    const sequence = [["A", "1", "1"], ["B", "10", "11"], ["A", "5", "15"], ["B", "0", "5"]];
    for (const [key, value, total] of sequence) {
      assert.deepEqual({ ...await setNum(key, value) }, { total });
    }
    assert.deepEqual({ ...await fact("A") }, { value: "120", hit: false, error: "" });
    await setNum("A", "20");
    for (const hit of [false, true]) {
      assert.deepEqual({ ...await fact("A") }, { value: "2432902008176640000", hit, error: "" });
    }
    const error = 'Cannot compute a factorial: key "C" was never set';
    assert.deepEqual({ ...await fact("C") }, { value: "0", hit: false, error });
    assert.deepEqual({ ...await setNum("A", "-9223372036854775808") }, {
      total: "-9223372036854775808",
    });
    await assert.rejects(setNum("B", "-1"), { code: grpc.status.OUT_OF_RANGE });
    await setNum("C", "0");
    await assert.rejects(setNum("D", "1"), { code: grpc.status.RESOURCE_EXHAUSTED });
    await assert.rejects(setNum("k".repeat(1_025), "1"), { code: grpc.status.INVALID_ARGUMENT });
  } finally {
    client.close();
  }
});
