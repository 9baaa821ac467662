/** The peer to compare with: ModelServer on grpc-js, an LRU of 10 in a Map. Prints its port. */

import { Server, ServerCredentials, type ServiceDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const ENTRIES_MAX = 10;

interface Call<Request> {
  readonly request: Request;
}
type Callback = (error: null, response: object) => void;

const file = new URL("../../modelserver.proto", import.meta.url).pathname;
const definition = loadSync(file, { keepCase: true, defaults: true });
let coefs: number[] = [];
const cache = new Map<string, number>();

const server = new Server();
server.addService(definition.ModelServer as ServiceDefinition, {
  SetCoefs({ request }: Call<{ coefs: number[] }>, callback: Callback) {
    coefs = request.coefs;
    cache.clear();
    callback(null, { success: true, error: "" });
  },
  Predict({ request }: Call<{ inputs: number[] }>, callback: Callback) {
    const rounded = request.inputs.map((x) => Math.round(x * 1e4) / 1e4);
    if (rounded.length !== coefs.length) return callback(null, { error: "length mismatch" });
    const key = rounded.join();
    const cached = cache.get(key);
    if (cached !== undefined) {
      cache.delete(key);
      cache.set(key, cached);
      return callback(null, { output: cached, cache_hit: true });
    }
    const output = rounded.reduce((sum, x, i) => sum + x * coefs[i], 0);
    cache.set(key, output);
    if (cache.size > ENTRIES_MAX) cache.delete(cache.keys().next().value ?? "");
    callback(null, { output, cache_hit: false });
  },
});
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  Deno.stdout.writeSync(new TextEncoder().encode(`${JSON.stringify({ port })}\n`));
});
