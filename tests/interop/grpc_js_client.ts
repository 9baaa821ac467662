import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type * as GrpcJs from "@grpc/grpc-js";
import type { Codec } from "../../lib/grpc/codec.ts";
import { grpc } from "../grpc/grpc_js_peer.ts";
import { assertZeros, LARGE_REQUEST_SIZE, LARGE_RESPONSE_SIZE, zeros } from "./client_cases.ts";
import {
  type SimpleRequest,
  type SimpleResponse,
  type StreamingInputCallRequest,
  type StreamingInputCallResponse,
  type StreamingOutputCallRequest,
  type StreamingOutputCallResponse,
  testMethods,
} from "./test_contract.ts";

/** The write flag of a message that is not to be compressed; grpc-js does not export it. */
const NO_COMPRESS = 2;

/** A request, and whether to compress it. */
interface Form<Request> {
  readonly request: Request;
  readonly compress: boolean;
}

/** The interop cases with compression as grpc-js, which can choose for each request, makes them. */
export const GRPC_JS_CASES: Readonly<Record<string, (client: CompressingClient) => Promise<void>>> =
  {
    client_compressed_unary: clientCompressedUnary,
    client_compressed_streaming: clientCompressedStreaming,
    server_compressed_unary: serverCompressedUnary,
    server_compressed_streaming: serverCompressedStreaming,
  };

/** A grpc-js client that compresses the requests that it is told to. */
export class CompressingClient implements Disposable {
  readonly #client: GrpcJs.Client;

  constructor(port: number) {
    this.#client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
      "grpc.default_compression_algorithm": grpc.compressionAlgorithms.gzip,
      interceptors: [chooseCompression],
    });
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  unary(form: Form<SimpleRequest>): Promise<SimpleResponse> {
    const { path, request, response } = testMethods.unaryCall;
    const { promise, resolve, reject } = Promise.withResolvers<SimpleResponse>();
    this.#client.makeUnaryRequest(
      path,
      serializer(request),
      deserializer(response),
      form,
      (error, message) => error === null ? resolve(message ?? {}) : reject(error),
    );
    return promise;
  }

  clientStreaming(
    forms: readonly Form<StreamingInputCallRequest>[],
  ): Promise<StreamingInputCallResponse> {
    const { path, request, response } = testMethods.streamingInputCall;
    const { promise, resolve, reject } = Promise.withResolvers<StreamingInputCallResponse>();
    const call = this.#client.makeClientStreamRequest(
      path,
      serializer(request),
      deserializer(response),
      (error, message) => error === null ? resolve(message ?? {}) : reject(error),
    );
    for (const form of forms) call.write(form);
    call.end();
    return promise;
  }

  async serverStreaming(
    form: Form<StreamingOutputCallRequest>,
  ): Promise<StreamingOutputCallResponse[]> {
    const { path, request, response } = testMethods.streamingOutputCall;
    const call = this.#client.makeServerStreamRequest(
      path,
      serializer(request),
      deserializer(response),
      form,
    );
    const responses: StreamingOutputCallResponse[] = [];
    for await (const message of call) responses.push(message);
    return responses;
  }
}

/** Sets the write flags of each message; a caller can do so for streams alone. */
function chooseCompression(
  options: GrpcJs.InterceptorOptions,
  nextCall: GrpcJs.NextCall,
): GrpcJs.InterceptingCall {
  const call = nextCall(options);
  const send = call.sendMessageWithContext.bind(call);
  call.sendMessageWithContext = (context, form: Form<unknown>) =>
    send({ ...context, flags: form.compress ? 0 : NO_COMPRESS }, form);
  return new grpc.InterceptingCall(call);
}

function serializer<Request>(codec: Codec<Request>): (form: Form<Request>) => Buffer {
  return ({ request }) => {
    const bytes = Buffer.alloc(codec.encodedBytesMax(request));
    return bytes.subarray(0, codec.encode(request, bytes, 0));
  };
}

function deserializer<Response>(codec: Codec<Response>): (bytes: Buffer) => Response {
  return (bytes) => codec.decode(bytes, 0, bytes.length);
}

const LARGE = {
  response_size: LARGE_RESPONSE_SIZE,
  payload: zeros(LARGE_REQUEST_SIZE),
};

async function clientCompressedUnary(client: CompressingClient): Promise<void> {
  const expected = { ...LARGE, expect_compressed: { value: true } };
  const probe = client.unary({ request: expected, compress: false });
  await assert.rejects(probe, { code: grpc.status.INVALID_ARGUMENT });
  const compressed = await client.unary({ request: expected, compress: true });
  assertZeros(compressed.payload, LARGE_RESPONSE_SIZE);
  const unexpected = { ...LARGE, expect_compressed: { value: false } };
  const plain = await client.unary({ request: unexpected, compress: false });
  assertZeros(plain.payload, LARGE_RESPONSE_SIZE);
}

async function clientCompressedStreaming(client: CompressingClient): Promise<void> {
  const expected = { expect_compressed: { value: true }, payload: zeros(27_182) };
  const unexpected = { expect_compressed: { value: false }, payload: zeros(45_904) };
  const probe = client.clientStreaming([{ request: expected, compress: false }]);
  await assert.rejects(probe, { code: grpc.status.INVALID_ARGUMENT });
  const response = await client.clientStreaming([
    { request: expected, compress: true },
    { request: unexpected, compress: false },
  ]);
  assert.equal(response.aggregated_payload_size, 73_086);
}

async function serverCompressedUnary(client: CompressingClient): Promise<void> {
  for (const value of [true, false]) {
    const request = { ...LARGE, response_compressed: { value } };
    const { payload } = await client.unary({ request, compress: false });
    assertZeros(payload, LARGE_RESPONSE_SIZE);
  }
}

async function serverCompressedStreaming(client: CompressingClient): Promise<void> {
  const response_parameters = [
    { compressed: { value: true }, size: 31_415 },
    { compressed: { value: false }, size: 92_653 },
  ];
  const request = { response_parameters };
  const [first, second, ...more] = await client.serverStreaming({ request, compress: false });
  assertZeros(first.payload, 31_415);
  assertZeros(second.payload, 92_653);
  assert.deepEqual(more, []);
}
