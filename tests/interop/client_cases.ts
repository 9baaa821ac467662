import assert from "node:assert/strict";
import type { Channel } from "../../lib/grpc/channel.ts";
import type { CallOptions } from "../../lib/grpc/client_call.ts";
import { MessageQueue } from "../../lib/grpc/message_queue.ts";
import { Metadata } from "../../lib/grpc/metadata.ts";
import { Code, GrpcError } from "../../lib/grpc/status.ts";
import {
  ECHO_INITIAL,
  ECHO_TRAILING,
  type Payload,
  type StreamingInputCallRequest,
  type StreamingOutputCallRequest,
  testMethods,
} from "./test_contract.ts";

/** A case of the suite: makes its calls and rejects when anything comes otherwise than it should. */
export type ClientCase = (channel: Channel) => Promise<void>;

/** A call that hangs fails its case rather than the whole run. */
export const OPTIONS: CallOptions = { timeoutMs: 30_000 };

const REQUEST_SIZES = [27_182, 8, 1_828, 45_904];
const RESPONSE_SIZES = [31_415, 9, 2_653, 58_979];
export const LARGE_REQUEST_SIZE = 271_828;
export const LARGE_RESPONSE_SIZE = 314_159;

/**
 * The client's side of the interop cases that need neither credentials nor compression, by name.
 *
 * Source: gRPC doc/interop-test-descriptions.md, Client.
 */
export const CLIENT_CASES: Readonly<Record<string, ClientCase>> = {
  empty_unary: emptyUnary,
  large_unary: largeUnary,
  client_streaming: clientStreaming,
  server_streaming: serverStreaming,
  ping_pong: pingPong,
  empty_stream: emptyStream,
  custom_metadata: customMetadata,
  status_code_and_message: statusCodeAndMessage,
  special_status_message: specialStatusMessage,
  unimplemented_method: unimplementedMethod,
  unimplemented_service: unimplementedService,
  cancel_after_begin: cancelAfterBegin,
  cancel_after_first_response: cancelAfterFirstResponse,
  timeout_on_sleeping_server: timeoutOnSleepingServer,
};

/** A payload of zeros. */
export function zeros(size: number): Payload {
  return { body: new Uint8Array(size) };
}

/** @throws {AssertionError} when it is not a payload of `size` zeros. */
export function assertZeros(payload: Payload | null | undefined, size: number): void {
  assert.equal(payload?.type, "COMPRESSABLE");
  assert.equal(payload.body?.length, size);
  assert.ok(payload.body.every((byte) => byte === 0), "the payload is not all zeros");
}

/** Requests that a case sends one at a time; `end` closes its half of the call. */
function requestQueue<Request>(): MessageQueue<Request> {
  return new MessageQueue<Request>({ onTaken() {}, onStopped() {} });
}

async function emptyUnary(channel: Channel): Promise<void> {
  assert.deepEqual({ ...await channel.unary(testMethods.emptyCall, {}, OPTIONS) }, {});
}

async function largeUnary(channel: Channel): Promise<void> {
  const request = { response_size: LARGE_RESPONSE_SIZE, payload: zeros(LARGE_REQUEST_SIZE) };
  const { payload } = await channel.unary(testMethods.unaryCall, request, OPTIONS);
  assertZeros(payload, LARGE_RESPONSE_SIZE);
}

async function clientStreaming(channel: Channel): Promise<void> {
  const requests = REQUEST_SIZES.map((size) => ({ payload: zeros(size) }));
  const response = await channel.clientStreaming(testMethods.streamingInputCall, requests, OPTIONS);
  assert.equal(response.aggregated_payload_size, 74_922);
}

async function serverStreaming(channel: Channel): Promise<void> {
  const request = { response_parameters: RESPONSE_SIZES.map((size) => ({ size })) };
  const responses = channel.serverStreaming(testMethods.streamingOutputCall, request, OPTIONS);
  let count = 0;
  for await (const { payload } of responses) assertZeros(payload, RESPONSE_SIZES[count++]);
  assert.equal(count, RESPONSE_SIZES.length);
}

async function pingPong(channel: Channel): Promise<void> {
  const requests = requestQueue<StreamingOutputCallRequest>();
  const call = channel.bidiStreaming(testMethods.fullDuplexCall, requests, OPTIONS);
  const responses = call[Symbol.asyncIterator]();
  for (const [i, size] of RESPONSE_SIZES.entries()) {
    requests.push({ response_parameters: [{ size }], payload: zeros(REQUEST_SIZES[i]) });
    assertZeros((await responses.next()).value?.payload, size);
  }
  requests.end();
  assert.equal((await responses.next()).done, true);
}

