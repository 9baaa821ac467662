import assert from "node:assert/strict";
import { copyResponse } from "../../lib/runtime/response_buffers.ts";

const LONG_BYTES = 100_000;

Deno.test("copyResponse() gives the memory of a long response to the next once it is given back", () => {
  const first = copyResponse(new Uint8Array(LONG_BYTES).fill(1));
  const second = copyResponse(new Uint8Array(LONG_BYTES).fill(2));
  assert.notEqual(first.bytes.buffer, second.bytes.buffer);
  first.recycle?.();
  const third = copyResponse(new Uint8Array(LONG_BYTES - 1).fill(3));
  assert.equal(third.bytes.buffer, first.bytes.buffer);
  assert.deepEqual(third.bytes, new Uint8Array(LONG_BYTES - 1).fill(3));
  assert.deepEqual(second.bytes, new Uint8Array(LONG_BYTES).fill(2));
});

Deno.test("copyResponse() copies a short response into memory of its own", () => {
  const shared = Uint8Array.of(1, 2, 3);
  const { bytes, recycle } = copyResponse(shared);
  shared.fill(0);
  assert.deepEqual(bytes, Uint8Array.of(1, 2, 3));
  assert.equal(recycle, undefined);
});
