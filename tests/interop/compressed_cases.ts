import assert from "node:assert/strict";
import type { Channel } from "../../lib/grpc/channel.ts";
import type { CallOptions } from "../../lib/grpc/client_call.ts";
import { Code } from "../../lib/grpc/status.ts";
import {
  assertZeros,
  type ClientCase,
  LARGE_REQUEST_SIZE,
  LARGE_RESPONSE_SIZE,
  OPTIONS,
  zeros,
} from "./client_cases.ts";
import { testMethods } from "./test_contract.ts";

/** A case with the compressed flags that cross the wire. */
export interface CompressedCase {
  readonly run: ClientCase;
  /** Flags of the requests, in order; those of the probe stand in front of them. */
  readonly requestFlags: readonly number[];
  readonly responseFlags: readonly number[];
  /**
   * Asks for a compressed request and sends one that is not, which a server that looks answers with
   * INVALID_ARGUMENT. Not every server can look.
   */
  readonly probe?: ClientCase;
}

/**
 * The client's side of the interop cases with compression, by name.
 *
 * Source: gRPC doc/interop-test-descriptions.md, Client.
 */
export const COMPRESSED_CASES: Readonly<Record<string, CompressedCase>> = {
  client_compressed_unary: {
    probe: probeUnary,
    run: clientCompressedUnary,
    requestFlags: [1, 0],
    responseFlags: [0, 0],
  },
  client_compressed_streaming: {
    probe: probeStreaming,
    run: clientCompressedStreaming,
    requestFlags: [1, 0],
    responseFlags: [0],
  },
  server_compressed_unary: {
    run: serverCompressedUnary,
    requestFlags: [0, 0],
    responseFlags: [1, 0],
  },
  server_compressed_streaming: {
    run: serverCompressedStreaming,
    requestFlags: [0],
    responseFlags: [1, 0],
  },
};

const INVALID_ARGUMENT = { code: Code.INVALID_ARGUMENT };

const LARGE = {
  response_size: LARGE_RESPONSE_SIZE,
  payload: zeros(LARGE_REQUEST_SIZE),
};

async function probeUnary(channel: Channel): Promise<void> {
  const request = { ...LARGE, expect_compressed: { value: true } };
  const call = channel.unary(testMethods.unaryCall, request, OPTIONS);
  await assert.rejects(call, INVALID_ARGUMENT);
}

async function clientCompressedUnary(channel: Channel): Promise<void> {
  for (const compress of [true, false]) {
    const request = { ...LARGE, expect_compressed: { value: compress } };
    const options = { ...OPTIONS, compress };
    const { payload } = await channel.unary(testMethods.unaryCall, request, options);
    assertZeros(payload, LARGE_RESPONSE_SIZE);
  }
}

async function probeStreaming(channel: Channel): Promise<void> {
  const requests = [{ expect_compressed: { value: true }, payload: zeros(27_182) }];
  const call = channel.clientStreaming(testMethods.streamingInputCall, requests, OPTIONS);
  await assert.rejects(call, INVALID_ARGUMENT);
}

async function clientCompressedStreaming(channel: Channel): Promise<void> {
  const requests = [
    { expect_compressed: { value: true }, payload: zeros(27_182) },
    { expect_compressed: { value: false }, payload: zeros(45_904) },
  ];
  const options = { ...OPTIONS, compress: (index: number) => index === 0 };
  const response = await channel.clientStreaming(testMethods.streamingInputCall, requests, options);
  assert.equal(response.aggregated_payload_size, 73_086);
}

/** Options of a call that tells how its responses came. */
function listening(): { options: CallOptions; compressed: boolean[] } {
  const compressed: boolean[] = [];
  return {
    options: { ...OPTIONS, onMessage: (form) => compressed.push(form.compressed) },
    compressed,
  };
}

async function serverCompressedUnary(channel: Channel): Promise<void> {
  for (const value of [true, false]) {
    const { options, compressed } = listening();
    const request = { ...LARGE, response_compressed: { value } };
    const { payload } = await channel.unary(testMethods.unaryCall, request, options);
    assertZeros(payload, LARGE_RESPONSE_SIZE);
    assert.deepEqual(compressed, [value]);
  }
}

async function serverCompressedStreaming(channel: Channel): Promise<void> {
  const { options, compressed } = listening();
  const sizes = [31_415, 92_653];
  const response_parameters = [
    { compressed: { value: true }, size: sizes[0] },
    { compressed: { value: false }, size: sizes[1] },
  ];
  const method = testMethods.streamingOutputCall;
  let count = 0;
  for await (
    const { payload } of channel.serverStreaming(method, { response_parameters }, options)
  ) {
    assertZeros(payload, sizes[count++]);
  }
  assert.equal(count, sizes.length);
  assert.deepEqual(compressed, [true, false]);
}