async function emptyStream(channel: Channel): Promise<void> {
  const responses = channel.bidiStreaming(testMethods.fullDuplexCall, [], OPTIONS);
  for await (const _ of responses) assert.fail("a response to no request");
}

async function customMetadata(channel: Channel): Promise<void> {
  const bytes = new Uint8Array([0xab, 0xab, 0xab]);
  let headers = new Metadata();
  let trailers = new Metadata();
  const options: CallOptions = {
    ...OPTIONS,
    metadata: new Metadata()
      .append(ECHO_INITIAL, "test_initial_metadata_value")
      .append(ECHO_TRAILING, bytes),
    onHeaders: (metadata) => headers = metadata,
    onTrailers: (metadata) => trailers = metadata,
  };
  const assertEchoed = () => {
    assert.deepEqual(headers.getAll(ECHO_INITIAL), ["test_initial_metadata_value"]);
    assert.deepEqual(trailers.getAll(ECHO_TRAILING), [bytes]);
    headers = trailers = new Metadata();
  };
  const payload = zeros(LARGE_REQUEST_SIZE);
  const size = LARGE_RESPONSE_SIZE;
  await channel.unary(testMethods.unaryCall, { response_size: size, payload }, options);
  assertEchoed();
  const requests = [{ response_parameters: [{ size }], payload }];
  let count = 0;
  for await (const _ of channel.bidiStreaming(testMethods.fullDuplexCall, requests, options)) {
    count++;
  }
  assert.equal(count, 1);
  assertEchoed();
}

async function statusCodeAndMessage(channel: Channel): Promise<void> {
  const expected = { code: Code.UNKNOWN, message: "test status message" };
  const request = { response_status: expected };
  await assert.rejects(channel.unary(testMethods.unaryCall, request, OPTIONS), expected);
  const call = channel.bidiStreaming(testMethods.fullDuplexCall, [request], OPTIONS);
  await assert.rejects(call[Symbol.asyncIterator]().next(), expected);
}

async function specialStatusMessage(channel: Channel): Promise<void> {
  const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
  const expected = { code: Code.UNKNOWN, message };
  const request = { response_status: expected };
  await assert.rejects(channel.unary(testMethods.unaryCall, request, OPTIONS), expected);
}

async function unimplementedMethod(channel: Channel): Promise<void> {
  const call = channel.unary(testMethods.unimplementedMethod, {}, OPTIONS);
  await assert.rejects(call, { code: Code.UNIMPLEMENTED });
}

async function unimplementedService(channel: Channel): Promise<void> {
  const call = channel.unary(testMethods.unimplementedService, {}, OPTIONS);
  await assert.rejects(call, { code: Code.UNIMPLEMENTED });
}

async function cancelAfterBegin(channel: Channel): Promise<void> {
  const aborter = new AbortController();
  const requests: AsyncIterable<StreamingInputCallRequest> = {
    [Symbol.asyncIterator]: () => ({
      // Requests are asked for once the head has been sent.
      next() {
        aborter.abort(cancelled());
        return Promise.withResolvers<IteratorResult<StreamingInputCallRequest>>().promise;
      },
    }),
  };
  const options = { ...OPTIONS, signal: aborter.signal };
  const call = channel.clientStreaming(testMethods.streamingInputCall, requests, options);
  await assert.rejects(call, { code: Code.CANCELLED, message: "enough" });
}

async function cancelAfterFirstResponse(channel: Channel): Promise<void> {
  const aborter = new AbortController();
  const requests = requestQueue<StreamingOutputCallRequest>();
  const options = { ...OPTIONS, signal: aborter.signal };
  const call = channel.bidiStreaming(testMethods.fullDuplexCall, requests, options);
  const responses = call[Symbol.asyncIterator]();
  const [size] = RESPONSE_SIZES;
  requests.push({ response_parameters: [{ size }], payload: zeros(REQUEST_SIZES[0]) });
  assertZeros((await responses.next()).value?.payload, size);
  aborter.abort(cancelled());
  await assert.rejects(responses.next(), { code: Code.CANCELLED, message: "enough" });
}

/** The caller's own reason is what a cancelled call rejects with. */
function cancelled(): GrpcError {
  return new GrpcError(Code.CANCELLED, "enough");
}

async function timeoutOnSleepingServer(channel: Channel): Promise<void> {
  // The millisecond is for the call, not for the connection.
  await channel.connect();
  const requests = requestQueue<StreamingOutputCallRequest>();
  requests.push({ payload: zeros(REQUEST_SIZES[0]) });
  const call = channel.bidiStreaming(testMethods.fullDuplexCall, requests, { timeoutMs: 1 });
  await assert.rejects(call[Symbol.asyncIterator]().next(), { code: Code.DEADLINE_EXCEEDED });
}
