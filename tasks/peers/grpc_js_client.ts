/**
 * The same load as `../load.ts`, from grpc-js's client: PORT CONNECTIONS INFLIGHT SECONDS. Bundled, it
 * runs on Node too.
 */

import process from "node:process";
import { Client, credentials, loadPackageDefinition, type ServiceError } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import protoText from "../../modelserver.proto" with { type: "text" };
import { parseLoadOptions, runClosedLoad, VECTOR } from "../closed_load.ts";
import { keepBytesForHttp2 } from "./grpc_js_sockets.ts";

keepBytesForHttp2();

type Callback = (error: ServiceError | null) => void;

interface ModelServerStub extends Client {
  SetCoefs(request: { readonly coefs: readonly number[] }, callback: Callback): void;
  Predict(request: { readonly inputs: readonly number[] }, callback: Callback): void;
}
type ModelServerStubClass = new (
  address: string,
  channelCredentials: ReturnType<typeof credentials.createInsecure>,
  options: Record<string, number>,
) => ModelServerStub;

const json = protobuf.parse(protoText, { keepCase: true }).root.toJSON();
const definition = loadPackageDefinition(fromJSON(json, { keepCase: true, defaults: true }));
const Stub = definition.ModelServer as unknown as ModelServerStubClass;

const options = parseLoadOptions(process.argv.slice(2));
const stubs = Array.from(
  { length: options.connections },
  // Otherwise all of them would share one connection.
  () =>
    new Stub(`127.0.0.1:${options.port}`, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
    }),
);
await call((callback) => stubs[0].SetCoefs({ coefs: VECTOR }, callback));
await runClosedLoad(
  stubs.map((stub) => () => call((callback) => stub.Predict({ inputs: VECTOR }, callback))),
  options,
);
for (const stub of stubs) stub.close();

function call(start: (callback: Callback) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => error === null ? resolve() : reject(error));
  });
}
