import assert from "node:assert/strict";
import { OwnMemory, ScratchMemory } from "../../../lib/services/inference_codec/element_memory.ts";
import type { ModelInferRequest } from "../../../lib/services/inference_codec/infer_request.ts";
import { InferRequestCodec } from "../../../lib/services/inference_codec/request_codec.ts";
import type { Tensor } from "../../../lib/tensor/tensor.ts";
import { rawByteLength, writeRaw } from "../../../lib/tensor/raw_bytes.ts";
import { TENSORS, TYPED } from "../../services/inference_messages.ts";
import { mutant } from "../mutation.ts";
import { parseNaively } from "../naive_wire.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

/** One for all inputs, as a thread has one for all calls. */
const codec = new InferRequestCodec(new ScratchMemory());
const ownCodec = new InferRequestCodec(new OwnMemory());

/** A bool of one byte on the wire is one here; an int64 of one byte, eight. */
const BYTES_PER_WIRE_BYTE_MAX = 8;

/**
 * A ModelInferRequest: the codec makes of it a request or says why not, takes no more memory than bytes
 * allow, the same into either memory, and what it writes it reads again.
 */
export const inferRequest: FuzzTarget = {
  name: "infer-request",
  share: 20,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const outcome = valueOrError(() => ownCodec.decode(input, 0, input.length), isMalformed);
    const shared = valueOrError(() => codec.decode(input, 0, input.length), isMalformed);
    if (parseNaively(input) === undefined) assert.ok("error" in outcome, "read what is no message");
    if ("error" in outcome || "error" in shared) {
      return assert.ok("error" in outcome && "error" in shared, "one memory alone refuses");
    }
    const request = outcome.value;
    assert.equal(request.refused?.message, shared.value.refused?.message);
    assertSame(shared.value.infer.inputs, request.infer.inputs);
    if (request.refused !== undefined) return assert.equal(request.infer.inputs.length, 0);
    const held = request.infer.inputs.reduce(
      (sum, { data, datatype }) =>
        sum + (datatype === "BYTES" ? 0 : (data as Uint8Array).byteLength),
      0,
    );
    assert.ok(held <= input.length * BYTES_PER_WIRE_BYTE_MAX, `${held} bytes of elements`);
    const again = decodeAgain(request);
    assert.equal(again.refused, undefined);
    assertSame(again.infer.inputs, request.infer.inputs);
    const { inputs: _, ...infer } = request.infer;
    const { inputs: __, ...inferAgain } = again.infer;
    assert.deepEqual([again.id, inferAgain], [request.id, infer]);
  },
};

function decodeAgain(request: ModelInferRequest): ModelInferRequest {
  const bytes = new Uint8Array(codec.encodedBytesMax(request) + 1);
  assert.equal(codec.encode(request, bytes, 1), bytes.length, "not as long as announced");
  return codec.decode(bytes, 1, bytes.length);
}

/** What a message that is none is refused with: TypeError for text that is no UTF-8. */
function isMalformed(error: unknown): error is RangeError | TypeError {
  return error instanceof RangeError || error instanceof TypeError;
}

function assertSame(found: readonly Tensor[], expected: readonly Tensor[]): void {
  assert.equal(found.length, expected.length);
  for (const [index, { name, datatype, shape }] of expected.entries()) {
    const { data: _, ...head } = found[index];
    assert.deepEqual(head, { name, datatype, shape });
    assert.deepEqual(rawOf(found[index]), rawOf(expected[index]));
  }
}

function rawOf(tensor: Tensor): Uint8Array {
  const bytes = new Uint8Array(rawByteLength(tensor));
  writeRaw(tensor, bytes, 0);
  return bytes;
}

const SEEDS = [
  { inputs: TENSORS, raw: true },
  { inputs: TENSORS.filter(({ datatype }) => TYPED.includes(datatype)), raw: false },
  ...TENSORS.map((tensor) => ({ inputs: [tensor], raw: true })),
  ...TENSORS.map((tensor) => ({ inputs: [tensor], raw: false })),
].map(({ inputs, raw }, index) => {
  const request: ModelInferRequest = {
    id: index % 2 === 0 ? "" : "7",
    raw,
    timeoutMs: index % 3 === 0 ? 1.5 : undefined,
    infer: {
      model: "m",
      version: index % 2 === 0 ? undefined : "1",
      inputs,
      outputs: index % 4 === 0 ? ["y", "z"] : undefined,
      priority: index % 5 === 0 ? 2 : undefined,
      parameters: index % 3 === 0 ? { a: 1.5, b: true, c: "ä", d: 2n ** 64n - 1n } : undefined,
    },
    refused: undefined,
  };
  const bytes = new Uint8Array(codec.encodedBytesMax(request));
  return bytes.slice(0, codec.encode(request, bytes, 0));
});
