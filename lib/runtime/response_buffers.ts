import { RESPONSE_POOL_BYTES_MAX } from "../limits.ts";
import { BufferPool } from "../memory/buffer_pool.ts";

/** From how many bytes on a response's memory comes from the pool: smaller ones are cheap garbage. */
const POOLED_BYTES_MIN = 65_536;

/** Of all models of a thread: most answers are encoded in the turn in which they come. */
const BUFFERS = new BufferPool({
  smallestBytes: POOLED_BYTES_MIN,
  largestBytes: RESPONSE_POOL_BYTES_MAX / 2,
  bytesMax: RESPONSE_POOL_BYTES_MAX,
});

/** Bytes that are their owner's, who may give their memory to the next. */
export interface OwnedBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** To be called once at most, by who reads them no more; undefined where that saves nothing. */
  readonly recycle: (() => void) | undefined;
}

/** A copy of what threads share. */
export function copyResponse(shared: Uint8Array): OwnedBytes {
  if (shared.length < POOLED_BYTES_MIN) return { bytes: shared.slice(), recycle: undefined };
  const buffer = BUFFERS.take(shared.length);
  const bytes = buffer.subarray(0, shared.length);
  bytes.set(shared);
  return { bytes, recycle: () => BUFFERS.giveBack(buffer) };
}
