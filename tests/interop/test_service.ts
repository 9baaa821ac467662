import type { ServerCall, ServiceRegistry } from "../../lib/grpc/service.ts";
import { Code, GrpcError, parseCode } from "../../lib/grpc/status.ts";
import { MESSAGE_BYTES_MAX_DEFAULT } from "../../lib/limits.ts";
import {
  type BoolValue,
  ECHO_INITIAL,
  ECHO_TRAILING,
  type EchoStatus,
  type Payload,
  type ResponseParameters,
  type SimpleRequest,
  type SimpleResponse,
  type StreamingInputCallRequest,
  type StreamingInputCallResponse,
  type StreamingOutputCallRequest,
  type StreamingOutputCallResponse,
  testMethods,
} from "./test_contract.ts";

/**
 * Adds `grpc.testing.TestService`, as far as the interop cases ask for it: `UnimplementedCall` and all
 * of `UnimplementedService` are missing on purpose.
 *
 * Source: gRPC doc/interop-test-descriptions.md, Server.
 */
export function addTestService(registry: ServiceRegistry): void {
  registry
    .add(testMethods.emptyCall, (request) => request)
    .add(testMethods.unaryCall, unaryCall)
    .add(testMethods.streamingOutputCall, streamingOutputCall)
    .add(testMethods.streamingInputCall, streamingInputCall)
    .add(testMethods.fullDuplexCall, fullDuplexCall);
}

function unaryCall(request: SimpleRequest, call: ServerCall): SimpleResponse {
  assertForm(request.expect_compressed, call);
  echoMetadata(call);
  echoStatus(request.response_status);
  call.compress = request.response_compressed?.value === true;
  return { payload: payloadOf(request.response_type, request.response_size) };
}

async function* streamingOutputCall(
  request: StreamingOutputCallRequest,
  call: ServerCall,
): AsyncGenerator<StreamingOutputCallResponse> {
  // The head, which goes before the first, says whether any is compressed.
  call.compress = request.response_parameters?.some(isCompressed) === true;
  yield* responsesTo(request, call);
}

async function streamingInputCall(
  requests: AsyncIterable<StreamingInputCallRequest>,
  call: ServerCall,
): Promise<StreamingInputCallResponse> {
  let payloadBytes = 0;
  for await (const { payload, expect_compressed } of requests) {
    assertForm(expect_compressed, call);
    payloadBytes += payload?.body?.length ?? 0;
  }
  return { aggregated_payload_size: payloadBytes };
}

async function* fullDuplexCall(
  requests: AsyncIterable<StreamingOutputCallRequest>,
  call: ServerCall,
): AsyncGenerator<StreamingOutputCallResponse> {
  echoMetadata(call);
  for await (const request of requests) {
    echoStatus(request.response_status);
    yield* responsesTo(request, call);
  }
}

function* responsesTo(
  { response_type, response_parameters = [] }: StreamingOutputCallRequest,
  call: ServerCall,
): Generator<StreamingOutputCallResponse> {
  for (const parameters of response_parameters) {
    call.compress = isCompressed(parameters);
    yield { payload: payloadOf(response_type, parameters.size) };
  }
}

function isCompressed({ compressed }: ResponseParameters): boolean {
  return compressed?.value === true;
}

/** Source: gRPC doc/interop-test-descriptions.md, CompressedRequest. */
function assertForm(expected: BoolValue | null | undefined, call: ServerCall): void {
  if (expected === null || expected === undefined) return;
  if (expected.value === call.requestCompressed) return;
  throw new GrpcError(
    Code.INVALID_ARGUMENT,
    `Cannot take message: compressed is ${call.requestCompressed}, need ${expected.value}`,
  );
}

function payloadOf(type: string | number = "COMPRESSABLE", size = 0): Payload {
  if (type !== "COMPRESSABLE" || size < 0 || size > MESSAGE_BYTES_MAX_DEFAULT) {
    throw new GrpcError(
      Code.INVALID_ARGUMENT,
      `Cannot make payload: type ${type} of ${size} bytes, ` +
        `need COMPRESSABLE of 0 to ${MESSAGE_BYTES_MAX_DEFAULT}`,
    );
  }
  return { type, body: new Uint8Array(size) };
}

function echoMetadata(call: ServerCall): void {
  const initial = call.metadata.get(ECHO_INITIAL);
  if (initial !== undefined) call.headers.append(ECHO_INITIAL, initial);
  const trailing = call.metadata.get(ECHO_TRAILING);
  if (trailing !== undefined) call.trailers.append(ECHO_TRAILING, trailing);
}

function echoStatus(status: EchoStatus | null | undefined): void {
  const code = parseCode(String(status?.code ?? Code.OK));
  if (code !== Code.OK) throw new GrpcError(code, status?.message ?? "");
}
