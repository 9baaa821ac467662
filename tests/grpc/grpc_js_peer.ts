import { Buffer } from "node:buffer";
import type * as GrpcJs from "@grpc/grpc-js";
import { keepBytesForHttp2 } from "../../tasks/peers/grpc_js_sockets.ts";
import { echo, mayUseNet, type Note } from "./test_server.ts";

const mayReadEnv = Deno.permissions.querySync({ name: "env" }).state === "granted";

/** Whether this test run may use grpc-js, which reads the environment when it is loaded. */
export const mayUseGrpcJs = mayUseNet && mayReadEnv;

if (mayUseGrpcJs) keepBytesForHttp2();

/** grpc-js, for tests that run only where `mayUseGrpcJs`. */
export const grpc: typeof GrpcJs = mayUseGrpcJs
  ? await import("@grpc/grpc-js")
  : (undefined as never);

type NoteCodec = typeof echo.unary.request;

/** Encodes a note as grpc-js wants it. */
export function serialize(note: Note): Buffer {
  const codec: NoteCodec = echo.unary.request;
  const bytes = Buffer.alloc(codec.encodedBytesMax(note));
  codec.encode(note, bytes, 0);
  return bytes;
}

/** Decodes a note as grpc-js hands it over. */
export function deserialize(bytes: Buffer): Note {
  return echo.unary.request.decode(bytes, 0, bytes.length);
}

/** `test.Echo` as grpc-js defines a service. */
export const GRPC_JS_ECHO: GrpcJs.ServiceDefinition = Object.fromEntries(
  Object.entries(echo).map(([name, { kind, path }]) => [name, {
    path,
    requestStream: kind === "clientStreaming" || kind === "bidiStreaming",
    responseStream: kind === "serverStreaming" || kind === "bidiStreaming",
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  }]),
);

/** Metadata of grpc-js from pairs. */
export function grpcJsMetadata(...pairs: [key: string, value: string | Buffer][]): GrpcJs.Metadata {
  const metadata = new grpc.Metadata();
  for (const [key, value] of pairs) metadata.add(key, value);
  return metadata;
}
