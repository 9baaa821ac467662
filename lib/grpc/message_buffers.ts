import { MESSAGE_BYTES_MAX_DEFAULT, MESSAGE_POOL_BYTES_MAX } from "../limits.ts";
import { BufferPool } from "../memory/buffer_pool.ts";

/** From how many bytes on a message's buffer comes from the pool: smaller ones are cheap garbage. */
export const POOLED_BYTES_MIN = 65_536;

/**
 * The buffers of a thread's long messages, which are decoded as soon as they have come, and sent as soon as they are
 * encoded. Were they garbage, V8 would mark its whole heap after every few of them.
 */
export const MESSAGE_BUFFERS = new BufferPool({
  smallestBytes: POOLED_BYTES_MIN,
  largestBytes: MESSAGE_BYTES_MAX_DEFAULT,
  bytesMax: MESSAGE_POOL_BYTES_MAX,
});
