import assert from "node:assert/strict";
import { INVOCATION_METADATA_MAX } from "../../../lib/limits.ts";
import {
  type InvocationRequest,
  InvocationRequestCodec,
} from "../../../lib/services/invocation_codec.ts";
import { mutant } from "../mutation.ts";
import { parseNaively } from "../naive_wire.ts";
import { type FuzzTarget, valueOrError } from "../target.ts";

/** One for all inputs, as a thread has one for all calls. */
const codec = new InvocationRequestCodec();

/**
 * An InvocationRequest: the codec makes of it a request or says that it is none, keeps no more pairs than there may
 * be, and reads again what it writes.
 */
export const invocationRequest: FuzzTarget = {
  name: "invocation-request",
  share: 10,
  generate: (random) => mutant(random, SEEDS),
  run(input) {
    const outcome = valueOrError(() => codec.decode(input, 0, input.length), isMalformed);
    if (parseNaively(input) === undefined) assert.ok("error" in outcome, "read what is no message");
    if ("error" in outcome) return;
    const { model_input } = outcome.value;
    if (model_input === undefined) return;
    assert.ok(model_input.metadata.length <= INVOCATION_METADATA_MAX);
    assert.equal(model_input.id, model_input.id | 0);
    assert.deepEqual(decodeAgain(outcome.value).model_input, model_input);
  },
};

function decodeAgain(request: InvocationRequest): InvocationRequest {
  const bytes = new Uint8Array(codec.encodedBytesMax(request) + 1);
  assert.equal(codec.encode(request, bytes, 1), bytes.length, "not as long as announced");
  return codec.decode(bytes, 1, bytes.length);
}

/** What a message that is none is refused with: TypeError for text that is no UTF-8. */
function isMalformed(error: unknown): error is RangeError | TypeError {
  return error instanceof RangeError || error instanceof TypeError;
}

const pair = { key: "type", value: "list" };

const SEEDS = [
  { id: 0, content: "", metadata: [] },
  { id: -1, content: "0.1,0.2", metadata: [pair] },
  { id: 2 ** 31 - 1, content: "ä😀".repeat(50), metadata: [pair, { key: "", value: "" }, pair] },
  {
    id: 7,
    content: "",
    metadata: new Array(INVOCATION_METADATA_MAX + 1).fill({ key: "", value: "" }),
  },
].map((model_input) => {
  const bytes = new Uint8Array(codec.encodedBytesMax({ model_input }));
  return bytes.slice(0, codec.encode({ model_input }, bytes, 0));
});
